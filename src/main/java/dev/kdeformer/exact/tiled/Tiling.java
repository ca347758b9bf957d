package dev.kdeformer.exact.tiled;

import dev.kdeformer.kernel.QueryTile;

/**
 * Cuts n queries into tiles of nearly equal size, each a multiple of the register tiles' rows, and those into groups
 * that one task computes together.
 */
final class Tiling {
    /** What the rows of the register tiles for logits (6) and for most values (12) both divide. */
    private static final int UNIT = 12;

    /** Groups to make for each thread at least, so that all threads end at nearly the same time. */
    private static final int GROUPS_PER_THREAD = 8;

    private final int n;
    private final int size;
    private final int count;
    private final int group;

    /**
     * Cuts n queries of each head.
     *
     * @param heads   number of query heads that are cut alike
     * @param threads that share the groups of all heads
     */
    Tiling(int n, int heads, int threads) {
        this.n = n;
        int tiles = Math.max(Math.ceilDiv(n, QueryTile.ROWS), 2 * threads / heads);
        int even = Math.ceilDiv(n, tiles);
        this.size = Math.ceilDiv(even, UNIT) * UNIT;
        this.count = Math.ceilDiv(n, size);
        long spare = (long) heads * count / (GROUPS_PER_THREAD * (long) threads);
        this.group = threads == 1 ? TileGroup.MOST : (int) Math.max(1, Math.min(TileGroup.MOST, spare));
    }

    int count() {
        return count;
    }

    /** First query of a tile; n for the one after the last. */
    int from(int tile) {
        return (int) Math.min(n, (long) tile * size);
    }

    /** Number of groups; the last may have fewer tiles. */
    int groups() {
        return Math.ceilDiv(count, group);
    }

    /** First tile of a group; the number of tiles for the one after the last. */
    int firstTile(int index) {
        return Math.min(count, index * group);
    }
}
