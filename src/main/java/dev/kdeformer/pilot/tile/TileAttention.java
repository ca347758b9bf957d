package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.keys.ValueRange;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import jdk.incubator.vector.FloatVector;

/** What a tile of queries sums up over its near keys and the far groups, in buffers that the thread keeps. */
public final class TileAttention {
    private final Buffers buffers;
    private final Keys keys;
    private final int d;
    private final int stride;
    private final int valueStride;
    private final boolean tilted;
    private final Scratch scratch;
    private final PackedKeys nearKeys;
    private final PackedKeys farKeys;
    private final long tiltRows;
    /** Of the prepared groups, the mean. */
    private float[] variances;

    /**
     * The keys of a head that tiles choose from.
     *
     * @param keys   rows of the keys
     * @param values rows of the values
     * @param biases a bias for every key, natural logarithm
     * @param range  what values can be
     */
    public record Keys(Rows keys, Rows values, float[] biases, ValueRange range) {
    }

    /**
     * With memory from {@code scratch}.
     *
     * @param most   most near keys of a tile
     * @param tilted whether values move with the query
     */
    public TileAttention(KeyGroups keys, int most, boolean tilted, Scratch scratch) {
        this(new Keys(keys.keys(), keys.values(), keys.biases(), keys.range()), most, keys.groups(), tilted, scratch);
    }

    /**
     * With memory from {@code scratch}.
     *
     * @param most   most near keys of a tile
     * @param groups most far groups of a tile
     * @param tilted whether values move with the query
     */
    public TileAttention(Keys keys, int most, int groups, boolean tilted, Scratch scratch) {
        this.scratch = scratch;
        this.buffers = scratch.keep(Buffers.class, Buffers::new);
        this.keys = keys;
        this.tilted = tilted;
        d = keys.keys.columns();
        stride = keys.keys.stride();
        valueStride = keys.values.stride();
        LogitScale natural = LogitScale.of(1);
        nearKeys = new PackedKeys(scratch, most, d, keys.values.columns(), natural);
        farKeys = new PackedKeys(scratch, groups, 2 * stride, keys.values.columns(), natural);
        farKeys.clear();
        tiltRows = scratch.floats((long) d * valueStride);
    }

    /** What a thread keeps. */
    private static final class Buffers {
        private final Packer packer = new Packer();
        private final QueryTile queries = new QueryTile();
        private final QueryTile deviations = new QueryTile();
        private final SoftmaxTile state = new SoftmaxTile();
        private final float[] weighted = new float[QueryTile.ROWS * STRIDE];
        /** The far parts of the sums of weights, and what they are relative to. */
        private final float[] farSums = new float[QueryTile.ROWS];
        private final double[] farReferences = new double[QueryTile.ROWS];
    }

    /** The loaded queries. */
    public QueryTile queries() {
        return buffers.queries;
    }

    /** How far the queries are from the centroid, and the squares of that, once the far groups have been added. */
    public QueryTile deviations() {
        return buffers.deviations;
    }

    /** What has been summed up for the loaded queries. */
    public SoftmaxTile state() {
        return buffers.state;
    }

    /** Packs the near keys and the groups of a tile. */
    public void prepare(int[] near, int count, FarField far) {
        nearKeys.resize(count);
        buffers.packer.packRows(nearKeys, near, keys.keys.at(), keys.values.at(), keys.biases);
        farKeys.resize(far.groups());
        for (int g = far.groups(); g < farKeys.padded(); g++) {
            farKeys.hide(g);
        }
        far.pack(farKeys, tiltRows);
        variances = far.meanVariances();
    }

    /** The packed groups. */
    public PackedKeys farKeys() {
        return farKeys;
    }

    /**
     * Sums up over the prepared keys and groups.
     *
     * @param queries rows of the queries times the scale
     * @param index   the row of every query, from {@code from} on; null for the identity
     * @return the state of the rows, kept by the thread
     */
    public SoftmaxTile attend(Rows queries, int[] index, int from, int count, float[] centre) {
        begin(queries, index, from, count);
        addFar(centre);
        addNear();
        return buffers.state;
    }

    /** Where the results of rows go that lie anywhere. */
    @FunctionalInterface
    public interface Writer {
        /**
         * Writes the rows of a finished state.
         *
         * @param rows address of ints, the caller's rows, of which those from {@code from} on are meant
         */
        void write(SoftmaxTile state, long rows, int from, int count);
    }

    /**
     * Sums up over the prepared keys and groups for some queries, and writes their results.
     *
     * @param positions of the queries
     * @param order     the caller's row at every position
     * @param centre    what the groups are about; null where there are none
     */
    public void attend(Rows queries, int[] positions, int[] order, float[] centre, Writer writer) {
        long mark = scratch.mark();
        long rows = scratch.ints(positions.length);
        for (int i = 0; i < positions.length; i++) {
            Memory.putInt(rows + i * 4L, order[positions[i]]);
        }
        for (int first = 0; first < positions.length; first += QueryTile.ROWS) {
            int count = Math.min(QueryTile.ROWS, positions.length - first);
            begin(queries, positions, first, count);
            if (centre != null) {
                addFar(centre);
            }
            addNear();
            writer.write(buffers.state, rows, first, count);
        }
        scratch.release(mark);
    }

