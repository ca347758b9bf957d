package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.pilot.tile.NodeScratch;
import java.util.Arrays;

/** Buffers of one thread for siblings of the query tree, which are worked on together. */
final class Siblings {
    /**
     * Most of them. More at the top, where there are more than four, fetch each key less often; beyond 8, what is kept
     * for each candidate and node no longer fits into the caches.
     */
    static final int MOST = 8;

    private static final int ROWS = Lanes.roundUp((1 + PilotWalk.MOST_RANK) * MOST, LogitKernel.ROWS);

    final NodeScratch[] buffers = new NodeScratch[MOST];

    /** Left operand of the pilot product: for each node the centroid and the directions of its spread. */
    final float[] pilot = new float[ROWS * STRIDE];
    /** The product with one panel of candidates. */
    final float[] panel = new float[ROWS * STRIDE];
    final SiblingFold fold = new SiblingFold();

    Siblings() {
        Arrays.setAll(buffers, i -> new NodeScratch());
    }
}
