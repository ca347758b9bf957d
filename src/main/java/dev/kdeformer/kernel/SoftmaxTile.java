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
 * <p>The reference exponent m of a row is the maximum of its first few keys, rounded up to a whole number, and then
 * stays: later logits may exceed it by up to {@link #SLACK} before the sums are rescaled, so that the common step needs
 * no pass for the maximum. A step that exceeds it is done again with the true maximum; where that happens more than
 * twice, all further steps of the tile look at the maximum first.
 */
public final class SoftmaxTile {
    /** What a logit may exceed the reference exponent by, in units of log 2. */
    private static final float SLACK = 16;

    /** Rows that leave out together what none of them sees; every register tile's height divides them. */
    private static final int BAND = ValueKernel.ROW_MULTIPLE;

    private final float[] s;
    private final SoftmaxRows state = new SoftmaxRows(QueryTile.ROWS);
    private final float[] stepSums = new float[QueryTile.ROWS * LANES];
    private int rows;
    private int dv;
    private int redone;
    /** Which keys the rows see in the part that is being added; null for all. */
    private KeyRanges ranges;
    /** Rows of a band. */
    private int band;
    private final int[] starts = new int[QueryTile.ROWS / BAND];
    private final int[] ends = new int[QueryTile.ROWS / BAND];
    private final KeyRanges ownRanges = new KeyRanges();
    private LogitTerms terms = LogitTerms.NONE;
    private final PairTile pairs;

    /** A state with room of its own for logits. */
    public SoftmaxTile() {
        s = new float[QueryTile.ROWS * STRIDE];
        pairs = new PairTile();
    }

    /**
     * A state that computes its logits where {@code other} does, so that they stay in the cache: for the same thread.
     */
    public SoftmaxTile(SoftmaxTile other) {
        s = other.s;
        pairs = new PairTile(other.pairs);
    }

    /** Starts an empty state for {@code count} queries and values of {@code features} features. */
    public void begin(int count, int features) {
        rows = count;
        dv = features;
        state.begin(count, features);
        redone = 0;
        terms = LogitTerms.NONE;
    }

    /**
     * Lets logits be bent and biased from now on.
     *
     * @param query place of the tile's first query, which biases per pair are asked for
     */
    public void setTerms(LogitTerms newTerms, int query) {
        terms = newTerms;
        if (terms.pairs() != null) {
            pairs.begin(terms.pairs(), query, rows);
        }
    }

    /** Adds all keys. */
    public void add(QueryTile queries, PackedKeys keys) {
        ranges = null;
        addSeen(queries, keys, 0, keys.count());
    }

    /**
     * Adds keys [from, to).
     *
     * @param from a multiple of {@code 4 · LANES}
     * @param last row r sees no key after {@code last + r}; {@link Integer#MAX_VALUE} without a causal rule
     */
    public void add(QueryTile queries, PackedKeys keys, int from, int to, int last) {
        ownRanges.begin(rows, keys.count());
        ownRanges.setDiagonal(Integer.MIN_VALUE, last == Integer.MAX_VALUE ? Long.MAX_VALUE / 2 : last + 1L,
                keys.count());
        add(queries, keys, from, to, ownRanges);
    }

    /**
     * Adds those of keys [from, to) that the rows see.
     *
     * @param from a multiple of {@code 4 · LANES}
     */
    public void add(QueryTile queries, PackedKeys keys, int from, int to, KeyRanges seen) {
        ranges = seen;
        // Whole steps are left out, so that where steps start, and with it the order of sums, depends on no row.
        int start = seen.least() > from ? from + (seen.least() - from) / STEP * STEP : from;
        addSeen(queries, keys, start, Math.min(to, seen.most()));
    }

    /**
     * Adds the first keys of every row.
     *
     * @param last row r sees no key after {@code last[r]}
     */
    public void add(QueryTile queries, PackedKeys keys, int[] last) {
        ownRanges.begin(rows, keys.count());
        for (int r = 0; r < rows; r++) {
            ownRanges.set(r, 0, Math.min(keys.count(), last[r] + 1));
        }
        ownRanges.summarise();
        add(queries, keys, 0, keys.count(), ownRanges);
    }

    private void addSeen(QueryTile queries, PackedKeys keys, int from, int end) {
        if (state.isEmpty() && terms.pairs() != null && from < end) {
            aim(queries, keys);
        }
        for (int first = from; first < end; first += STEP) {
            int present = Math.min(STEP, end - first);
            cut(first, present);
            // Rows that begin within the step have no maximum to start from, unless all begin with it.
            boolean careful = redone > 2 || ranges != null
                    && ranges.latestBegin() >= (state.isEmpty() ? first + 1 : first);
            if (!careful && !speculate(queries, keys, first, present)) {
                redone++;
                careful = true;
            }
            if (careful) {
                withMaximum(queries, keys, first, present);
            }
            state.addSums(stepSums);
            for (int b = 0, row = 0; row < rows; b++, row += band) {
                if (ends[b] > starts[b]) {
                    addValues(keys, first, row, Math.min(rows, row + band), starts[b], ends[b]);
                }
            }
            state.endStep();
        }
    }

    /** Cuts the rows into bands, and finds the columns that each sees of the step from key {@code first} on. */
    private void cut(int first, int present) {
        band = ranges == null || ranges.showAll(first, first + present) ? QueryTile.ROWS : BAND;
        for (int b = 0, row = 0; row < rows; b++, row += band) {
            boolean all = band > BAND;
            int to = Math.min(rows, row + band);
            // What lies before a pass that a row sees adds zeros alone, so that leaving it out changes no bit.
            starts[b] = all ? 0 : Math.max(0, ranges.least(row, to) - first) / ExpKernel.COLUMNS * ExpKernel.COLUMNS;
            ends[b] = all ? present : Math.min(present, ranges.most(row, to) - first);
        }
    }

    private void addValues(PackedKeys keys, int first, int from, int to, int start, int end) {
        for (int panel = 0; panel < keys.valuePanels(); panel++) {
            int vectors = keys.panelVectors(panel);
            ValueKernel.add(s, from * STRIDE + start, to - from, end - start, keys.valueRow(panel, first + start),
                    vectors * VECTOR_BYTES, vectors, state.span(),
                    from * state.stride() + keys.panelStart(panel) * LANES, state.stride());
        }
    }

    /**
     * Raises the references to logits where biases are large, if a function of the distance makes the first keys poor
     * ones to start from: those of linear biases are the least of all, and every step would exceed them.
     */
    private void aim(QueryTile queries, PackedKeys keys) {
        int first = ranges == null ? 0 : ranges.least();
        int peak = pairs.peak(first, ranges == null ? keys.count() : ranges.most(), SLACK / 2);
        if (peak < 0) {
            return;
        }
        // The peak moves on by a key from row to row.
        int start = Math.min(peak, keys.count() - 1) / ExpKernel.COLUMNS * ExpKernel.COLUMNS;
        int columns = Math.min(Lanes.roundUp(rows + ExpKernel.COLUMNS, ExpKernel.COLUMNS),
                Lanes.roundUp(keys.count() - start, ExpKernel.COLUMNS));
        for (int column = 0; column < columns; column += ExpKernel.COLUMNS) {
            logits(queries, keys, start, column);
        }
        state.raise(s, columns, keys.scale().factor());
    }

    private boolean speculate(QueryTile queries, PackedKeys keys, int first, int present) {
        Arrays.fill(stepSums, 0, rows * LANES, 0);
        float factor = keys.scale().factor();
        float top = Float.NEGATIVE_INFINITY;
        for (int column = 0; column < present; column += ExpKernel.COLUMNS) {
            begin(keys, first, column);
            for (int b = 0, row = 0; row < rows; b++, row += band) {
                if (column < starts[b] || column >= ends[b]) {
                    continue;
                }
                int to = Math.min(rows, row + band);
                logits(queries, keys, first, column, row, to);
                if (state.isEmpty() && column == 0) {
                    state.raise(s, 0, ExpKernel.COLUMNS, row, to, factor);
                }
                top = Math.max(top, state.exp(s, column, row, to, factor, stepSums));
            }
        }
        return top <= SLACK;
    }

    private void withMaximum(QueryTile queries, PackedKeys keys, int first, int present) {
        float factor = keys.scale().factor();
        for (int column = 0; column < present; column += ExpKernel.COLUMNS) {
            begin(keys, first, column);
            for (int b = 0, row = 0; row < rows; b++, row += band) {
                if (column >= starts[b] && column < ends[b]) {
                    logits(queries, keys, first, column, row, Math.min(rows, row + band));
                }
            }
        }
        Arrays.fill(stepSums, 0, rows * LANES, 0);
        for (int b = 0, row = 0; row < rows; b++, row += band) {
            if (ends[b] > starts[b]) {
                int to = Math.min(rows, row + band);
                state.raise(s, starts[b], Lanes.roundUp(ends[b] - starts[b], ExpKernel.COLUMNS), row, to, factor);
                for (int column = starts[b]; column < ends[b]; column += ExpKernel.COLUMNS) {
                    state.exp(s, column, row, to, factor, stepSums);
                }
            }
        }
    }

    /** Begins a pass of the exponential, columns [column, column + COLUMNS) of the step. */
    private void begin(PackedKeys keys, int first, int column) {
        if (column == 0 && terms.pairs() != null) {
            pairs.step(first, Math.min(STEP, keys.count() - first), keys.scale().bias());
        }
    }

    /** The logits of all rows in one pass. */
    private void logits(QueryTile queries, PackedKeys keys, int first, int column) {
        begin(keys, first, column);
        logits(queries, keys, first, column, 0, rows);
    }

    /** The logits of rows [from, to) in one pass. */
    private void logits(QueryTile queries, PackedKeys keys, int first, int column, int from, int to) {
        float[] q = queries.data();
        int d = queries.d();
        for (int c = column; c < column + ExpKernel.COLUMNS; c += PANEL) {
            LogitKernel.logits(q, from, to, Math.min(d, DEPTH), keys.keyPanel(first + c, 0),
                    terms.cap() > 0 ? keys.noBias() : keys.bias(first + c), s, c);
            for (int i = DEPTH; i < d; i += DEPTH) {
                for (int v = 0; v < WIDTH; v += 2) {
                    ValueKernel.add(q, QueryTile.blockStart(i) + from * STRIDE, to - from, Math.min(DEPTH, d - i),
                            keys.keyPanel(first + c, i) + v * VECTOR_BYTES, WIDTH * VECTOR_BYTES, 2, s,
                            from * STRIDE + c + v * LANES, STRIDE);
                }
            }
        }
        if (terms.cap() > 0) {
            int s0 = column + from * STRIDE;
            TermKernel.bend(s, s0, to - from, ExpKernel.COLUMNS, terms.cap() * keys.scale().bias(), null);
            TermKernel.addColumns(s, s0, to - from, ExpKernel.COLUMNS, keys.bias(first + column));
        }
        if (terms.pairs() != null) {
            pairs.add(s, column, from, to);
        }
        if (ranges != null && !ranges.showAll(first + column, first + column + ExpKernel.COLUMNS)) {
            hide(column, first + column, from, to);
        }
    }

    /** Hides what rows [from, to) do not see of the keys from {@code key} on, whose logits start at {@code column}. */
    private void hide(int column, int key, int from, int to) {
        for (int r = from; r < to; r++) {
            if (ranges.end(r) < key + ExpKernel.COLUMNS) {
                MaskKernel.hideAfter(s, column + r * STRIDE, 1, ExpKernel.COLUMNS, ranges.end(r) - 1 - key);
            }
            if (ranges.first(r) > key) {
                MaskKernel.hideBefore(s, column + r * STRIDE, 1, ExpKernel.COLUMNS, ranges.first(r) - key);
            }
        }
    }

    /**
     * The weights of some keys relative to the present references, without adding them.
     *
     * @param first   a multiple of STEP
     * @param present number of keys, at most STEP
     * @return a row for each query with row distance STRIDE, valid until the next call
     */
    public float[] weights(QueryTile queries, PackedKeys keys, int first, int present) {
        ranges = null;
        Arrays.fill(stepSums, 0, rows * LANES, 0);
        for (int column = 0; column < present; column += ExpKernel.COLUMNS) {
            logits(queries, keys, first, column);
            state.exp(s, column, keys.scale().factor(), stepSums);
        }
        return s;
    }

    /**
     * Adds a partial result to one row.
     *
     * @param reference of the partial result, in units of log 2
     * @param sum       its sum of weights
     * @param partial   its weighted values from {@code at} on
     * @param factor    what the values are multiplied by
     */
    public void add(int row, double reference, float sum, float[] partial, int at, float factor) {
        state.merge(row, reference, sum, partial, at, factor);
    }

    /**
     * Adds a logit without a value to every row.
     *
     * @param logit natural logarithm
     * @param shift what all other logits of each row lack, natural logarithm
     */
    public void addSink(float logit, double[] shift) {
        float[] nothing = new float[state.stride()];
        for (int r = 0; r < rows; r++) {
            state.merge(r, (logit - shift[r]) / Math.log(2), 1, nothing, 0, 1);
        }
    }

    /** The sum of the weights of a row, relative to its {@link #reference}. */
    public float sum(int row) {
        return state.sum(row);
    }

    /** The reference exponent of a row, in units of log 2; below −2¹⁰⁰ if it has seen no key. */
    public double reference(int row) {
        return state.reference(row);
    }

    /** The weighted values; row r starts at {@code r · valueStride()}. */
    public float[] values() {
        return state.values();
    }

    /** Features of a value. */
    public int features() {
        return dv;
    }

    /** Row distance of {@link #values}. */
    public int valueStride() {
        return state.stride();
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
        int stride = state.stride();
        float[] values = state.values();
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
                double natural = state.reference(r) * Math.log(2) + Math.log(sum);
                logSumExp.set(row, 0, sum > 0 ? (float) (natural + (shift == null ? 0 : shift[r]))
                        : Float.NEGATIVE_INFINITY);
            }
        }
        if (together) {
            output.writeRows(from, from + rows, values, 0);
        }
    }
}
