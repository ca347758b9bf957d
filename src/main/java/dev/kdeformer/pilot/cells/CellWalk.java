package dev.kdeformer.pilot.cells;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.pilot.cells.CellKernel.RANK;
import static dev.kdeformer.pilot.keys.KeyCells.CELL;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.pilot.keys.KeyCells;
import dev.kdeformer.pilot.keys.PrincipalSubspace;
import dev.kdeformer.pilot.keys.RowRange;
import dev.kdeformer.pilot.tile.DrawnKeys;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.pilot.tile.ScoreKernel;
import dev.kdeformer.pilot.tile.TileAttention;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * One thread's work on some tiles at a time: all of them meet each cell of keys while it is in the cache, once to
 * measure it and once to fold it, both as products of matrices.
 */
final class CellWalk {
    /** Tiles that are worked on together, as many rows as the value kernel takes at a time. */
    static final int TOGETHER = 12;

    /** Rows of the left operand for each tile. */
    private static final int ROWS = 1 + RANK;

    /** Queries that the directions of a tile are found from, and iterations. */
    private static final int SAMPLE = 128;
    private static final int ITERATIONS = 2;

    private final CellHead head;
    private final KeyCells keys;
    private final Team team;
    private final Scratch scratch;
    private final NodeScratch buffers;
    private final CellTile[] tiles = new CellTile[TOGETHER];
    private final float[] left = new float[TOGETHER * ROWS * STRIDE];
    private final float[] products = new float[TOGETHER * ROWS * STRIDE];
    private final float[] weights = new float[TOGETHER * STRIDE];
    private final float[] sums;
    private final float[][] moments = new float[TOGETHER][0];
    private final int d;
    private final int dv;
    private final int stride;
    private final int valueStride;
    /** Sums of a part: keys, squares, values. */
    private final int width;
    private final long noBias;
    private final TileAttention attention;
    private final int[] identity;
    private double projected;
    private double spared;

    CellWalk(CellHead head, int most, Team team, Scratch scratch) {
        this.head = head;
        this.keys = head.keys();
        this.team = team;
        this.scratch = scratch;
        this.buffers = scratch.keep(NodeScratch.class, NodeScratch::new);
        d = keys.keys().columns();
        dv = keys.values().columns();
        stride = keys.keys().stride();
        valueStride = keys.values().stride();
        width = 2 * stride + valueStride;
        sums = new float[TOGETHER * width];
        for (int t = 0; t < most; t++) {
            tiles[t] = new CellTile(keys, head.tilts());
        }
        noBias = scratch.floats(PANEL);
        Memory.fillFloats(noBias, PANEL, 0);
        attention = new TileAttention(new TileAttention.Keys(keys.keys(), keys.values(), keys.biases(),
                keys.groups().range()), keys.count(), keys.cells(), head.tilts(), scratch);
        identity = new int[keys.count()];
        Arrays.setAll(identity, j -> j);
    }

    /** Work done, in floating-point operations. */
    double work() {
        return projected - spared;
    }

    /** What the work would be for all queries of the tiles. */
    double projected() {
        return projected;
    }

    /**
     * Computes some tiles.
     *
     * @param wanted the tiles
     * @param level  of the query tree that they are nodes of
     * @param rows   positions of the only queries to compute, ascending; null for all
     */
    void run(int[] wanted, int level, CellEffort effort, int[] rows) {
        int count = wanted.length;
        for (int t = 0; t < count; t++) {
            enter(tiles[t], head.start(level, wanted[t]), head.start(level, wanted[t] + 1), t * ROWS);
        }
        for (int c = 0; c < keys.cells(); c++) {
            for (int j = 0; j < CELL; j += PANEL) {
                LogitKernel.logits(left, count * ROWS, d, keys.panel(c * CELL + j), noBias, products, j);
            }
            for (int t = 0; t < count; t++) {
                CellTile tile = tiles[t];
                tile.tops[c] = CellKernel.measure(products, t * ROWS, keys.biases(), keys.radii(), c, tile.seen);
            }
        }
        for (int t = 0; t < count; t++) {
            tiles[t].score();
            head.force(tiles[t]);
            tiles[t].cut((float) effort.threshold());
        }
        team.check();
        fold(count);
        for (int t = 0; t < count; t++) {
            team.check();
            attend(tiles[t], rows);
        }
        projected += (2.0 * ROWS * d + 4.0 * d + 2.0 * dv) * keys.count() * count;
    }

    private void enter(CellTile tile, int from, int to, int row) {
        tile.from = from;
        tile.to = to;
        PrincipalSubspace subspace = buffers.subspace;
        int rank = Math.min(RANK, d);
        subspace.find(new RowRange(head.queries(), null, from, to),
                new PrincipalSubspace.Search(SAMPLE, rank, ITERATIONS, null), scratch);
        System.arraycopy(subspace.mean(), 0, tile.centre, 0, stride);
        System.arraycopy(subspace.mean(), 0, left, row * STRIDE, d);
        double rest = subspace.trace();
        for (int r = 0; r < rank; r++) {
            rest -= subspace.variance(r);
        }
        tile.seen.rest = (float) Math.max(0, rest / Math.max(1, d - rank));
        for (int r = 0; r < RANK; r++) {
            int at = (row + 1 + r) * STRIDE;
            Arrays.fill(left, at, at + d, 0);
            if (r < rank) {
                float length = (float) Math.sqrt(Math.max(0, subspace.variance(r) - tile.seen.rest));
                for (int c = 0; c < d; c++) {
                    left[at + c] = subspace.directions()[r * STRIDE + c] * length;
                }
            }
        }
    }

