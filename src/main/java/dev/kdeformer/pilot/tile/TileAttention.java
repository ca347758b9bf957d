package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.runtime.Scratch;
import jdk.incubator.vector.FloatVector;

/** What a tile of queries sums up over its near keys and the far groups, in buffers that the thread keeps. */
public final class TileAttention {
    private final Buffers buffers;

    private final KeyGroups keys;
    private final int d;
    private final int stride;
    private final int valueStride;
    private final boolean tilted;
    private final PackedKeys nearKeys;
    private final PackedKeys farKeys;
    private final long tiltRows;

    /**
     * With memory from {@code scratch}.
     *
     * @param most   most near keys of a tile
     * @param tilted whether values move with the query
     */
    public TileAttention(KeyGroups keys, int most, boolean tilted, Scratch scratch) {
        this.buffers = scratch.keep(Buffers.class, Buffers::new);
        this.keys = keys;
        this.tilted = tilted;
        d = keys.keys().columns();
        stride = keys.keys().stride();
        valueStride = keys.values().stride();
        LogitScale natural = LogitScale.of(1);
        nearKeys = new PackedKeys(scratch, most, d, keys.values().columns(), natural);
        farKeys = new PackedKeys(scratch, keys.groups(), 2 * stride, keys.values().columns(), natural);
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
        buffers.packer.packRows(nearKeys, near, keys.keys().address(), stride, keys.values().address(), valueStride,
                keys.biases());
        far.pack(farKeys, tiltRows);
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

    /** Loads queries and starts their state. */
    public void begin(Rows queries, int[] index, int from, int count) {
        QueryTile tile = buffers.queries;
        tile.resize(count, d);
        for (int r = 0; r < count; r++) {
            queries.read(index == null ? from + r : index[from + r], tile.data(), r * STRIDE);
        }
        buffers.state.begin(count, keys.values().columns());
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
            int second = QueryTile.blockStart(stride + c) + (stride + c) % DEPTH;
            for (int r = 0; r < rows * STRIDE; r += STRIDE) {
                FloatVector delta = FloatVector.fromArray(FLOATS, q, r + c).sub(middle);
                delta.intoArray(x, first + r);
                delta.mul(delta).intoArray(x, second + r);
            }
        }
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
        float[] values = buffers.state.values();
        for (int c = 0; c < valueStride; c += 2 * LANES) {
            ValueKernel.add(buffers.weighted, 0, rows, d, tiltRows + c * 4L, valueStride * 4L,
                    Math.min(2, (valueStride - c) / LANES), values, c, valueStride);
        }
    }
}
