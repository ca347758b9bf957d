package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.kernel.Lanes.WIDTH;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The gradients of a tile of keys and values, gathered over blocks of queries (Dao 2023, FlashAttention-2, the
 * backward pass): with P the weights recomputed from the saved log-sum-exp, dV += Pᵀ·dO and dK += Sᵀ·Q, where
 * S = P ∘ (dO·Vᵀ − D) and D is dO·O of each query; and each block's dQ += S·K. Kept per thread.
 *
 * <p>Everything is held transposed, keys by queries, so that weights and S are left operands as they are: the
 * log-sum-exp and D of a query become biases that the products start from, and dQ is summed as Kᵀ·Sᵀ, features by
 * queries. No tile is ever transposed.
 */
public final class GradientTile {
    /** Most keys in a tile. */
    public static final int KEYS = QueryTile.ROWS;

    /** Queries in a block: a multiple of every panel and of every pass of the exponential. */
    public static final int QUERIES = 192;

    private static final LogitScale PLAIN = new LogitScale(1, 1, 1);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final QueryTile keys = new QueryTile();
    private final QueryTile values = new QueryTile();
    private final float[] weights = new float[KEYS * STRIDE];
    private final float[] slopes = new float[KEYS * STRIDE];
    private final float[] bias = new float[KEYS];
    private final float[] ownBias = new float[KEYS];
    private final float[] zeros = new float[KEYS];
    private final float[] unused = new float[KEYS * LANES];
    private final float[] line = new float[QUERIES];
    private float[] blockRows = new float[0];
    private float[] row = new float[0];
    private float[] target = new float[0];
    private float[] features = new float[0];
    private float[] keySums = new float[0];
    private float[] valueSums = new float[0];
    private float[] querySums = new float[0];
    private float[] bent = new float[0];
    /** Derivatives by what is added behind the soft cap. */
    private float[] unbent = new float[0];
    private boolean capped;
    private float[] pairs = new float[0];
    private int count;
    private int d;

    /** The scale for gradients of the output, whose products with values are taken as they are. */
    public static LogitScale plainScale() {
        return PLAIN;
    }

    /** Floats of a block's query gradients, as {@link #add} keeps them. */
    public static long blockFloats(int d) {
        return (long) d * QUERIES;
    }

    /** Floats of a tile's sums, as {@link #store} keeps them. */
    public static long sumFloats(int d, int dv) {
        return (long) KEYS * (Lanes.padColumns(d) + Lanes.padColumns(dv));
    }

    /** Bytes from the start of a tile's sums to those of the values. */
    public static long valueOffset(int d) {
        return KEYS * Lanes.padColumns(d) * 4L;
    }

    /** Bytes from the start of a tile's sums of keys, or of values, to column {@code c} of row {@code r}. */
    public static long index(int r, int c, int columns) {
        return (r * Lanes.padColumns(columns) + c) * 4L;
    }

    /**
     * Loads keys and values, and the sums so far.
     *
     * @param source where they come from; the log-sum-exps of the queries have to know what is subtracted
     * @param from   position of the first key
     * @param size   number of keys, at most KEYS
     * @param scale  what products of queries and keys are multiplied by
     * @param sums   address of the sums that {@link #store} left, or 0 to start from zeros
     */
    public void load(KeySource source, int from, int size, LogitScale scale, long sums) {
        Matrix key = source.key();
        Matrix value = source.value();
        Matrix keyBias = source.bias();
        float[] centre = source.centring().centre();
        count = size;
        d = key.columns();
        keys.resize(size, d);
        row = room(row, d);
        features = room(features, Lanes.roundUp(d, ValueKernel.ROW_MULTIPLE) * STRIDE);
        for (int r = 0; r < size; r++) {
            int at = source.row(from + r);
            key.readRow(at, row, 0);
            for (int c = 0; c < d; c++) {
                float x = centre == null ? row[c] : row[c] - centre[c];
                features[c * STRIDE + r] = x;
                keys.data()[QueryTile.blockStart(c) + r * STRIDE + c % DEPTH] = x * scale.power();
            }
            ownBias[r] = keyBias == null ? 0 : (float) ((keyBias.get(0, at) - source.centring().bias()) / Math.log(2));
            bias[r] = ownBias[r];
        }
        values.load(value, source.order(), from, size, PLAIN);
        keySums = room(keySums, KEYS * Lanes.padColumns(d));
        valueSums = room(valueSums, KEYS * Lanes.padColumns(value.columns()));
        querySums = room(querySums, Lanes.roundUp(d, ValueKernel.ROW_MULTIPLE) * QUERIES);
        if (sums == 0) {
            Arrays.fill(keySums, 0, KEYS * Lanes.padColumns(d), 0);
            Arrays.fill(valueSums, 0, KEYS * Lanes.padColumns(value.columns()), 0);
            return;
        }
        MemorySegment.copy(Memory.ALL, FLOAT, sums, keySums, 0, KEYS * Lanes.padColumns(d));
        MemorySegment.copy(Memory.ALL, FLOAT, sums + valueOffset(d), valueSums, 0,
                KEYS * Lanes.padColumns(value.columns()));
    }