    private void fold(int count) {
        for (int t = 0; t < count; t++) {
            int length = tiles[t].parts * width;
            moments[t] = moments[t].length < length ? new float[length] : moments[t];
            Arrays.fill(moments[t], 0, length, 0);
            Arrays.fill(tiles[t].partMass, 0, tiles[t].parts, 0);
        }
        for (int c = 0; c < keys.cells(); c++) {
            if (load(c, count)) {
                int present = Math.min(CELL, keys.count() - c * CELL);
                Arrays.fill(sums, 0);
                product(count, present, keys.keys().row(c * CELL), stride, 0);
                product(count, present, keys.squares().row(c * CELL), stride, stride);
                product(count, present, keys.values().row(c * CELL), valueStride, 2 * stride);
                for (int t = 0; t < count; t++) {
                    int part = tiles[t].part[c];
                    for (int i = 0; part >= 0 && i < width; i += LANES) {
                        FloatVector.fromArray(FLOATS, moments[t], part * width + i)
                                .add(FloatVector.fromArray(FLOATS, sums, t * width + i))
                                .intoArray(moments[t], part * width + i);
                    }
                }
            }
        }
        for (int t = 0; t < count; t++) {
            CellTile tile = tiles[t];
            for (int p = 0; p < tile.parts; p++) {
                tile.far.setMass(p, tile.partMass[p], (float) tile.logMass());
                tile.far.setMoments(p, tile.partMass[p], moments[t], p * width);
            }
        }
    }

    /** Loads the weights of a cell, and adds them to the parts that it belongs to; whether there are any. */
    private boolean load(int cell, int count) {
        boolean any = false;
        for (int t = 0; t < count; t++) {
            int part = tiles[t].part[cell];
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int j = 0; j < CELL; j += LANES) {
                FloatVector w = part < 0 ? FloatVector.zero(FLOATS)
                        : FloatVector.fromArray(FLOATS, tiles[t].seen.logits, cell * CELL + j);
                w.intoArray(weights, t * STRIDE + j);
                sum = sum.add(w);
            }
            if (part >= 0) {
                tiles[t].partMass[part] += Lanes.sum(sum);
                any = true;
            }
        }
        return any;
    }

    private void product(int count, int present, long rows, int rowStride, int at) {
        for (int c = 0; c < rowStride; c += 2 * LANES) {
            ValueKernel.add(weights, 0, count, present, rows + c * 4L, rowStride * 4L,
                    Math.min(2, (rowStride - c) / LANES), sums, at + c, width);
        }
    }

    private void attend(CellTile tile, int[] some) {
        boolean hasFar = tile.parts > 0;
        if (hasFar && head.tilts()) {
            tilt(tile);
        }
        attention.prepare(tile.near, tile.nearCount, tile.far);
        double each = 2.0 * (d + dv) * tile.nearCount + 2.0 * (2 * d + dv) * tile.parts
                + (hasFar && head.tilts() ? 2.0 * d * dv : 0);
        projected += (tile.to - tile.from) * each;
        if (some != null) {
            int[] rows = Arrays.stream(some).filter(row -> row >= tile.from && row < tile.to).toArray();
            attention.attend(head.queries(), rows, head.order(), hasFar ? tile.centre : null, head::finish);
            spared += (tile.to - tile.from - rows.length) * each;
            return;
        }
        float[] variances = hasFar ? tile.far.allVariances() : null;
        for (int first = tile.from; first < tile.to; first += QueryTile.ROWS) {
            int rows = Math.min(QueryTile.ROWS, tile.to - first);
            attention.begin(head.queries(), null, first, rows);
            if (hasFar) {
                attention.addFar(tile.centre);
            }
            attention.noteFar(hasFar);
            attention.addNear();
            head.finish(attention, first, variances, (float) Math.sqrt(tile.expected));
        }
    }

    /** Learns how values move with the query from a few drawn keys. */
    private void tilt(CellTile tile) {
        for (int c = 0; c < keys.cells(); c++) {
            if (tile.part[c] < 0) {
                Arrays.fill(tile.seen.logits, c * CELL, (c + 1) * CELL, 0);
            }
        }
        int positive = ScoreKernel.above(tile.seen.logits, keys.count(), 0);
        DrawnKeys drawn = buffers.drawn;
        drawn.draw(identity, tile.seen.logits, keys.count(), positive, head.drawn(tile.to - tile.from));
        tile.far.setTilt(buffers.tilt.deviations(keys.keys(), keys.values(), tile.starts, drawn, tile.far.keys(),
                tile.far.values(), scratch), (float) tile.logMass());
        projected += 2.0 * d * dv * drawn.count();
    }
}
