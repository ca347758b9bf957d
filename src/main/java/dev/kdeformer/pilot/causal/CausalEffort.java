package dev.kdeformer.pilot.causal;

import java.util.List;

/**
 * How much a pass over causal spans spends.
 *
 * @param span most queries of a span
 * @param levels a span is halved so often into tiles of similar queries; at 0 it is one tile
 * @param near   keys evaluated exactly per tile
 */
record CausalEffort(int span, int levels, int near) {
    /** Efforts of rising cost, for the search of an error budget. */
    private static final List<CausalEffort> LADDER = List.of(new CausalEffort(256, 0, 64), new CausalEffort(256, 0,
            256),
            new CausalEffort(512, 1, 384), new CausalEffort(512, 2, 512), new CausalEffort(1024, 4, 512),
            new CausalEffort(1024, 4, 1024));

    /** Queries of a tile on the highest rungs. */
    static final int SMALLEST_TILE = LADDER.getLast().span >> LADDER.getLast().levels;

    /** The highest rung. */
    static final double TOP = LADDER.size() - 1;

    /** The effort of a rung of the ladder, of the next one above where it lies between two. */
    static CausalEffort at(double rung) {
        return LADDER.get((int) Math.ceil(rung));
    }

    /** Fewer shared keys than this are all computed exactly. */
    int shortest() {
        return Math.max(256, 2 * near);
    }
}
