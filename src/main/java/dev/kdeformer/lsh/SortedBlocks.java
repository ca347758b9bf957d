package dev.kdeformer.lsh;

/**
 * The cut of sorted queries and sorted keys into the same number of blocks: block b of the queries belongs to block b
 * of the keys. Keys are cut into as few blocks of nearly equal size as a given size allows, queries in proportion, for
 * any numbers of both; with fewer queries than blocks, some blocks have none.
 *
 * @param queries number of queries
 * @param keys    number of keys
 * @param count   number of blocks, at least 1
 */
public record SortedBlocks(int queries, int keys, int count) {
    /**
     * The cut for a size.
     *
     * @param size most keys in a block, at least 1
     */
    public static SortedBlocks of(int queries, int keys, int size) {
        return new SortedBlocks(queries, keys, (int) Math.max(1, Math.ceilDiv((long) keys, size)));
    }

    /** Position of the first key of a block; {@code keys} for the block after the last. */
    public int keyFrom(int block) {
        return (int) ((long) keys * block / count);
    }

    /**
     * Position of the first query of a block; {@code queries} for the block after the last. Rounded to the nearest,
     * so that a query which is alone sits in the middle of the keys and not at their end.
     */
    public int queryFrom(int block) {
        return (int) ((2L * queries * block + count) / (2L * count));
    }
}
