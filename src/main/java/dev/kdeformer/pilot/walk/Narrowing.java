package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.Rows;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * How queries come closer to each other from level to level of their tree, and how many candidates a node passes down
 * for that.
 *
 * <p>Folding a key costs an error that grows with the spread of its logit over the queries of the node. Where a node
 * passes the key down, it is folded at the spread over a child's queries instead, smaller by the ratio r of their
 * variances: that saves the part 1 − 1/r of the error. The variance of language models' activations fell by a sixth to
 * a half from a node to its children, and all their candidates are worth passing down; that of 100-dimensional word
 * vectors fell by a twentieth to a tenth, and most were passed down for nothing.
 *
 * @param variances mean squared distance of a query from its node's centroid, by level
 */
public record Narrowing(double[] variances) {
    /** From this part of its error that a candidate saves below, all that an effort allows are passed down. */
    private static final double FULL = 0.2;

    /** What each of so many levels divides the variance by where queries lie in three dimensions or fewer. */
    private static final double NARROW = 1.5;
    private static final int LEVELS = 3;
    /** So many times smaller are tiles there. */
    private static final int SMALLER = 4;
    /** Nodes of a level that are looked at, and queries of each. */
    private static final int NODES = 16;
    private static final int QUERIES = 128;

    /**
     * Measures it on some of the nodes.
     *
     * @param queries in the order of their tree
     * @param levels  levels of the tree below the root
     */
    static Narrowing of(Rows queries, int levels) {
        double[] variances = new double[levels + 1];
        float[] sum = new float[queries.stride()];
        for (int level = 0; level <= levels; level++) {
            int nodes = 1 << level;
            int some = Math.min(nodes, NODES);
            for (int i = 0; i < some; i++) {
                int node = (int) ((2L * i + 1) * nodes / (2 * some));
                variances[level] += variance(queries, BalancedTree.start(queries.count(), level, node),
                        BalancedTree.start(queries.count(), level, node + 1), sum) / some;
            }
        }
        return new Narrowing(variances);
    }

    /** Levels of the tree below the root. */
    public int levels() {
        return variances.length - 1;
    }

    /**
     * Whether queries keep coming closer as fast as the points of a line, a plane or a room do, so that smaller tiles
     * share far more than large ones: the logits of most keys vary over a tile as the square of its width.
     */
    boolean narrows() {
        int leaf = levels();
        boolean narrows = leaf >= LEVELS && variances[leaf] > 0;
        for (int level = leaf; narrows && level > leaf - LEVELS; level--) {
            narrows = variances[level - 1] >= NARROW * variances[level];
        }
        return narrows;
    }

    /** Queries of a tile where they keep coming closer. */
    static int smaller(int tile) {
        return Math.max(1, tile / SMALLER);
    }

    /** Queries of a tile in the tree of so many queries, of which {@code tile} are aimed at. */
    int tile(int queries, int tile) {
        return levels() > BalancedTree.leafLevel(queries, tile) ? smaller(tile) : tile;
    }

    private static double variance(Rows queries, int from, int to, float[] sum) {
        int count = Math.min(QUERIES, to - from);
        if (count < 2) {
            return 0;
        }
        Arrays.fill(sum, 0);
        double squares = 0;
        for (int i = 0; i < count; i++) {
            int index = from + (int) ((long) i * (to - from) / count);
            long row = queries.row(index);
            for (int c = 0; c < sum.length; c += LANES) {
                FloatVector.fromArray(FLOATS, sum, c).add(Lanes.load(row + c * 4L)).intoArray(sum, c);
            }
            squares += queries.square(index);
        }
        double common = Lanes.dot(sum, 0, sum, 0, sum.length) / count;
        return Math.max(0, squares - common) / (count - 1);
    }

    /**
     * Candidates that a node of a level passes down for each of its queries: at least as many as its leaves would take
     * if none of them shared any, where the effort allows them.
     *
     * @param level not that of the leaves
     */
    double passed(int level, Effort effort) {
        if (effort.isAdaptive()) {
            return effort.candidates();
        }
        int below = Math.min(level + PilotWalk.LEVELS, levels());
        double saved = variances[level] > 0 ? 1 - variances[below] / variances[level] : 0;
        double least = (double) effort.near() / effort.tile();
        return Math.min(effort.candidates(), Math.max(least, effort.candidates() * saved / FULL));
    }
}
