package dev.kdeformer.kde;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import it.unimi.dsi.fastutil.doubles.DoubleArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;

/**
 * Sums over a tree of groups: a query first descends to the leaf that promises most, which it evaluates exactly, and
 * then opens those groups whose bounds are too far apart, until what is uncertain in all groups left is a small enough
 * part of what is certain. Every other group is counted with the middle of its bounds (see {@link GroupMoments}). The
 * scheme of bounds and a shared error budget is that of Gray and Moore ("N-body problems in statistical learning",
 * NIPS 2000), with moments in place of their boxes. Nothing is random and nothing can fail.
 */
final class TreeDensity extends SampledDensity {
    /** The part of the target that the bounds may use up; the rest is for rounding. */
    private static final double SHARE = 0.9;

    /** Groups that there is room for at first. */
    private static final int FEW = 64;

    /** What a bound counts for, in evaluations of the kernel: it takes as many products. */
    private static final int BOUND_COST = 4;

    private final PointTree tree;
    private final GroupBounds groups;

    TreeDensity(Team team, Points points, Target target) {
        this(team, points, PointTree.of(team, points), target);
    }

    private TreeDensity(Team team, Points unordered, PointTree tree, Target target) {
        super(team, unordered.ordered(tree.order()), target);
        this.tree = tree;
        this.groups = points.kernel().isGaussian() || !points.kernel().isRadial()
                ? new GroupMoments(team, points, tree) : new GroupBalls(team, points, tree);
    }

    @Override
    public double failureProbability() {
        return 0;
    }

    @Override
    Statistics answer(Team team, Matrix queries, double[] logSums) {
        return answerWith(this::estimate, team, queries, logSums);
    }

    private double estimate(float[] x, Counter counter) {
        double rounding = 0.5 * (1 - SHARE) * target.relativeError();
        if (points.exponentRounding(x) > rounding) {
            return Double.NaN;
        }
        Frontier frontier = new Frontier(x, counter);
        frontier.descend();
        double log = frontier.refine(Math.log(SHARE * target.relativeError()));
        // Of a Gaussian at a far query, float32 leaves the exponent a digit less for every digit before the point.
        return points.kernel().isGaussian() && Points.ROUNDING * (points.logTotal() - log) > rounding ? Double.NaN
                : log;
    }

    /** The groups that together make up all points, of one query. */
    private final class Frontier {
        private final float[] x;
        private final Counter counter;
        private final float[] room = new float[points.stride()];
        private final double[] bounds = new double[2];
        private final LogSum exact = new LogSum();
        private final IntArrayList nodes = new IntArrayList(FEW);
        private final DoubleArrayList low = new DoubleArrayList(FEW);
        private final DoubleArrayList error = new DoubleArrayList(FEW);

        Frontier(float[] x, Counter counter) {
            this.x = x;
            this.counter = counter;
        }

        void descend() {
            int node = 0;
            while (!tree.isLeaf(node)) {
                push(2 * node + 1);
                push(2 * node + 2);
                int last = nodes.size() - 1;
                node = take(middle(last) > middle(last - 1) ? last : last - 1);
            }
            evaluate(node);
        }

        /** Opens groups until the error is below a part of the sum; returns the logarithm of the estimate. */
        double refine(double logShare) {
            while (true) {
                LogSum certain = new LogSum();
                certain.add(exact.log());
                for (int i = 0; i < low.size(); i++) {
                    certain.add(low.getDouble(i));
                }
                double most = largestError(certain.log() + logShare);
                if (most == Double.POSITIVE_INFINITY) {
                    break;
                }
                for (int i = nodes.size() - 1; i >= 0; i--) {
                    if (error.getDouble(i) >= most) {
                        open(i);
                    }
                }
            }
            LogSum sum = new LogSum();
            sum.add(exact.log());
            for (int i = 0; i < nodes.size(); i++) {
                sum.add(middle(i));
            }
            return sum.log();
        }

        /** The least error of a group that does not fit in the budget; +∞ if all do. */
        private double largestError(double logBudget) {
            double[] sorted = error.toDoubleArray();
            Arrays.sort(sorted);
            LogSum sum = new LogSum();
            for (double each : sorted) {
                sum.add(each);
                if (sum.log() > logBudget) {
                    return each;
                }
            }
            return Double.POSITIVE_INFINITY;
        }

        private void open(int i) {
            int node = take(i);
            if (tree.isLeaf(node)) {
                evaluate(node);
            } else {
                push(2 * node + 1);
                push(2 * node + 2);
            }
        }

        /** Takes a group out; the last one moves to its place. */
        private int take(int i) {
            int node = nodes.getInt(i);
            nodes.set(i, nodes.topInt());
            low.set(i, low.topDouble());
            error.set(i, error.topDouble());
            nodes.popInt();
            low.popDouble();
            error.popDouble();
            return node;
        }

        private void push(int node) {
            groups.bound(node, x, room, bounds);
            nodes.add(node);
            low.add(bounds[0]);
            // Half the distance of the bounds.
            error.add(bounds[1] > bounds[0] ? bounds[1] + Math.log(-Math.expm1(bounds[0] - bounds[1])) - Math.log(2)
                    : Double.NEGATIVE_INFINITY);
            counter.add(BOUND_COST);
        }

        private double middle(int i) {
            return LogSum.of(low.getDouble(i), error.getDouble(i));
        }

        private void evaluate(int leaf) {
            for (int j = tree.from(leaf); j < tree.to(leaf); j++) {
                exact.add(points.logWeight(j) + points.logKernel(x, j));
            }
            counter.add(tree.to(leaf) - tree.from(leaf));
        }
    }
}