    /** Loads queries and starts their state. */
    public void begin(Rows queries, int[] index, int from, int count) {
        QueryTile tile = buffers.queries;
        tile.resize(count, d);
        for (int r = 0; r < count; r++) {
            queries.read(index == null ? from + r : index[from + r], tile.data(), r * STRIDE);
        }
        buffers.state.begin(count, keys.values.columns());
    }

    /** Adds the near keys to the state of the loaded queries. */
    public void addNear() {
        buffers.state.add(buffers.queries, nearKeys);
    }

    /**
     * Adds the far groups to the state of the loaded queries: as pseudo-keys that a query meets by its deviation and
     * its squares, then the value tilt.
     *
     * @param centre what the groups are about
     */
    public void addFar(float[] centre) {
        int rows = buffers.queries.rows();
        QueryTile deviations = buffers.deviations;
        deviations.resize(rows, 2 * stride);
        float[] q = buffers.queries.data();
        float[] x = deviations.data();
        for (int c = 0; c < stride; c += LANES) {
            FloatVector middle = FloatVector.fromArray(FLOATS, centre, c);
            int first = QueryTile.blockStart(c) + c % DEPTH;
            int second = square(c);
            for (int r = 0; r < rows * STRIDE; r += STRIDE) {
                FloatVector delta = FloatVector.fromArray(FLOATS, q, r + c).sub(middle);
                delta.intoArray(x, first + r);
                delta.mul(delta).intoArray(x, second + r);
            }
        }
        damp(x, rows);
        buffers.state.add(deviations, farKeys);
        if (!tilted) {
            return;
        }
        for (int r = 0; r < rows; r++) {
            float mass = buffers.state.sum(r);
            for (int c = 0; c < stride; c += LANES) {
                int at = QueryTile.blockStart(c) + r * STRIDE + c % DEPTH;
                FloatVector.fromArray(FLOATS, x, at).mul(mass).intoArray(buffers.weighted, r * STRIDE + c);
            }
        }
        float[] sums = buffers.state.values();
        for (int c = 0; c < valueStride; c += 2 * LANES) {
            ValueKernel.add(buffers.weighted, 0, rows, d, tiltRows + c * 4L, valueStride * 4L,
                    Math.min(2, (valueStride - c) / LANES), sums, c, valueStride);
        }
        // A query far from the centroid may have been tilted out of all that values can be.
        for (int r = 0; r < rows; r++) {
            keys.range.clamp(sums, r * valueStride, buffers.state.sum(r));
        }
    }

    /** Makes the squares of the deviations smaller where the second order is not to be believed. */
    private void damp(float[] x, int rows) {
        for (int r = 0; r < rows; r++) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int c = 0; c < stride; c += LANES) {
                sum = fma(FloatVector.fromArray(FLOATS, x, square(c) + r * STRIDE),
                        FloatVector.fromArray(FLOATS, variances, c), sum);
            }
            float factor = (float) Damping.factor(Lanes.sum(sum));
            for (int c = 0; c < stride && factor < 1; c += LANES) {
                int at = square(c) + r * STRIDE;
                FloatVector.fromArray(FLOATS, x, at).mul(factor).intoArray(x, at);
            }
        }
    }

    /** Where the square of a feature of the first query's deviation is. */
    private int square(int feature) {
        return QueryTile.blockStart(stride + feature) + (stride + feature) % DEPTH;
    }

    /**
     * Takes note of what has been summed up so far as the far part of it, for {@link #doubt}.
     *
     * @param hasFar false where that is nothing
     */
    public void noteFar(boolean hasFar) {
        for (int r = 0; r < buffers.queries.rows(); r++) {
            buffers.farReferences[r] = buffers.state.reference(r);
            buffers.farSums[r] = hasFar ? buffers.state.sum(r) : 0;
        }
    }

    /**
     * How much a query of the tile depends on the far field, and how far it is from where that is good.
     *
     * @param variances second moments of the far keys, whole vectors
     * @param least     least part of a query's weight that is taken to be far: a query that the expansion fails may
     *                  find nothing there
     */
    public float doubt(int row, float[] variances, double least) {
        double part = Math.max(least, buffers.farSums[row] == 0 ? 0
                : buffers.farSums[row] / (double) buffers.state.sum(row)
                        * Math.pow(2, buffers.farReferences[row] - buffers.state.reference(row)));
        if (!(part > 0)) {
            return 0;
        }
        FloatVector distance = FloatVector.zero(FLOATS);
        for (int c = 0; c < stride; c += LANES) {
            FloatVector delta = FloatVector.fromArray(FLOATS, buffers.deviations.data(), row * STRIDE + c);
            distance = fma(delta.mul(delta), FloatVector.fromArray(FLOATS, variances, c), distance);
        }
        return (float) (part * Lanes.sum(distance));
    }
}