    /** Multiplies the weights of key {@code r}, given the natural logarithm of the factor. */
    public void weigh(int r, float logWeight) {
        ownBias[r] += (float) (logWeight / Math.log(2));
        bias[r] = ownBias[r];
    }

    /** Leaves key {@code r} out from now on. */
    public void leaveOut(int r) {
        weigh(r, Float.NEGATIVE_INFINITY);
    }

    /** Adds to {@code sums} the weights that each of {@code queries} queries of the last block gives to all keys. */
    public void addWeights(float[] sums, int queries) {
        for (int r = 0; r < count; r++) {
            for (int i = 0; i < queries; i++) {
                sums[i] += weights[r * STRIDE + i];
            }
        }
    }

    /** Leaves keys [from, to) out for the queries that are added next, and none but these. */
    public void leaveOut(int from, int to) {
        System.arraycopy(ownBias, 0, bias, 0, count);
        if (from < to) {
            Arrays.fill(bias, from, to, Float.NEGATIVE_INFINITY);
        }
    }

    /**
     * Adds the tile's sums to the rows of gradients that they belong to.
     *
     * @param dKey   receives the sums of keys times {@code scale}
     * @param dValue receives the sums of values
     * @param order  address of ints, the row of every key; 0 for the identity
     * @param from   position of the tile's first key
     */
    public void addTo(Matrix dKey, Matrix dValue, long order, int from, float scale) {
        for (int r = 0; r < count; r++) {
            int at = order == 0 ? from + r : Memory.getInt(order + (from + r) * 4L);
            addRow(dKey, at, keySums, r * Lanes.padColumns(d), d, scale);
            addRow(dValue, at, valueSums, r * Lanes.padColumns(values.d()), values.d(), 1);
        }
    }

    private void addRow(Matrix rows, int at, float[] sums, int from, int columns, float scale) {
        target = room(target, columns);
        rows.readRow(at, target, 0);
        for (int c = 0; c < columns; c++) {
            target[c] += scale * sums[from + c];
        }
        rows.writeRow(at, target, 0);
    }

    /**
     * Adds a block of queries.
     *
     * @param queries   queries as keys and as values, minus their log-sum-exp as bias; the scale is that of {@link
     *                  #load}
     * @param gradients gradients of their outputs as keys and as values, −D as bias; the scale is {@link #plainScale}
     * @param first     first query of the block, a multiple of QUERIES
     * @param diagonal  key r is hidden from the block's queries before {@code diagonal + r}; any number ≤ −KEYS hides
     *                  nothing
     * @param block     address of {@link #blockFloats} floats, which the block's query gradients are added to
     * @param scratch   memory for the call
     */
    public void add(PackedKeys queries, PackedKeys gradients, int first, int diagonal, long block, Scratch scratch) {
        add(queries, gradients, first, new Visible(diagonal, null, 0, LogitTerms.NONE, 0), block, scratch);
    }

