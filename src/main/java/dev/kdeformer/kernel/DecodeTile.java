package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.STEP;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import java.util.Arrays;

/**
 * The online softmax of a few queries over groups of keys at any addresses: for every row the largest exponent, the sum
 * of weights and the weighted sum of values. Kept per thread. Groups are put into a step with {@link #put} and counted
 * when it is full or flushed.
 */
public final class DecodeTile {
    /** Most queries in a tile. */
    public static final int ROWS = 48;

    /** Groups of a step. */
    private static final int GROUPS = STEP / GROUP;

    /**
     * Most steps whose keys are read before their values, where there is room for the logits of so many: the longer
     * memory is read in order, the less waits for it.
     */
    private static final int AHEAD = 4;

    private final float[] s = new float[ROWS * STRIDE];
    private final SoftmaxRows state = new SoftmaxRows(ROWS);
    private final long[] groupValues = new long[AHEAD * GROUPS];
    private final long[] groupScales = new long[AHEAD * GROUPS];
    private final int[] groupKeys = new int[AHEAD * GROUPS];
    private final float[] pairs = new float[ROWS * GROUP];
    private final float[] one = new float[ROWS];
    private float[] q = new float[0];
    private GroupLayout layout;
    private LogitScale scale;
    private LogitTerms terms = LogitTerms.NONE;
    private int firstRow;
    private int rows;
    private int groups;
    /** Groups that are put before they are counted. */
    private int most;

    /**
     * Starts an empty state of {@code rowCount} queries.
     *
     * @param groupLayout how the groups lie in memory
     */
    public void begin(int rowCount, GroupLayout groupLayout, LogitScale logitScale) {
        rows = rowCount;
        layout = groupLayout;
        scale = logitScale;
        terms = LogitTerms.NONE;
        state.begin(rows, layout.dv());
        groups = 0;
        // Register tiles read rows beyond the last, as many as they are high.
        int padded = Lanes.roundUp(rows, ValueKernel.ROW_MULTIPLE);
        most = Math.min(AHEAD, 1 + (ROWS - padded) / rows) * GROUPS;
        int floats = rows * layout.queryStride();
        if (q.length < floats) {
            q = new float[ROWS * layout.queryStride()];
        }
        Arrays.fill(q, 0, floats, 0);
    }

    /**
     * Lets logits be bent and biased from now on.
     *
     * @param row number of the tile's first row, which biases per pair are asked for
     */
    public void setTerms(LogitTerms newTerms, int row) {
        terms = newTerms;
        firstRow = row;
    }

    /**
     * The queries, already multiplied by {@link LogitScale#power} and {@link GroupLayout#queryUnit}; row r starts at
     * {@code r} times {@link GroupLayout#queryStride}.
     */
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
     * Adds a group all of whose keys every row sees.
     *
     * @param keys   address of the keys
     * @param value  address of the values
     * @param scales address of the scales, which only bytes have
     * @param first  place of the group's first key, which the others follow
     */
    public void put(long keys, long value, long scales, int first) {
        layout.logits(q, rows, keys, scales, s, place(groups));
        bendAndBias(first, GROUP, null);
        add(value, scales, GROUP);
    }

    /**
     * Adds what the rows see of a group.
     *
     * @param first  place of the group's first key
     * @param held   number of keys that the group has
     * @param places places of its keys where they do not follow the first, or null
     * @param seen   the places that each row sees
     */
    public void put(long keys, long value, long scales, int first, int held, int[] places, KeyRanges seen) {
        layout.logits(q, rows, keys, scales, s, place(groups));
        bendAndBias(first, held, places);
        add(value, scales, places == null ? hideEnds(first, seen) : hideEach(places, seen));
    }

    /** Where the logits of a group begin: each step has rows of its own. */
    private int place(int group) {
        return group / GROUPS * rows * STRIDE + group % GROUPS * GROUP;
    }

