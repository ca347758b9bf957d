package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;

/** Buffers of one thread for the work at a node. */
final class NodeScratch {
    /** Elements for each candidate. */
    static final int FLOATS = 6;

    final DrawnKeys drawn = new DrawnKeys();
    final TiltKernel tilt = new TiltKernel();
    final PrincipalSubspace subspace = new PrincipalSubspace();
    final Packer packer = new Packer();
    final QueryTile queries = new QueryTile();
    final QueryTile deviations = new QueryTile();
    final SoftmaxTile state = new SoftmaxTile();
    final float[] weighted = new float[QueryTile.ROWS * STRIDE];
    /** Sums of weights of a tile's far part, and what they are relative to. */
    final float[] farSums = new float[QueryTile.ROWS];
    final float[] farReferences = new float[QueryTile.ROWS];
    final Choice choice = new Choice();
    final float[] lanes = new float[LANES];

    float[] logits = new float[0];
    float[] spreads;
    float[] scores;
    float[] weights;
    /** The weight of each candidate that is folded, 0 for the others. */
    float[] folded;
    int foldedCount;
    int[] near;

    void room(int count) {
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