    /**
     * What the tile's keys have to do with a block of queries.
     *
     * @param diagonal   key r is hidden from the block's queries before {@code diagonal + r}
     * @param ranges     the keys that each query of the block sees; null for all
     * @param firstKey   place of the tile's first key among the keys of {@code ranges} and {@code terms}
     * @param terms      what is done to logits
     * @param firstQuery place of the first block's first query, which {@code terms} are asked for
     */
    public record Visible(int diagonal, KeyRanges ranges, int firstKey, LogitTerms terms, int firstQuery) {
    }

    /**
     * Adds a block of queries.
     *
     * @see #add(PackedKeys, PackedKeys, int, int, long, Scratch)
     */
    public void add(PackedKeys queries, PackedKeys gradients, int first, Visible visible, long block,
            Scratch scratch) {
        int present = Math.min(QUERIES, queries.count() - first);
        int columns = Math.min(QUERIES, queries.padded() - first);
        long mark = scratch.mark();
        long none = scratch.floats(QUERIES);
        Memory.fillFloats(none, QUERIES, 0);
        // Logits start from zero, not from biases, to be those of the forward computation to the last bit.
        for (int c = 0; c < columns; c += PANEL) {
            product(keys, queries, first + c, none, weights, c);
        }
        float unit = queries.scale().bias();
        capped = visible.terms.cap() > 0;
        if (capped) {
            bent = room(bent, KEYS * STRIDE);
            unbent = room(unbent, KEYS * STRIDE);
            TermKernel.bend(weights, 0, count, columns, visible.terms.cap() * unit, bent);
        }
        if (visible.terms.pairs() != null) {
            addPairs(visible, first, present, unit);
        }
        if (visible.diagonal > -KEYS) {
            MaskKernel.hideBefore(weights, 0, count, columns, visible.diagonal);
        }
        if (visible.ranges != null) {
            MaskKernel.hideOutside(weights, count, columns, visible.firstKey, visible.ranges.firsts(),
                    visible.ranges.ends());
        }
        ExpKernel.relate(weights, count, columns, queries.scale().factor(), queries.bias(first),
                queries.rest(first) == 0 ? none : queries.rest(first), bias);
        for (int c = 0; c < columns; c += ExpKernel.COLUMNS) {
            ExpKernel.exp(weights, c, count, 1, zeros, unused);
        }
        accumulate(weights, gradients, first, present, valueSums, Lanes.padColumns(gradients.dv()));
        for (int c = 0; c < columns; c += PANEL) {
            product(values, gradients, first + c, gradients.bias(first + c), slopes, c);
        }
        long right = scratch.floats((long) KEYS * QUERIES);
        multiply(columns, right);
        accumulate(slopes, queries, first, present, keySums, Lanes.padColumns(d));
        addToQueries(columns, right, block);
        scratch.release(mark);
    }

    private static void product(QueryTile left, PackedKeys right, int key, long start, float[] s, int column) {
        int d = left.d();
        LogitKernel.logits(left.data(), left.rows(), Math.min(d, DEPTH), right.keyPanel(key, 0), start, s, column);
        for (int i = DEPTH; i < d; i += DEPTH) {
            for (int v = 0; v < WIDTH; v += 2) {
                ValueKernel.add(left.data(), QueryTile.blockStart(i), left.rows(), Math.min(DEPTH, d - i),
                        right.keyPanel(key, i) + v * VECTOR_BYTES, WIDTH * VECTOR_BYTES, 2, s, column + v * LANES,
                        STRIDE);
            }
        }
    }

    private void accumulate(float[] left, PackedKeys right, int first, int present, float[] sums, int stride) {
        for (int panel = 0; panel < right.valuePanels(); panel++) {
            int vectors = right.panelVectors(panel);
            ValueKernel.add(left, 0, count, present, right.valueRow(panel, first), vectors * VECTOR_BYTES, vectors,
                    sums, right.panelStart(panel) * LANES, stride);
        }
    }