    private void bendAndBias(int first, int held, int[] places) {
        int column = place(groups);
        if (terms.cap() > 0) {
            TermKernel.bend(s, column, rows, GROUP, terms.cap() * scale.bias(), null);
        }
        if (terms.pairs() != null) {
            if (places == null) {
                terms.pairs().fill(firstRow, rows, first, held, pairs, GROUP);
            } else {
                for (int j = 0; j < held; j++) {
                    terms.pairs().fill(firstRow, rows, places[j], 1, one, 1);
                    for (int r = 0; r < rows; r++) {
                        pairs[r * GROUP + j] = one[r];
                    }
                }
            }
            TermKernel.add(s, column, rows, GROUP, new BiasRows(pairs, 0, GROUP), scale.bias());
        }
    }

    /** Hides what rows do not see of a group in order; returns the number of keys up to the last that any sees. */
    private int hideEnds(int first, KeyRanges seen) {
        int present = 0;
        for (int r = 0; r < rows; r++) {
            int at = r * STRIDE + place(groups);
            int from = Math.max(0, Math.min(GROUP, seen.first(r) - first));
            int to = Math.max(from, Math.min(GROUP, seen.end(r) - first));
            Arrays.fill(s, at, at + from, Float.NEGATIVE_INFINITY);
            Arrays.fill(s, at + to, at + GROUP, Float.NEGATIVE_INFINITY);
            present = Math.max(present, to);
        }
        return present;
    }

    private int hideEach(int[] places, KeyRanges seen) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < GROUP; j++) {
                if (places[j] < seen.first(r) || places[j] >= seen.end(r)) {
                    s[r * STRIDE + place(groups) + j] = Float.NEGATIVE_INFINITY;
                }
            }
        }
        return GROUP;
    }

    /**
     * Adds a group of values whose logits the caller knows; for a state of one row.
     *
     * @param logits GROUP logits from index {@code at} on, −∞ for what is hidden
     */
    public void putLogits(float[] logits, int at, long value) {
        System.arraycopy(logits, at, s, place(groups), GROUP);
        add(value, 0, GROUP);
    }

    private void add(long value, long scales, int present) {
        groupValues[groups] = value;
        groupScales[groups] = scales;
        groupKeys[groups] = present;
        if (++groups == most) {
            flush();
        }
    }

    /** Counts the groups that were put since the last full step. */
    public void flush() {
        for (int from = 0; from < groups; from += GROUPS) {
            int to = Math.min(groups, from + GROUPS);
            int s0 = place(from);
            int present = (to - from) * GROUP;
            int columns = Lanes.roundUp(present, ExpKernel.COLUMNS);
            for (int r = 0; r < rows && columns > present; r++) {
                Arrays.fill(s, s0 + r * STRIDE + present, s0 + r * STRIDE + columns, Float.NEGATIVE_INFINITY);
            }
            state.raise(s, s0, columns, 0, rows, scale.factor());
            for (int c = s0; c < s0 + columns; c += ExpKernel.COLUMNS) {
                state.exp(s, c, scale.factor(), state.sums());
            }
            addValues(from, to);
            state.endStep();
        }
        groups = 0;
    }

    private void addValues(int first, int end) {
        for (int group = first; group < end; group++) {
            layout.scaleWeights(s, place(group), rows, groupScales[group]);
        }
        int from = first;
        while (from < end) {
            int keys = groupKeys[from];
            int next = from + 1;
            while (layout.joins(rows) && next < end && keys == (next - from) * GROUP
                    && groupValues[next] == groupValues[from] + keys * layout.valueRowBytes()) {
                keys += groupKeys[next++];
            }
            layout.values(s, place(from), rows, keys, groupValues[from], state);
            from = next;
        }
    }

    /** Bytes that {@link #store} writes for each row. */
    public static long stateBytes(int valueFeatures) {
        return PartialRows.rowBytes(valueFeatures);
    }

    /** Stores the state of every row, {@link #stateBytes} each, as {@link PartialRows} lays them out. */
    public void store(long address) {
        PartialRows partial = PartialRows.at(address, layout.dv());
        for (int r = 0; r < rows; r++) {
            partial.set(r, state.reference(r), state.sum(r), state.values(), r * state.stride());
        }
    }
}
