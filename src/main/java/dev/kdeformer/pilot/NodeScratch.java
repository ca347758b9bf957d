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
    static final int FLOATS = 9 + 2 * PrincipalSubspace.MOST;

    final MiddleBand middle = new MiddleBand();
    final PrincipalSubspace subspace = new PrincipalSubspace();
    final Packer packer = new Packer();
    final QueryTile queries = new QueryTile();
    final QueryTile deviations = new QueryTile();
    final SoftmaxTile state = new SoftmaxTile();
    /** Left operand of the pilot product: the centroid, then the directions. */
    final float[] pilot = new float[6 * STRIDE];
    /** Its result for one panel. */
    final float[] panel = new float[6 * STRIDE];
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
    /** Components of the candidates along the directions, set r from {@code r · capacity} on. */
    float[] components;
    /** The keys to fold, side by side, with their logits, weights and components. */
    int[] folded;
    float[] products;
    float[] foldedLogits;
    float[] foldedWeights;
    float[] foldedComponents;
    int foldedCount;
    int[] near;
    int capacity;

    void room(int count) {
        // One vector more than needed: compressed vectors are stored whole.
        int padded = Lanes.roundUp(count + LANES, 4 * LANES);
        if (logits.length >= padded) {
            return;
        }
        capacity = padded;
        logits = new float[padded];
        spreads = new float[padded];
        scores = new float[padded];
        weights = new float[padded];
        components = new float[PrincipalSubspace.MOST * padded];
        folded = new int[padded];
        products = new float[padded];
        foldedLogits = new float[padded];
        foldedWeights = new float[padded];
        foldedComponents = new float[PrincipalSubspace.MOST * padded];
        near = new int[padded];
    }
}
