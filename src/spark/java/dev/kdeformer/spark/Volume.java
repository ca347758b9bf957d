package dev.kdeformer.spark;

import java.util.Locale;

/**
 * What a call sends over the network, in bytes, by its sizes alone.
 *
 * @param broadcast what each executor is sent that runs a task
 * @param shuffled  what tasks write for other tasks, beside what it takes to pack single rows into blocks
 */
record Volume(long broadcast, long shuffled) {
    /** Floats of a partial result beside its values, and of a result: the log-sum-exp. */
    private static final int SUM = 1;

    /** Bytes of a partial result for some queries: a reference, a sum and the values, as doubles. */
    static long partial(long queries, int dv) {
        return queries * (dv + 2L) * Double.BYTES;
    }

    /**
     * The volume of a plan.
     *
     * @param queries    rows of all heads
     * @param keys       rows of all heads
     * @param partitions of the keys, each of which gives a partial result for every query of its heads
     */
    static Volume of(Plan plan, long queries, long keys, int d, int dv, boolean biased, int partitions) {
        long keyBytes = keys * (d + dv + (biased ? 1 : 0)) * Float.BYTES;
        long queryBytes = queries * d * Float.BYTES;
        return switch (plan) {
            case QUERIES, SHARDS -> new Volume(keyBytes, 0);
            case KEYS -> new Volume(queryBytes, partitions * partial(queries, dv));
            case PARTS -> new Volume(keyBytes + queryBytes, queries * (dv + SUM) * Float.BYTES);
            case HEADS -> new Volume(keyBytes + queryBytes, 0);
        };
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%,.1f MB to each executor, %,.1f MB shuffled", broadcast / 1e6,
                shuffled / 1e6);
    }
}
