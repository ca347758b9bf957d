package dev.kdeformer.kde;

import dev.kdeformer.sampling.CounterRandom;
import it.unimi.dsi.fastutil.longs.Long2IntOpenHashMap;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Hash tables for queries whose sum is about a part μ of the total weight. Points that matter then lie within the
 * distance R at which the kernel is μ; the hash is such that the probability of sharing a bucket is √μ there, which
 * balances the kernel's variation against the variation of what a bucket holds.
 *
 * <p>Every table holds a systematic sample of the points in proportion to their weights, which all then weigh the
 * same. It gives one unit of an estimate: the mean over some members of the query's bucket of kernel divided by
 * collision probability, times the bucket's part of the table. Its expectation is the sum divided by the weight.
 */
final class HashLevel {
    /** Tables of a level, the most units that a query can have. */
    static final int TABLES = 1024;

    /** Members of a bucket that a query evaluates. */
    private static final int DRAWS = 8;
    private static final int LEAST_SAMPLE = 4096;
    private static final int SAMPLE_SHARE = 64;
    private static final int NO_BUCKET = -1;

    private final Points points;
    private final Strata strata;
    private final double density;
    private final StableHash hash;
    private final CounterRandom random;
    private final int size;
    private final AtomicReferenceArray<Table> tables = new AtomicReferenceArray<>(TABLES);
    private final Object[] locks = new Object[TABLES];

    /** Members by bucket, which {@code buckets} finds by its code; bucket i has those from {@code starts[i]} on. */
    private record Table(int[] members, Long2IntOpenHashMap buckets, int[] starts) {
    }

    /**
     * A level without any table yet.
     *
     * @param density μ
     */
    HashLevel(Points points, Strata strata, double density, CounterRandom random) {
        this.points = points;
        this.strata = strata;
        this.density = density;
        this.random = random;
        double radius = Math.sqrt(-2 * Math.log(density));
        int functions = Math.max(1, (int) Math.round(0.5 * Math.log(density) / Math.log(StableHash.collision(1))));
        double unit = Math.sqrt(points.factor());
        this.hash = new StableHash(random.stream(0), TABLES, functions, radius / unit, points.features(),
                4 * radius / unit);
        this.size = Math.min(points.count(), Math.max(LEAST_SAMPLE, points.count() / SAMPLE_SHARE));
        Arrays.setAll(locks, i -> new Object());
    }

    /** A table, filled by whoever needs it first. */
    private Table table(int table) {
        Table filled = tables.get(table);
        if (filled == null) {
            synchronized (locks[table]) {
                filled = tables.get(table);
                if (filled == null) {
                    filled = fill(table);
                    tables.set(table, filled);
                }
            }
        }
        return filled;
    }

    private Table fill(int table) {
        int[] sample = new int[size];
        strata.systematic(random.stream(1, table), sample);
        long[] all = new long[size];
        float[] row = new float[points.stride()];
        for (int i = 0; i < size; i++) {
            System.arraycopy(points.rows(), sample[i] * points.stride(), row, 0, row.length);
            all[i] = hash.code(table, row);
        }
        Long2IntOpenHashMap buckets = new Long2IntOpenHashMap();
        buckets.defaultReturnValue(NO_BUCKET);
        int[] bucket = new int[size];
        int[] start = new int[size + 1];
        for (int i = 0; i < size; i++) {
            int known = buckets.putIfAbsent(all[i], buckets.size());
            bucket[i] = known == NO_BUCKET ? buckets.size() - 1 : known;
            start[bucket[i] + 1]++;
        }
        buckets.trim();
        for (int i = 0; i < buckets.size(); i++) {
            start[i + 1] += start[i];
        }
        int[] next = start.clone();
        int[] member = new int[size];
        for (int i = 0; i < size; i++) {
            member[next[bucket[i]]++] = sample[i];
        }
        return new Table(member, buckets, Arrays.copyOf(start, buckets.size() + 1));
    }

    /** μ. */
    double density() {
        return density;
    }

    /** One unit: what a table says about the sum at a query, as a part of the total weight. */
    double unit(int index, float[] x, SampledDensity.Counter counter) {
        counter.add(hash.functions());
        Table table = table(index);
        int bucket = table.buckets.get(hash.code(index, x));
        if (bucket == NO_BUCKET) {
            return 0;
        }
        int from = table.starts[bucket];
        int count = table.starts[bucket + 1] - from;
        int drawn = Math.min(count, DRAWS);
        CounterRandom stream = random.stream(2, index);
        double sum = 0;
        for (int i = 0; i < drawn; i++) {
            int at = from + (count <= DRAWS ? i : (int) ((i + stream.uniform(i)) * count / drawn));
            double log = points.logKernel(x, table.members[at]);
            sum += Math.exp(log - hash.logCollision(Math.sqrt(-2 * log / points.factor())));
        }
        counter.add(drawn);
        return sum / drawn * count / size;
    }
}
