package dev.kdeformer.pilot.cells;

/**
 * How much a pass over cells spends.
 *
 * @param threshold a key is evaluated, and a node of the key tree taken apart, where the logarithm of the squared error
 *                  that it would cost, as a part of the squared sum of weights, exceeds this
 * @param tile      queries of a tile, aimed at
 */
record CellEffort(double threshold, int tile) {
    /** Tiles that a pass may have: small ones need fewer near keys, and cost more besides. */
    static final int LARGE_TILE = 256;
    static final int SMALL_TILE = 64;

    /** The highest rung. */
    static final double TOP = 12;

    private static final double FIRST = -13;

    /** The effort of a rung: each divides the squared error that is tolerated by e. */
    static CellEffort at(double rung, int tile) {
        return new CellEffort(FIRST - rung, tile);
    }
}
