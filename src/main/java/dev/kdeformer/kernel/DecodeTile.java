package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STEP;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;

import dev.kdeformer.runtime.Memory;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The online softmax of a few queries over groups of keys at any addresses: for every row the largest exponent, the sum
 * of weights and the weighted sum of values. Kept per thread. Groups are put into a step with {@link #put} and counted
 * when it is full or flushed.
 */
public final class DecodeTile {
    /** Most queries in a tile. */
    public static final int ROWS = 48;

    /** Stands for the maximum of a row that has seen no key; finite, so that nothing is subtracted from infinity. */
    private static final float NOTHING = -0x1p126f;

    private static final float[] NO_REFERENCE = new float[ROWS];

    private static final int GROUPS = STEP / GROUP;

    private final float[] s = new float[ROWS * STRIDE];
    private final float[] max = new float[ROWS];
    private final float[] newMax = new float[ROWS];
    private final float[] sums = new float[ROWS * LANES];
    private final long[] groupValues = new long[GROUPS];
    private final int[] groupKeys = new int[GROUPS];
    private float[] q = new float[0];
    private float[] values = new float[0];
    private int rows;
    private int d;
    private int stride;
    private int groups;
    private float factor;

    /**
     * Starts an empty state.
     *
     * @param logitFactor what logits are multiplied by to be exponents in units of log 2, positive
     */
    public void begin(int rowCount, int keyFeatures, int valueFeatures, float logitFactor) {
        rows = rowCount;
        d = keyFeatures;
        stride = Lanes.padColumns(valueFeatures);
        factor = logitFactor;
        groups = 0;
        if (q.length < rows * d) {
            q = new float[ROWS * d];
        }
        if (values.length < ROWS * stride) {
            values = new float[ROWS * stride];
        }
        Arrays.fill(values, 0, rows * stride, 0);
        Arrays.fill(sums, 0, rows * LANES, 0);
        Arrays.fill(max, 0, rows, NOTHING);
    }

    /** The queries, already multiplied by {@link LogitScale#power}; row r starts at {@code r · d}. */
    public float[] queries() {
        return q;
    }

    /** Row distance of {@link #values}. */
    public int valueStride() {
        return stride;
    }

    /** The weighted values; row r starts at {@code r · valueStride()}. */
    public float[] values() {
        return values;
    }

    /** The reference exponent of a row, in units of log 2: its largest, rounded up to a whole number. */
    public float reference(int row) {
        return max[row];
    }

    /** The sum of the weights of a row, relative to its {@link #reference}. */
    public float sum(int row) {
        return Lanes.sum(sums, row * LANES);
    }

    /**
     * Adds a group.
     *
     * @param keys    address of the keys
     * @param value   address of the values
     * @param visible number of keys that each row sees, counted from the group's first; may be more than there are or
     *                negative; null if every row sees all GROUP keys
     */
    public void put(long keys, long value, int[] visible) {
        int column = groups * GROUP;
        DecodeKernel.logits(q, d, rows, d, keys, s, column);
        int present = GROUP;
        if (visible != null) {
            present = 0;
            for (int r = 0; r < rows; r++) {
                int from = Math.min(GROUP, Math.max(0, visible[r]));
                present = Math.max(present, from);
                Arrays.fill(s, r * STRIDE + column + from, r * STRIDE + column + GROUP, Float.NEGATIVE_INFINITY);
            }
        }
        add(value, present);
    }

    /**
     * Adds a group of values whose logits the caller knows; for a state of one row.
     *
     * @param logits GROUP logits from index {@code at} on, −∞ for what is hidden
     */
    public void putLogits(float[] logits, int at, long value) {
        System.arraycopy(logits, at, s, groups * GROUP, GROUP);
        add(value, GROUP);
    }

    private void add(long value, int present) {
        groupValues[groups] = value;
        groupKeys[groups] = present;
        if (++groups == GROUPS) {
            flush();
        }
    }

    /** Counts the groups that were put since the last full step. */
    public void flush() {
        if (groups == 0) {
            return;
        }
        int columns = Lanes.roundUp(groups * GROUP, ExpKernel.COLUMNS);
        for (int r = 0; r < rows && columns > groups * GROUP; r++) {
            Arrays.fill(s, r * STRIDE + groups * GROUP, r * STRIDE + columns, Float.NEGATIVE_INFINITY);
        }
        System.arraycopy(max, 0, newMax, 0, rows);
        ExpKernel.rowMax(s, 0, rows, columns, factor, newMax);
        rescale();
        boolean far = ExpKernel.far(max, rows, NOTHING);
        if (far) {
            ExpKernel.relate(s, 0, rows, columns, factor, max);
        }
        for (int c = 0; c < columns; c += ExpKernel.COLUMNS) {
            ExpKernel.exp(s, c, rows, far ? 1 : factor, far ? NO_REFERENCE : max, sums);
        }
        int from = 0;
        while (from < groups) {
            // Neighbours in memory are one run of rows.
            int keys = groupKeys[from];
            int next = from + 1;
            while (next < groups && keys == (next - from) * GROUP
                    && groupValues[next] == groupValues[from] + (long) keys * stride * 4) {
                keys += groupKeys[next++];
            }
            addValues(from * GROUP, keys, groupValues[from]);
            from = next;
        }
        groups = 0;
    }

    private void addValues(int column, int keys, long address) {
        int vectors = stride / LANES;
        if (rows <= 2) {
            for (int r = 0; r < rows; r++) {
                DecodeKernel.values(s, r * STRIDE + column, keys, address, vectors, values, r * stride);
            }
            return;
        }
        for (int v = 0; v < vectors; v += ValueKernel.WIDEST) {
            ValueKernel.add(s, column, rows, keys, address + v * VECTOR_BYTES, stride * 4L,
                    Math.min(ValueKernel.WIDEST, vectors - v), values, v * LANES, stride);
        }
    }

    private void rescale() {
        for (int r = 0; r < rows; r++) {
            if (newMax[r] == max[r]) {
                continue;
            }
            float by = (float) Math.pow(2, max[r] - newMax[r]);
            max[r] = newMax[r];
            FloatVector.fromArray(FLOATS, sums, r * LANES).mul(by).intoArray(sums, r * LANES);
            for (int c = r * stride; c < (r + 1) * stride; c += LANES) {
                FloatVector.fromArray(FLOATS, values, c).mul(by).intoArray(values, c);
            }
        }
    }

    /** Floats that {@link #store} writes for each row. */
    public static int stateFloats(int valueFeatures) {
        return Lanes.padColumns(valueFeatures) + 2;
    }

    /** Stores the state of every row, {@link #stateFloats} floats each: reference, sum and values. */
    public void store(long address) {
        for (int r = 0; r < rows; r++) {
            long at = address + r * (stride + 2L) * 4;
            Memory.putFloat(at, max[r]);
            Memory.putFloat(at + 4, sum(r));
            for (int c = 0; c < stride; c++) {
                Memory.putFloat(at + 8 + c * 4L, values[r * stride + c]);
            }
        }
    }
}