    /** Adds the biases of pairs, which come query by query, to logits that lie key by key. */
    private void addPairs(Visible visible, int first, int present, float unit) {
        pairs = room(pairs, QUERIES * KEYS);
        visible.terms.pairs().fill(visible.firstQuery + first, present, visible.firstKey, count, pairs, KEYS);
        for (int r = 0; r < count; r++) {
            for (int i = 0; i < present; i++) {
                float bias = pairs[i * KEYS + r];
                weights[r * STRIDE + i] = bias <= LogitTerms.HIDING_BIAS ? Float.NEGATIVE_INFINITY
                        : weights[r * STRIDE + i] + bias * unit;
            }
        }
    }

    /** slopes ← weights ∘ slopes, once as a left operand and once, from an address on, as a right one. */
    private void multiply(int columns, long right) {
        for (int r = 0; r < count; r++) {
            int a = r * STRIDE;
            long to = right + r * (QUERIES * 4L);
            for (int c = 0; c < columns; c += LANES) {
                FloatVector x = FloatVector.fromArray(FLOATS, weights, a + c)
                        .mul(FloatVector.fromArray(FLOATS, slopes, a + c));
                if (capped) {
                    x.intoArray(unbent, a + c);
                    x = x.mul(FloatVector.fromArray(FLOATS, bent, a + c));
                }
                x.intoArray(slopes, a + c);
                Lanes.store(x, to + c * 4L);
            }
        }
    }

    /**
     * The derivatives by the biases of the pairs of the tile's keys and the queries of the last block: a row for each
     * key with row distance STRIDE, valid until the next call.
     */
    public float[] pairSlopes() {
        return capped ? unbent : slopes;
    }

    private void addToQueries(int columns, long right, long block) {
        MemorySegment.copy(Memory.ALL, FLOAT, block, querySums, 0, d * QUERIES);
        int vectors = columns / LANES;
        for (int v = 0; v < vectors; v += ValueKernel.WIDEST) {
            ValueKernel.add(features, 0, d, count, right + v * VECTOR_BYTES, QUERIES * 4L,
                    Math.min(ValueKernel.WIDEST, vectors - v), querySums, v * LANES, QUERIES);
        }
        MemorySegment.copy(querySums, 0, Memory.ALL, FLOAT, block, d * QUERIES);
    }

    /**
     * Adds the query gradients of a block that several tiles' callers kept apart, in their order, and turns them.
     *
     * @param block    address of the first one's gradients, as {@link #add} keeps them
     * @param parts    number of callers
     * @param distance bytes from one's gradients to the next one's
     * @param queries  number of queries in the block
     * @return the gradients, query by query, d floats each; valid until the next call
     */
    public float[] blockRows(long block, int parts, long distance, int features, int queries) {
        blockRows = room(blockRows, QUERIES * features);
        for (int c = 0; c < features; c++) {
            for (int i = 0; i < queries; i += LANES) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int part = 0; part < parts; part++) {
                    sum = sum.add(Lanes.load(block + part * distance + ((long) c * QUERIES + i) * 4));
                }
                sum.intoArray(line, i);
            }
            for (int i = 0; i < queries; i++) {
                blockRows[i * features + c] = line[i];
            }
        }
        return blockRows;
    }

    /** Stores the sums at an address, {@link #sumFloats} floats. */
    public void store(long sums) {
        int keyFloats = KEYS * Lanes.padColumns(d);
        MemorySegment.copy(keySums, 0, Memory.ALL, FLOAT, sums, keyFloats);
        MemorySegment.copy(valueSums, 0, Memory.ALL, FLOAT, sums + valueOffset(d),
                KEYS * Lanes.padColumns(values.d()));
    }

    /** Adds the sums to those at an address, {@link #sumFloats} floats. */
    public void addTo(long sums) {
        add(keySums, sums, KEYS * Lanes.padColumns(d));
        add(valueSums, sums + valueOffset(d), KEYS * Lanes.padColumns(values.d()));
    }

    private static void add(float[] more, long sums, int floats) {
        for (int i = 0; i < floats; i += LANES) {
            Lanes.store(Lanes.load(sums + i * 4L).add(FloatVector.fromArray(FLOATS, more, i)), sums + i * 4L);
        }
    }

    private static float[] room(float[] array, int length) {
        return array.length < length ? new float[length] : array;
    }
}
