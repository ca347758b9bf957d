package dev.kdeformer.pilot.keys;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * An order of rows in which consecutive runs are similar: each node is split into two clusters of equal size.
 * Node i of level l holds the positions [n·i / 2^l, n·(i + 1) / 2^l).
 *
 * <p>Reading rows in random order is what costs, so a node's rows are read once for several levels: they are projected
 * on a few leading directions, and the nodes below look for theirs inside that subspace.
 */
public final class BalancedTree {
    /** Rows that the directions of a node are found from. */
    private static final int SAMPLE = 192;

    private static final int ITERATIONS = 8;

    /** Levels of splits from one set of projections. */
    private static final int STEP = 3;

    /** Rows that one thread projects at a time where a single node holds them all. */
    private static final int CHUNK = 16 * Lanes.PANEL;

    /** Beyond so many rows the memory for splitting all of them is given back. */
    private static final int KEPT = 1 << 14;

    private BalancedTree() {
    }

    /** Most rows of a leaf that aims at {@code rows}: splitting in halves ends between half of this and this. */
    public static int largestLeaf(int rows) {
        return rows * 7 / 5;
    }

    /** The level of the leaves in a tree of so many rows that are halved until they are {@code tile} or little more. */
    public static int leafLevel(int rows, int tile) {
        int level = 0;
        while ((long) largestLeaf(tile) << level < rows) {
            level++;
        }
        return level;
    }

    /** First position of a node. */
    public static int start(int n, int level, int node) {
        return (int) ((long) n * node >> level);
    }

    /** First position of every node of a level, and n after the last. */
    public static int[] starts(int n, int level) {
        int[] starts = new int[(1 << level) + 1];
        Arrays.setAll(starts, node -> start(n, level, node));
        return starts;
    }

    /** First position of a node of a tree all of whose nodes start at multiples of {@code unit}. */
    static int start(int n, int unit, int level, int node) {
        return unit == 1 ? start(n, level, node) : Math.min(n, unit * start(Math.ceilDiv(n, unit), level, node));
    }

    /**
     * Builds the order.
     *
     * @param metric in which rows are similar
     * @param levels number of levels below the root
     * @return the row at every position
     */
    public static int[] order(Rows x, Metric metric, int levels, Team team) {
        return order(x, metric, levels, 1, team);
    }

    /**
     * Builds an order whose nodes all start at multiples of a unit.
     *
     * @param unit positions that stay together
     */
    static int[] order(Rows x, Metric metric, int levels, int unit, Team team) {
        int n = x.count();
        PrincipalSubspace.Search search = new PrincipalSubspace.Search(SAMPLE, TreeSplitter.RANK, ITERATIONS, metric);
        int[] order = new int[n];
        Arrays.setAll(order, i -> i);
        if (levels > 0) {
            PrincipalSubspace subspace = team.scratch().keep(PrincipalSubspace.class, PrincipalSubspace::new);
            RowRange all = new RowRange(x, order, 0, n);
            subspace.find(all, search, team.scratch());
            TreeSplitter splitter = n > KEPT ? new TreeSplitter()
                    : team.scratch().keep(TreeSplitter.class, TreeSplitter::new);
            splitter.room(n);
            team.forRanges(n, CHUNK, (from, to, scratch) -> splitter.project(all, from, to, subspace, scratch));
            splitter.split(order, n, unit, 0, 0, Math.min(STEP, levels));
        }
        refine(x, metric, order, new Levels(STEP, levels), unit, team);
        return order;
    }

    /**
     * Splits further what has been split down to a level.
     *
     * @param order the row at every position, which is reordered inside the nodes of that level
     * @param from  the level, at least 1
     * @param to    the level of the new leaves
     */
    public static void refine(Rows x, Metric metric, int[] order, int from, int to, Team team) {
        refine(x, metric, order, new Levels(from, to), 1, team);
    }

    /** The levels of a tree whose leaves are split, and that of the leaves then. */
    private record Levels(int from, int to) {
    }

    private static void refine(Rows x, Metric metric, int[] order, Levels levels, int unit, Team team) {
        int n = x.count();
        PrincipalSubspace.Search search = new PrincipalSubspace.Search(SAMPLE, TreeSplitter.RANK, ITERATIONS, metric);
        for (int level = levels.from; level < levels.to; level += STEP) {
            int above = level;
            team.forEach(1 << level, (node, scratch) -> {
                int from = start(n, unit, above, node);
                int to = start(n, unit, above, node + 1);
                if (to - from <= unit) {
                    return;
                }
                PrincipalSubspace subspace = scratch.keep(PrincipalSubspace.class, PrincipalSubspace::new);
                RowRange rows = new RowRange(x, order, from, to);
                subspace.find(rows, search, scratch);
                TreeSplitter splitter = scratch.keep(TreeSplitter.class, TreeSplitter::new);
                splitter.room(to - from);
                splitter.project(rows, 0, to - from, subspace, scratch);
                splitter.split(order, n, unit, above, node, Math.min(STEP, levels.to - above));
            });
        }
    }
}
