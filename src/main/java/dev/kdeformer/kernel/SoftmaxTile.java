package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STEP;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.kernel.Lanes.WIDTH;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The online softmax of one tile of queries: for every row a reference exponent, the sum of weights and the weighted
 * sum of values over all keys that were added, in any number of parts (Dao 2022, FlashAttention; Milakov and
 * Gimelshein 2018). Kept per thread.
 *
 * <p>The reference exponent m of a row is the maximum of its first few keys, rounded up to a whole number, and then stays: later logits may exceed it by
 * up to {@link #SLACK} before the sums are rescaled, so that the common step needs no pass for the maximum. A step
 * that exceeds it is done again with the true maximum; where that happens more than twice, all further steps of the
 * tile look at the maximum first.
 */
public final class SoftmaxTile {
    /** What a logit may exceed the reference exponent by, in units of log 2. */
    private static final float SLACK = 16;

    /** Stands for the maximum of a row that has seen no key; finite, so that nothing is subtracted from infinity. */
    private static final float NOTHING = -0x1p126f;

    private static final float[] NO_REFERENCE = new float[QueryTile.ROWS];

    private final float[] s;
    private final float[] max = new float[QueryTile.ROWS];
    private final float[] newMax = new float[QueryTile.ROWS];
    private final float[] sums = new float[QueryTile.ROWS * LANES];
    private final float[] stepSums = new float[QueryTile.ROWS * LANES];
    private float[] values = new float[0];
    private int stride;
    private int rows;
    private int dv;
    private boolean started;
    private boolean far;
    private int redone;
    /** Which keys the rows see in the part that is being added; ends of single rows, if not null, overrule the last. */
    private int firstKey;
    private int lastKey;
    private int[] lastKeys;

    /** A state with room of its own for logits. */
    public SoftmaxTile() {
        s = new float[QueryTile.ROWS * STRIDE];
    }

    /** A state that computes its logits where {@code other} does, so that they stay in the cache: for the same thread. */
    public SoftmaxTile(SoftmaxTile other) {
        s = other.s;
    }

    /** Starts an empty state for {@code count} queries and values of {@code features} features. */
    public void begin(int count, int features) {
        rows = count;
        dv = features;
        stride = Lanes.padColumns(features);
        if (values.length < QueryTile.ROWS * stride) {
            values = new float[QueryTile.ROWS * stride];
        } else {
            Arrays.fill(values, 0, rows * stride, 0);
        }
        Arrays.fill(sums, 0, rows * LANES, 0);
        Arrays.fill(max, 0, rows, NOTHING);
        started = false;
        far = false;
        redone = 0;
    }

    private void seeAll() {
        firstKey = Integer.MIN_VALUE;
        lastKey = Integer.MAX_VALUE;
        lastKeys = null;
    }

    /** Adds all keys. */
    public void add(QueryTile queries, PackedKeys keys) {
        seeAll();
        addSeen(queries, keys, 0, keys.count());
    }

    /**
     * Adds keys [from, to).
     *
     * @param from a multiple of {@code 4 · LANES}
     * @param last row r sees no key after {@code last + r}; {@link Integer#MAX_VALUE} without a causal rule
     */
    public void add(QueryTile queries, PackedKeys keys, int from, int to, int last) {
        add(queries, keys, from, to, Integer.MIN_VALUE, last);
    }

    /**
     * Adds those of keys [from, to) that lie in a window which moves on by one key from row to row.
     *
     * @param from  a multiple of {@code 4 · LANES}
     * @param first row r sees no key before {@code first + r}; {@link Integer#MIN_VALUE} where it sees all
     * @param last  row r sees no key after {@code last + r}; {@link Integer#MAX_VALUE} where it sees all
     */
    public void add(QueryTile queries, PackedKeys keys, int from, int to, int first, int last) {
        firstKey = first;
        lastKey = last;
        lastKeys = null;
        // Whole steps are left out, so that where steps start, and with it the order of sums, depends on no row.
        int start = first > from ? from + (first - from) / STEP * STEP : from;
        addSeen(queries, keys, start, (int) Math.min(to, (long) last + rows));
    }

    /**
     * Adds the first keys of every row.
     *
     * @param last row r sees no key after {@code last[r]}
     */
    public void add(QueryTile queries, PackedKeys keys, int[] last) {
        firstKey = Integer.MIN_VALUE;
        lastKeys = last;
        int end = 0;
        for (int r = 0; r < rows; r++) {
            end = Math.max(end, Math.min(keys.count(), last[r] + 1));
        }
        addSeen(queries, keys, 0, end);
    }

    private void addSeen(QueryTile queries, PackedKeys keys, int from, int end) {
        for (int first = from; first < end; first += STEP) {
            int present = Math.min(STEP, end - first);
            // Rows whose window starts after the first few keys have no maximum to start from.
            boolean careful = redone > 2 || !started && firstKey > Integer.MIN_VALUE;
            if (!careful && !speculate(queries, keys, first, present)) {
                redone++;
                careful = true;
            }
            if (careful) {
                withMaximum(queries, keys, first, present);
            }
            started = true;
            for (int i = 0; i < rows * LANES; i += LANES) {
                FloatVector.fromArray(FLOATS, sums, i).add(FloatVector.fromArray(FLOATS, stepSums, i))
                        .intoArray(sums, i);
            }
            for (int panel = 0; panel < keys.valuePanels(); panel++) {
                int vectors = keys.panelVectors(panel);
                ValueKernel.add(s, 0, rows, present, keys.valueRow(panel, first), vectors * VECTOR_BYTES, vectors,
                        values, keys.panelStart(panel) * LANES, stride);
            }
        }
    }

    private boolean speculate(QueryTile queries, PackedKeys keys, int first, int present) {
        Arrays.fill(stepSums, 0, rows * LANES, 0);
        float top = Float.NEGATIVE_INFINITY;
        for (int column = 0; column < present; column += ExpKernel.COLUMNS) {
            logits(queries, keys, first, column);
            if (!started && column == 0) {
                ExpKernel.rowMax(s, 0, rows, ExpKernel.COLUMNS, keys.scale().factor(), max);
                far = ExpKernel.far(max, rows, NOTHING);
            }
            top = Math.max(top, exp(column, keys));
        }
        return top <= SLACK;
    }

    private void withMaximum(QueryTile queries, PackedKeys keys, int first, int present) {
        for (int column = 0; column < present; column += ExpKernel.COLUMNS) {
            logits(queries, keys, first, column);
        }
        System.arraycopy(max, 0, newMax, 0, rows);
        ExpKernel.rowMax(s, 0, rows, Lanes.roundUp(present, ExpKernel.COLUMNS), keys.scale().factor(), newMax);
        rescale();
        Arrays.fill(stepSums, 0, rows * LANES, 0);
        for (int column = 0; column < present; column += ExpKernel.COLUMNS) {
            exp(column, keys);
        }
    }

    private float exp(int column, PackedKeys keys) {
        float factor = keys.scale().factor();
        if (far) {
            ExpKernel.relate(s, column, rows, ExpKernel.COLUMNS, factor, max);
            return ExpKernel.exp(s, column, rows, 1, NO_REFERENCE, stepSums);
        }
        return ExpKernel.exp(s, column, rows, factor, max, stepSums);
    }

    /** The logits of one pass of the exponential, columns [column, column + COLUMNS) of the step. */
    private void logits(QueryTile queries, PackedKeys keys, int first, int column) {
        float[] q = queries.data();
        int d = queries.d();
        for (int c = column; c < column + ExpKernel.COLUMNS; c += PANEL) {
            LogitKernel.logits(q, rows, Math.min(d, DEPTH), keys.keyPanel(first + c, 0), keys.bias(first + c), s, c);
            for (int i = DEPTH; i < d; i += DEPTH) {
                for (int v = 0; v < WIDTH; v += 2) {
                    ValueKernel.add(q, QueryTile.blockStart(i), rows, Math.min(DEPTH, d - i),
                            keys.keyPanel(first + c, i) + v * VECTOR_BYTES, WIDTH * VECTOR_BYTES, 2, s, c + v * LANES,
                            STRIDE);
                }
            }
        }
        hide(column, first + column);
    }

    /** Hides what rows do not see of the keys from {@code key} on, whose logits start at {@code column}. */
    private void hide(int column, int key) {
        if (lastKeys != null) {
            for (int r = 0; r < rows; r++) {
                MaskKernel.hideAfter(s, column + r * STRIDE, 1, ExpKernel.COLUMNS, lastKeys[r] - key);
            }
            return;
        }
        if (lastKey < key + ExpKernel.COLUMNS - 1) {
            MaskKernel.hideAfter(s, column, rows, ExpKernel.COLUMNS, lastKey - key);
        }
        if ((long) firstKey + rows - 1 > key) {
            MaskKernel.hideBefore(s, column, rows, ExpKernel.COLUMNS, firstKey - key);
        }
    }

    private void rescale() {
        for (int r = 0; r < rows; r++) {
            if (newMax[r] == max[r]) {
                continue;
            }
            float factor = (float) Math.pow(2, max[r] - newMax[r]);
            max[r] = newMax[r];
            if (!started) {
                continue;
            }
            FloatVector.fromArray(FLOATS, sums, r * LANES).mul(factor).intoArray(sums, r * LANES);
            for (int c = r * stride; c < (r + 1) * stride; c += LANES) {
                FloatVector.fromArray(FLOATS, values, c).mul(factor).intoArray(values, c);
            }
        }
        far = ExpKernel.far(max, rows, NOTHING);
    }

    /**
     * The weights of some keys relative to the present references, without adding them.
     *
     * @param first   a multiple of STEP
     * @param present number of keys, at most STEP
     * @return a row for each query with row distance STRIDE, valid until the next call
     */
    public float[] weights(QueryTile queries, PackedKeys keys, int first, int present) {
        seeAll();
        Arrays.fill(stepSums, 0, rows * LANES, 0);
        for (int column = 0; column < present; column += ExpKernel.COLUMNS) {
            logits(queries, keys, first, column);
            exp(column, keys);
        }
        return s;
    }

    /**
     * Adds a partial result to one row that has seen a key.
     *
     * @param reference of the partial result, in units of log 2
     * @param sum       its sum of weights
     * @param partial   its weighted values from {@code at} on
     * @param factor    what the values are multiplied by
     */
    public void add(int row, float reference, float sum, float[] partial, int at, float factor) {
        float top = (float) Math.ceil(Math.max(max[row], reference));
        far |= Math.abs(top) > ExpKernel.FARTHEST;
        float keep = (float) Math.pow(2, max[row] - top);
        float take = (float) Math.pow(2, reference - top);
        max[row] = top;
        FloatVector.fromArray(FLOATS, sums, row * LANES).mul(keep).intoArray(sums, row * LANES);
        sums[row * LANES] += take * sum;
        for (int c = 0; c < stride; c += LANES) {
            FloatVector.fromArray(FLOATS, values, row * stride + c).mul(keep)
                    .add(FloatVector.fromArray(FLOATS, partial, at + c).mul(take * factor))
                    .intoArray(values, row * stride + c);
        }
    }

    /** The sum of the weights of a row, relative to its {@link #reference}. */
    public float sum(int row) {
        return Lanes.sum(FloatVector.fromArray(FLOATS, sums, row * LANES));
    }

    /** The reference exponent of a row, in units of log 2. */
    public float reference(int row) {
        return max[row];
    }

    /** The weighted values; row r starts at {@code r · valueStride()}. */
    public float[] values() {
        return values;
    }

    /** Features of a value. */
    public int features() {
        return dv;
    }

    /** Row distance of {@link #values}. */
    public int valueStride() {
        return stride;
    }

    /**
     * Divides and writes the rows; a row without keys becomes zeros.
     *
     * @param output    (n, d_v)
     * @param logSumExp (n, 1), or null
     * @param order     address of ints, the output row for every position; 0 for the identity
     * @param from      position of the tile's first query
     * @param shift     what to add to the log-sum-exp of each row, natural logarithm; null for nothing
     */
    public void finish(Matrix output, Matrix logSumExp, long order, int from, double[] shift) {
        boolean together = order == 0 && stride == dv;
        for (int r = 0; r < rows; r++) {
            int row = order == 0 ? from + r : Memory.getInt(order + (from + r) * 4L);
            float sum = sum(r);
            float inverse = sum > 0 ? 1 / sum : 0;
            for (int c = r * stride; c < (r + 1) * stride; c += LANES) {
                FloatVector.fromArray(FLOATS, values, c).mul(inverse).intoArray(values, c);
            }
            if (!together) {
                output.writeRow(row, values, r * stride);
            }
            if (logSumExp != null) {
                double natural = (max[r] + Math.log(sum) / Math.log(2)) * Math.log(2);
                logSumExp.set(row, 0, sum > 0 ? (float) (natural + (shift == null ? 0 : shift[r]))
                        : Float.NEGATIVE_INFINITY);
            }
        }
        if (together) {
            output.writeRows(from, from + rows, values, 0);
        }
    }
}
