package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import jdk.incubator.vector.FloatVector;

/**
 * The online softmax of every query of a head between the parts of its keys: reference exponent, sum of weights and
 * weighted values. Two parts are merged by scaling the one with the smaller reference. Different rows may be merged by
 * different threads.
 */
public final class PartialRows {
    private final int dv;
    private final int stride;
    private final long references;
    private final long sums;
    private final long values;

    /** Empty rows, with memory from {@code scratch}. */
    public PartialRows(Scratch scratch, int rows, int dv) {
        this.dv = dv;
        this.stride = Lanes.padColumns(dv);
        this.references = scratch.floats(rows);
        this.sums = scratch.floats(rows);
        this.values = scratch.floats((long) rows * stride);
        clear(0, rows);
    }

    /** Empties rows [from, to). */
    public void clear(int from, int to) {
        Memory.fillFloats(sums + (long) from * Float.BYTES, to - from, 0);
    }

    /** Bytes of scratch memory. */
    public static long bytes(int rows, int dv) {
        return (Lanes.padColumns(dv) + 2L) * rows * Float.BYTES;
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

    private void merge(int row, float reference, float sum, float[] from, int at) {
        long rowReference = references + (long) row * Float.BYTES;
        long rowSum = sums + (long) row * Float.BYTES;
        float oldSum = Memory.getFloat(rowSum);
        // An empty row has any reference and factor 0 for values that are not set yet.
        float old = oldSum > 0 ? Memory.getFloat(rowReference) : reference;
        float larger = Math.max(old, reference);
        float keep = power(old - larger);
        float add = power(reference - larger);
        Memory.putFloat(rowReference, larger);
        Memory.putFloat(rowSum, oldSum * keep + sum * add);
        long address = values + (long) row * stride * Float.BYTES;
        for (int c = 0; c < stride; c += LANES) {
            FloatVector x = FloatVector.fromArray(Lanes.FLOATS, from, at + c).mul(add);
            if (oldSum > 0) {
                x = Lanes.load(address).mul(keep).add(x);
            }
            Lanes.store(x, address);
            address += Lanes.VECTOR_BYTES;
        }
    }

    private static float power(float exponent) {
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
            float sum = Memory.getFloat(sums + (long) (from + r) * Float.BYTES);
            long address = values + (long) (from + r) * stride * Float.BYTES;
            for (int c = 0; c < stride; c += LANES) {
                FloatVector x = sum > 0 ? Lanes.load(address).mul(1 / sum) : FloatVector.zero(Lanes.FLOATS);
                x.intoArray(row, c);
                address += Lanes.VECTOR_BYTES;
            }
            output.writeRow(from + r, row, 0);
            if (logSumExp != null) {
                double reference = Memory.getFloat(references + (long) (from + r) * Float.BYTES);
                logSumExp.set(from + r, 0, sum > 0
                        ? (float) (reference * Math.log(2) + Math.log(sum) + (shift == null ? 0 : shift[r]))
                        : Float.NEGATIVE_INFINITY);
            }
        }
    }
}
