package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import jdk.incubator.vector.FloatVector;

/**
 * The online softmax of many rows between the parts of their keys, off-heap: reference exponent, sum of weights and
 * weighted values. Two parts are merged by scaling the one with the smaller reference. Different rows may be merged by
 * different threads.
 *
 * <p>A row is {@link #rowBytes} long: the reference and the sum as doubles, then from {@link #VALUES} on the values as
 * floats, whole vectors of them.
 */
public final class PartialRows {
    /** Bytes from the start of a row to its values; keeps them aligned. */
    private static final long VALUES = 64;

    private final int stride;
    private final long rowBytes;
    private final long address;

    private PartialRows(long address, int dv) {
        this.stride = Lanes.padColumns(dv);
        this.rowBytes = rowBytes(dv);
        this.address = address;
    }

    /** Empty rows, with memory from {@code scratch}. */
    public PartialRows(Scratch scratch, int rows, int dv) {
        this(scratch.allocate(bytes(rows, dv)), dv);
        clear(0, rows);
    }

    /** The rows that lie at an address of scratch memory. */
    public static PartialRows at(long address, int dv) {
        return new PartialRows(address, dv);
    }

    /** Bytes of a row. */
    public static long rowBytes(int dv) {
        return VALUES + Lanes.padColumns(dv) * 4L;
    }

    /** Bytes of scratch memory. */
    public static long bytes(int rows, int dv) {
        return rows * rowBytes(dv);
    }

    /** Empties rows [from, to). */
    public void clear(int from, int to) {
        for (int row = from; row < to; row++) {
            Memory.putDouble(row(row) + Double.BYTES, 0);
        }
    }

    private long row(int row) {
        return address + row * rowBytes;
    }

    /** The reference exponent of a row, in units of log 2; means nothing where the sum is 0. */
    public double reference(int row) {
        return Memory.getDouble(row(row));
    }

    /** The sum of a row's weights, relative to its reference. */
    public double sum(int row) {
        return Memory.getDouble(row(row) + Double.BYTES);
    }

    /** Weighted value {@code c} of a row, relative to its reference. */
    public float value(int row, int c) {
        return Memory.getFloat(row(row) + VALUES + c * 4L);
    }

    /** Reads the weighted values of a row, relative to its reference, with their padding. */
    public void readValues(int row, float[] target) {
        for (int c = 0; c < stride; c += LANES) {
            Lanes.load(row(row) + VALUES + c * 4L).intoArray(target, c);
        }
    }

    /** Sets a row, with whole vectors of values from index {@code at} on. */
    void set(int row, double reference, double sum, float[] values, int at) {
        Memory.putDouble(row(row), reference);
        Memory.putDouble(row(row) + Double.BYTES, sum);
        for (int c = 0; c < stride; c += LANES) {
            Lanes.store(FloatVector.fromArray(Lanes.FLOATS, values, at + c), row(row) + VALUES + c * 4L);
        }
    }

    /**
     * Merges a tile into its rows.
     *
     * @param order address of ints, the row at every position; 0 for the identity
     * @param from  position of the tile's first query
     */
    public void merge(SoftmaxTile state, int count, long order, int from) {
        for (int r = 0; r < count; r++) {
            int row = order == 0 ? from + r : Memory.getInt(order + (long) (from + r) * Integer.BYTES);
            float sum = state.sum(r);
            if (sum > 0) {
                merge(row, state.reference(r), sum, state.values(), r * state.valueStride());
            }
        }
    }

    private void merge(int row, double reference, float sum, float[] from, int at) {
        double oldSum = sum(row);
        if (oldSum == 0) {
            set(row, reference, sum, from, at);
            return;
        }
        double larger = Math.max(reference(row), reference);
        float keep = power(reference(row) - larger);
        float add = power(reference - larger);
        Memory.putDouble(row(row), larger);
        Memory.putDouble(row(row) + Double.BYTES, oldSum * keep + sum * add);
        for (int c = 0; c < stride; c += LANES) {
            long to = row(row) + VALUES + c * 4L;
            Lanes.store(Lanes.load(to).mul(keep).add(FloatVector.fromArray(Lanes.FLOATS, from, at + c).mul(add)), to);
        }
    }

    private static float power(double exponent) {
        return exponent == 0 ? 1 : (float) Math.pow(2, exponent);
    }

    /**
     * Divides and writes rows [from, from + count); a row without keys becomes zeros.
     *
     * @param output    (n, d_v)
     * @param logSumExp (n, 1), or null
     * @param shift     what to add to the log-sum-exp of each row, natural logarithm; null for nothing
     */
    public void write(int from, int count, Matrix output, Matrix logSumExp, double[] shift) {
        float[] row = new float[stride];
        for (int r = 0; r < count; r++) {
            double sum = sum(from + r);
            float inverse = (float) (1 / sum);
            long values = row(from + r) + VALUES;
            for (int c = 0; c < stride; c += LANES) {
                FloatVector x = sum > 0 ? Lanes.load(values + c * 4L).mul(inverse) : FloatVector.zero(Lanes.FLOATS);
                x.intoArray(row, c);
            }
            output.writeRow(from + r, row, 0);
            if (logSumExp != null) {
                logSumExp.set(from + r, 0, sum > 0
                        ? (float) (reference(from + r) * Math.log(2) + Math.log(sum) + (shift == null ? 0 : shift[r]))
                        : Float.NEGATIVE_INFINITY);
            }
        }
    }
}
