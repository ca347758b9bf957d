package dev.kdeformer.exact;

import dev.kdeformer.kernel.QueryTile;

/** Cuts n queries into tiles of nearly equal size, each a multiple of the register tiles' rows. */
final class Tiling {
    /** What the rows of the register tiles for logits (6) and for most values (12) both divide. */
    private static final int UNIT = 12;

    private final int n;
    private final int size;
    private final int count;

    /**
     * @param wanted number of tiles to make at least, where there are enough queries, to give every thread work
     */
    Tiling(int n, int wanted) {
        this.n = n;
        int tiles = Math.max((n + QueryTile.ROWS - 1) / QueryTile.ROWS, wanted);
        int even = (n + tiles - 1) / tiles;
        this.size = (even + UNIT - 1) / UNIT * UNIT;
        this.count = (n + size - 1) / size;
    }

    int count() {
        return count;
    }

    /** First query of a tile; n for the one after the last. */
    int from(int tile) {
        return (int) Math.min(n, (long) tile * size);
    }
}
