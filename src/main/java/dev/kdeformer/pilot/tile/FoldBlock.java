package dev.kdeformer.pilot.tile;

import dev.kdeformer.kernel.Lanes;

/** A block of keys that nodes fold, and what each weighs to each of the nodes. */
public final class FoldBlock {
    /** Most keys. */
    public static final int KEYS = 128;

    /** Distance of the nodes' weights: compressed vectors are stored whole, and lines keep out of each other's sets. */
    public static final int ROOM = KEYS + 2 * Lanes.LANES;

    /** The keys. */
    public final int[] index = new int[ROOM];
    /** Weights of node i from index {@code i · ROOM} on. */
    public final float[] weights;
    /** Number of keys. */
    public int count;

    /** A block for some nodes. */
    public FoldBlock(int nodes) {
        weights = new float[Lanes.roundUp(nodes, FoldKernel.NODES) * ROOM];
    }
}
