package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.linalg.Cholesky;
import dev.kdeformer.runtime.Memory;
import java.lang.foreign.Arena;
import jdk.incubator.vector.FloatVector;

/**
 * An indexed part of a cache: its keys are sorted into groups of similar ones, and each group has a summary, namely the
 * mean key, the mean value, and the spread of its keys in the metric of the queries. The mean keys lie in groups like
 * keys do, so that the same kernel scores them. All groups share one matrix that says how values go with keys.
 */
final class Region implements AutoCloseable {
    /** The part of a key in its group's mean: taken before the sum, which then cannot overflow. */
    private static final float PART = 1f / GROUP;

    private final Store store;
    private final Arena arena = Arena.ofShared();
    private final int first;
    private final int count;
    private final int leaves;
    private final int padded;
    private final long base;
    private final long unitBytes;
    private final int[][] origin;
    private final double[][] factor;
    private final double[] valueSpread;

    /**
     * A region of keys of all heads that are in order.
     *
     * @param first first key, a multiple of GROUP
     * @param count number of keys, a multiple of GROUP
     */
    Region(Store store, int units, int first, int count) {
        this.store = store;
        this.first = first;
        this.count = count;
        this.leaves = count / GROUP;
        this.padded = Lanes.roundUp(leaves, GROUP);
        this.unitBytes = ((long) padded * (store.d() + store.valueStride() + 3)
                + (long) store.d() * store.valueStride()) * Float.BYTES;
        this.origin = new int[units][];
        this.factor = new double[units][];
        this.valueSpread = new double[units];
        try {
            this.base = arena.allocate(units * unitBytes, 64).address();
        } catch (OutOfMemoryError | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    int first() {
        return first;
    }

    int count() {
        return count;
    }

    int end() {
        return first + count;
    }

    /** Number of groups, each with a summary. */
    int leaves() {
        return leaves;
    }

    /** Number of summaries with padding, a multiple of GROUP. */
    int padded() {
        return padded;
    }

    long bytes() {
        return origin.length * unitBytes;
    }

    /** Address of GROUP mean keys, those of leaves from {@code leaf} on, a multiple of GROUP. */
    long means(int unit, int leaf) {
        return base + unit * unitBytes + (long) leaf * store.d() * Float.BYTES;
    }

    /** Address of the mean value of a leaf. */
    long meanValue(int unit, int leaf) {
        return base + unit * unitBytes + ((long) padded * store.d() + (long) leaf * store.valueStride()) * Float.BYTES;
    }

    /** Address of the spreads: the mean squared distance of a leaf's keys from their mean, per feature. */
    long spreads(int unit) {
        return base + unit * unitBytes + (long) padded * (store.d() + store.valueStride()) * Float.BYTES;
    }

    /** Address of the binary logarithms of the spreads; −∞ for padding. */
    long logSpreads(int unit) {
        return spreads(unit) + (long) padded * Float.BYTES;
    }

    /** Address of the largest squared distances of a leaf's keys from their mean, per feature. */
    long largest(int unit) {
        return logSpreads(unit) + (long) padded * Float.BYTES;
    }

    /** Address of the {@link ValueTilt}: for every feature of a key a row of values. */
    long tilt(int unit) {
        return largest(unit) + (long) padded * Float.BYTES;
    }

    /** Mean squared distance of a value from the mean of all values of a head. */
    double valueSpread(int unit) {
        return valueSpread[unit];
    }

    /** The squared length of a query in the metric that the spreads of a head were measured in. */
    double squaredLength(int unit, float[] query) {
        double[] x = new double[store.d()];
        for (int c = 0; c < x.length; c++) {
            x[c] = query[c];
        }
        if (factor[unit] != null) {
            Cholesky.solveLower(factor[unit], x.length, x);
        }
        double sum = 0;
        for (double each : x) {
            sum += each * each;
        }
        return sum;
    }

    /**
     * Sorts the keys of one head and makes the summaries.
     *
     * @param before regions that made up a part of this one, whose keys are sorted already
     * @param metric factor of the queries' second moment, or null for the identity
     */
    void build(int unit, Iterable<Region> before, double[] metric) {
        int d = store.d();
        int stride = Lanes.padColumns(d);
        int[] from = new int[count];
        for (int i = 0; i < count; i++) {
            from[i] = i;
        }
        for (Region old : before) {
            for (int i = 0; i < old.count; i++) {
                from[old.first - first + i] = old.first - first + old.origin[unit][i];
            }
        }
        factor[unit] = metric;
        GroupRows groups = new GroupRows(d, metric);
        try (Arena temporary = Arena.ofConfined()) {
            long room = temporary.allocate(store.roomBytes(), 64).address();
            long keys = temporary.allocate((long) count * stride * Float.BYTES, 64).address();
            long values = temporary.allocate(count * Math.max(store.layout().valueRowBytes(),
                    store.valueStride() * 4L), 64).address();
            for (int leaf = 0; leaf < leaves; leaf++) {
                groups.readTurned(store.floatKeys(unit, first / GROUP + leaf, room), row(keys, leaf * GROUP, stride));
            }
            for (int leaf = 0; leaf < leaves; leaf++) {
                long rows = row(values, leaf * GROUP, store.valueStride());
                copyValues(store.floatValues(unit, first / GROUP + leaf, rows), rows);
            }
            int[] order = BalancedSplit.order(keys, count, stride, GROUP);
            spreadValues(unit, values);
            summarise(unit, order, keys, stride);
            int[] sorted = new int[count];
            for (int i = 0; i < count; i++) {
                sorted[i] = from[order[i]];
            }
            StoredRows rows = new StoredRows(store, unit, first, count, keys, values);
            rows.read();
            // From here on nothing can fail: either all keys of the head are in their new places or none.
            rows.write(order);
            origin[unit] = sorted;
            average(unit, room);
            ValueTilt.write(store, this, unit, values, room);
        }
    }

    private static long row(long rows, int index, int stride) {
        return rows + (long) index * stride * Float.BYTES;
    }

    private void copyValues(long group, long copy) {
        if (group != copy) {
            Memory.copy(group, copy, (long) GROUP * store.valueStride() * Float.BYTES);
        }
    }

    /** Puts the keys and values of a head back in the order in which they came; false if they were never sorted. */
    boolean restore(int unit) {
        if (origin[unit] == null) {
            return false;
        }
        try (Arena temporary = Arena.ofConfined()) {
            long keys = temporary.allocate(count * StoredRows.keyBytes(store), 64).address();
            long values = temporary.allocate(count * store.layout().valueRowBytes(), 64).address();
            StoredRows rows = new StoredRows(store, unit, first, count, keys, values);
            int[] order = inverse(unit);
            rows.read();
            rows.write(order);
        }
        return true;
    }

    /** For every key, in the order in which they came, where it lies from the first on. */
    int[] inverse(int unit) {
        int[] inverse = new int[count];
        for (int i = 0; i < count; i++) {
            inverse[origin[unit][i]] = i;
        }
        return inverse;
    }

    /** Writes the places, in the order in which they came, that the keys of one of the groups have. */
    void places(int unit, int group, int[] places) {
        int at = group * GROUP - first;
        for (int j = 0; j < GROUP; j++) {
            places[j] = first + origin[unit][at + j];
        }
    }

    private void spreadValues(int unit, long values) {
        int stride = store.valueStride();
        double[] sum = new double[stride];
        float[] lanes = new float[LANES];
        double squares = 0;
        for (int i = 0; i < count; i++) {
            FloatVector square = FloatVector.zero(Lanes.FLOATS);
            for (int c = 0; c < stride; c += LANES) {
                FloatVector x = Lanes.load(row(values, i, stride) + c * 4L);
                square = fma(x, x, square);
                x.intoArray(lanes, 0);
                for (int lane = 0; lane < LANES; lane++) {
                    sum[c + lane] += lanes[lane];
                }
            }
            square.intoArray(lanes, 0);
            squares += Lanes.sum(lanes, 0);
        }
        for (double each : sum) {
            squares -= each * each / count;
        }
        valueSpread[unit] = Math.min(1e30, Math.max(0, squares / count));
    }

    /** The spreads of the leaves and how far their furthest keys lie, from the keys in the metric of the queries. */
    private void summarise(int unit, int[] order, long keys, int stride) {
        float[] mean = new float[stride];
        for (int leaf = 0; leaf < padded; leaf++) {
            boolean present = leaf < leaves;
            double spread = present ? perFeature(squares(order, leaf * GROUP, keys, mean) / GROUP) : 0;
            double largest = present ? perFeature(largest(order, leaf * GROUP, keys, mean)) : 0;
            Memory.putFloat(spreads(unit) + leaf * 4L, (float) spread);
            Memory.putFloat(largest(unit) + leaf * 4L, (float) largest);
            Memory.putFloat(logSpreads(unit) + leaf * 4L,
                    present ? (float) (Math.log(spread) / Math.log(2)) : Float.NEGATIVE_INFINITY);
        }
    }

    private double perFeature(float square) {
        return Math.min(1e30, Math.max(square / store.d(), 1e-30));
    }

    /** The sum of the squared distances of a group of rows from their mean, which is found as well. */
    private static float squares(int[] order, int at, long rows, float[] mean) {
        FloatVector squares = FloatVector.zero(Lanes.FLOATS);
        for (int c = 0; c < mean.length; c += LANES) {
            FloatVector middle = FloatVector.zero(Lanes.FLOATS);
            for (int j = 0; j < GROUP; j++) {
                middle = Lanes.load(row(rows, order[at + j], mean.length) + c * 4L).mul(PART).add(middle);
            }
            middle.intoArray(mean, c);
            for (int j = 0; j < GROUP; j++) {
                FloatVector x = Lanes.load(row(rows, order[at + j], mean.length) + c * 4L).sub(middle);
                squares = fma(x, x, squares);
            }
        }
        return Lanes.sum(squares);
    }

    /** The largest squared distance of a group of rows from their mean. */
    private static float largest(int[] order, int at, long rows, float[] mean) {
        float largest = 0;
        for (int j = 0; j < GROUP; j++) {
            FloatVector square = FloatVector.zero(Lanes.FLOATS);
            for (int c = 0; c < mean.length; c += LANES) {
                FloatVector x = Lanes.load(row(rows, order[at + j], mean.length) + c * 4L)
                        .sub(FloatVector.fromArray(Lanes.FLOATS, mean, c));
                square = fma(x, x, square);
            }
            largest = Math.max(largest, Lanes.sum(square));
        }
        return largest;
    }

    /** The mean keys and values of the leaves, from the keys and values in their places. */
    private void average(int unit, long room) {
        int d = store.d();
        Memory.fillFloats(means(unit, 0), (long) padded * (d + store.valueStride()), 0);
        for (int leaf = 0; leaf < leaves; leaf++) {
            long keys = store.floatKeys(unit, first / GROUP + leaf, room);
            long means = means(unit, leaf / GROUP * GROUP) + leaf % GROUP * 4L;
            for (int c = 0; c < d; c++) {
                FloatVector sum = FloatVector.zero(Lanes.FLOATS);
                for (int j = 0; j < GROUP; j += LANES) {
                    sum = Lanes.load(keys + ((long) c * GROUP + j) * Float.BYTES).mul(PART).add(sum);
                }
                Memory.putFloat(means + (long) c * GROUP * Float.BYTES, Lanes.sum(sum));
            }
            long values = store.floatValues(unit, first / GROUP + leaf, room);
            for (int c = 0; c < store.valueStride(); c += LANES) {
                FloatVector sum = FloatVector.zero(Lanes.FLOATS);
                for (int j = 0; j < GROUP; j++) {
                    sum = Lanes.load(row(values, j, store.valueStride()) + c * 4L).mul(PART).add(sum);
                }
                Lanes.store(sum, meanValue(unit, leaf) + c * 4L);
            }
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
