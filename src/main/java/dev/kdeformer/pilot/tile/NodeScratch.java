package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.pilot.keys.PrincipalSubspace;

/**
 * Buffers for measuring a node's candidates, choosing and folding. They belong to a thread and are lent to one node at
 * a time: what is in them is of use until the walk goes down from that node.
 */
public final class NodeScratch {
    /** Elements for each candidate. */
    public static final int FLOATS = 6;

    public final DrawnKeys drawn = new DrawnKeys();
    public final TiltKernel tilt = new TiltKernel();
    public final PrincipalSubspace subspace = new PrincipalSubspace();
    public final Packer packer = new Packer();
    public final Choice choice = new Choice();
    public final float[] lanes = new float[LANES];

    public float[] logits = new float[0];
    public float[] spreads;
    public float[] scores;
    public float[] weights;
    /** The weight of each candidate that is folded, 0 for the others. */
    public float[] folded;
    public int foldedCount;
    public int[] near;

    /** Makes room for so many keys; what the arrays held is lost where they grow. */
    public void room(int count) {
        // One vector more than needed: compressed vectors are stored whole.
        int padded = Lanes.roundUp(count + LANES, 4 * LANES);
        if (logits.length >= padded) {
            return;
        }
        logits = new float[padded];
        spreads = new float[padded];
        scores = new float[padded];
        weights = new float[padded];
        folded = new float[padded];
        near = new int[padded];
    }
}
