package dev.kdeformer.pilot.cells;

import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.KeyCells;
import dev.kdeformer.pilot.keys.Metric;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.tile.DrawnKeys;
import dev.kdeformer.pilot.tile.TileAttention;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.concurrent.atomic.DoubleAdder;

/** One query head on cells of keys: its queries in the order of a tree, and where the results go. */
final class CellHead {
    /** Least part of a query's weight that is taken to be far when it is asked how doubtful it is. */
    private static final double LEAST_FAR = 0.1;

    private final KeyHead head;
    private final KeyCells keys;
    private final Rows queries;
    private final int[] order;
    private final int[] offsets;
    private final int[] keyAtRow;
    private final int tilt;
    private final Doubts doubts;
    private final long orderAddress;
    private final Matrix query;
    private final Matrix output;
    private final Matrix logSumExp;

    /**
     * What a run has done.
     *
     * @param work      floating-point operations
     * @param projected what they would be for all queries of the tiles that were looked at
     * @param queries   the number of these
     */
    record Done(double work, double projected, int queries) {
    }

    /**
     * Sorts the queries further.
     *
     * @param coarse  the queries times the scale, in the order of a tree whose leaves are the largest tiles
     * @param rows    the caller's row of each of them
     * @param offsets distances at which a query has a key of its own
     */
    CellHead(Unit unit, int member, KeyCells keys, Rows coarse, int[] rows, int[] offsets) {
        Team team = unit.team();
        this.head = unit.head();
        this.keys = keys;
        this.offsets = offsets;
        this.tilt = keys.groups().valuesFollow() ? unit.options().expansion().tilt() : 0;
        int n = coarse.count();
        int[] sorted = new int[n];
        Arrays.setAll(sorted, i -> i);
        BalancedTree.refine(coarse, Metric.of(keys.keys(), team), sorted,
                BalancedTree.leafLevel(n, CellEffort.LARGE_TILE), BalancedTree.leafLevel(n, CellEffort.SMALL_TILE),
                team);
        queries = coarse.picked(sorted, team);
        order = new int[n];
        Arrays.setAll(order, i -> rows[sorted[i]]);
        orderAddress = team.scratch().ints(order, 0, n);
        doubts = new Doubts(n);
        query = head.query(member);
        output = head.output(member);
        logSumExp = head.logSumExp(member);
        keyAtRow = new int[head.keys()];
        Arrays.fill(keyAtRow, -1);
        for (int j = 0; j < keys.count(); j++) {
            keyAtRow[keys.groups().order()[keys.order()[j]]] = j;
        }
    }

    /** First query of a node. */
    int start(int level, int node) {
        return BalancedTree.start(queries.count(), level, node);
    }

    /**
     * Computes all queries, or some of them.
     *
     * @param rows their positions, ascending; null for all
     */
    Done run(CellEffort effort, int[] rows, Team team) {
        int level = BalancedTree.leafLevel(queries.count(), effort.tile());
        int[] tiles = new int[1 << level];
        int count = 0;
        int covered = 0;
        for (int t = 0, next = 0; t < tiles.length; t++) {
            int from = start(level, t);
            int to = start(level, t + 1);
            boolean wanted = rows == null ? from < to : next < rows.length && rows[next] < to;
            while (rows != null && next < rows.length && rows[next] < to) {
                next++;
            }
            if (wanted) {
                tiles[count++] = t;
                covered += to - from;
            }
        }
        int all = count;
        DoubleAdder work = new DoubleAdder();
        DoubleAdder projected = new DoubleAdder();
        // As many batches as threads, or small ones at least; what a batch holds changes no result.
        int together = Math.clamp(Math.ceilDiv(all, 2 * team.threads()), 1, CellWalk.TOGETHER);
        team.forEach(Math.ceilDiv(all, together), (index, scratch) -> {
            int[] some = Arrays.copyOfRange(tiles, index * together, Math.min(all, (index + 1) * together));
            CellWalk walk = new CellWalk(this, some.length, team, scratch);
            walk.run(some, level, effort, rows);
            work.add(walk.work());
            projected.add(walk.projected());
            for (int tile : some) {
                team.advance(start(level, tile + 1) - start(level, tile));
            }
        });
        return new Done(work.sum(), projected.sum(), covered);
    }

    /** Gives the keys of a tile's own the highest scores. */
    void force(CellTile tile) {
        for (int i = tile.from; i < tile.to && offsets.length > 0; i++) {
            for (int offset : offsets) {
                int row = order[i] + offset;
                if (row >= 0 && row < keyAtRow.length && keyAtRow[row] >= 0) {
                    tile.seen.scores[keyAtRow[row]] = Float.POSITIVE_INFINITY;
                }
            }
        }
    }

    /**
     * Writes the rows of a finished tile and notes their doubts.
     *
     * @param variances second central moments of all that is far, null without any
     * @param expected  the error that the tile expects
     */
    void finish(TileAttention tile, int from, float[] variances, float expected) {
        int count = tile.queries().rows();
        for (int r = 0; r < count; r++) {
            doubts.note(from + r, variances == null ? 0 : tile.doubt(r, variances, LEAST_FAR), expected);
        }
        finish(tile.state(), orderAddress, from, count);
    }

    /**
     * Writes rows.
     *
     * @param rows address of ints, the caller's rows
     */
    void finish(SoftmaxTile state, long rows, int from, int count) {
        state.finish(output, logSumExp, rows, from,
                logSumExp == null ? null : head.shift(query, rows, from, count, keys.groups().centre()));
    }

    KeyCells keys() {
        return keys;
    }

    Rows queries() {
        return queries;
    }

    /** The caller's row of every query. */
    int[] order() {
        return order;
    }

    Matrix output() {
        return output;
    }

    Doubts doubts() {
        return doubts;
    }

    /** Whether values move with the query. */
    boolean tilts() {
        return tilt > 0;
    }

    /** How many keys a tile of that many queries draws. */
    int drawn(int size) {
        return DrawnKeys.wanted(tilt, size);
    }
}
