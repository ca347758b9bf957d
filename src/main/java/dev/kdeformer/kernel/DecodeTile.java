package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STEP;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;

import java.util.Arrays;

/**
 * The online softmax of a few queries over groups of keys at any addresses: for every row the largest exponent, the sum
 * of weights and the weighted sum of values. Kept per thread. Groups are put into a step with {@link #put} and counted
 * when it is full or flushed.
 */
public final class DecodeTile {
    /** Most queries in a tile. */
    public static final int ROWS = 48;

    private static final int GROUPS = STEP / GROUP;

    private final float[] s = new float[ROWS * STRIDE];
    private final SoftmaxRows state = new SoftmaxRows(ROWS);
    private final long[] groupValues = new long[GROUPS];
    private final int[] groupKeys = new int[GROUPS];
    private float[] q = new float[0];
    private int rows;
    private int d;
    private int dv;
    private int groups;
    private float factor;

    /**
     * Starts an empty state of {@code rowCount} queries.
     *
     * @param logitFactor what logits are multiplied by to be exponents in units of log 2, positive
     */
    public void begin(int rowCount, int keyFeatures, int valueFeatures, float logitFactor) {
        rows = rowCount;
        d = keyFeatures;
        dv = valueFeatures;
        state.begin(rows, dv);
        factor = logitFactor;
        groups = 0;
        if (q.length < rows * d) {
            q = new float[ROWS * d];
        }
    }

    /** The queries, already multiplied by {@link LogitScale#power}; row r starts at {@code r · d}. */
    public float[] queries() {
        return q;
    }

    /** Row distance of {@link #values}. */
    public int valueStride() {
        return state.stride();
    }

    /** The weighted values; row r starts at {@code r · valueStride()}. */
    public float[] values() {
        return state.values();
    }

    /** The reference exponent of a row, in units of log 2; below −2¹⁰⁰ if it has seen no key. */
    public double reference(int row) {
        return state.reference(row);
    }

    /** The sum of the weights of a row, relative to its {@link #reference}. */
    public float sum(int row) {
        return state.sum(row);
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
        state.raise(s, columns, factor);
        for (int c = 0; c < columns; c += ExpKernel.COLUMNS) {
            state.exp(s, c, factor, state.sums());
        }
        int stride = state.stride();
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
        state.endStep();
    }

    private void addValues(int column, int keys, long address) {
        int stride = state.stride();
        int vectors = stride / LANES;
        float[] values = state.span();
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

    /** Bytes that {@link #store} writes for each row. */
    public static long stateBytes(int valueFeatures) {
        return PartialRows.rowBytes(valueFeatures);
    }

    /** Stores the state of every row, {@link #stateBytes} each, as {@link PartialRows} lays them out. */
    public void store(long address) {
        PartialRows partial = PartialRows.at(address, dv);
        for (int r = 0; r < rows; r++) {
            partial.set(r, state.reference(r), state.sum(r), state.values(), r * state.stride());
        }
    }
}
