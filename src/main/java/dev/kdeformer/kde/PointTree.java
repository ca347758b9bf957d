package dev.kdeformer.kde;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.linalg.IndexSort;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * A balanced binary split of points: at every node the half with the smaller projections on the node's principal
 * direction goes left. Node i has the children 2i + 1 and 2i + 2 where it is not a leaf; leaves have up to
 * {@link #LEAF} points and all lie on one level.
 */
final class PointTree {
    /** Most points of a leaf. */
    static final int LEAF = 32;

    /** Points that the principal direction is taken from. */
    private static final int DIRECTION_SAMPLE = 256;
    private static final int ROUNDS = 6;

    private final int[] order;
    private final int levels;

    private PointTree(int[] order, int levels) {
        this.order = order;
        this.levels = levels;
    }

    /** Splits points. */
    static PointTree of(Team team, Points points) {
        int[] order = new int[points.count()];
        Arrays.setAll(order, i -> i);
        int levels = 0;
        while (((long) points.count() - 1 >> levels) + 1 > LEAF) {
            levels++;
        }
        PointTree tree = new PointTree(order, levels);
        for (int level = 0; level < levels; level++) {
            int first = (1 << level) - 1;
            team.forEach(1 << level, (index, scratch) -> tree.split(points, first + index));
        }
        return tree;
    }

    /** The points in the order of the leaves. */
    int[] order() {
        return order;
    }

    /** Number of nodes. */
    int nodes() {
        return (2 << levels) - 1;
    }

    boolean isLeaf(int node) {
        return node >= (1 << levels) - 1;
    }

    /** First position in {@link #order} of a node's points. */
    int from(int node) {
        int level = 31 - Integer.numberOfLeadingZeros(node + 1);
        return boundary(node + 1 - (1 << level), level);
    }

    /** The position after the last of a node's points. */
    int to(int node) {
        int level = 31 - Integer.numberOfLeadingZeros(node + 1);
        return boundary(node + 2 - (1 << level), level);
    }

    private int boundary(int index, int level) {
        return (int) ((long) order.length * index >> level);
    }

    private void split(Points points, int node) {
        int from = from(node);
        int to = to(node);
        float[] direction = direction(points, from, to);
        float[] projections = new float[to - from];
        for (int i = from; i < to; i++) {
            projections[i - from] = Lanes.dot(direction, 0, points.rows(), order[i] * points.stride(),
                    points.stride());
        }
        IndexSort.sort(order, from, to, projections);
    }

    /** The leading eigenvector of the covariance of some of the points, by a few rounds of power iteration. */
    private float[] direction(Points points, int from, int to) {
        int d = points.features();
        int count = Math.min(DIRECTION_SAMPLE, to - from);
        double[][] sample = new double[count][d];
        double[] mean = new double[d];
        for (int i = 0; i < count; i++) {
            int at = order[from + (int) ((long) i * (to - from) / count)] * points.stride();
            for (int c = 0; c < d; c++) {
                sample[i][c] = points.rows()[at + c];
                mean[c] += sample[i][c] / count;
            }
        }
        double[] vector = new double[d];
        double longest = -1;
        for (double[] row : sample) {
            double squares = 0;
            for (int c = 0; c < d; c++) {
                row[c] -= mean[c];
                squares += row[c] * row[c];
            }
            if (squares > longest) {
                longest = squares;
                System.arraycopy(row, 0, vector, 0, d);
            }
        }
        for (int round = 0; round < ROUNDS; round++) {
            normalise(vector);
            double[] next = new double[d];
            for (double[] row : sample) {
                double dot = 0;
                for (int c = 0; c < d; c++) {
                    dot += row[c] * vector[c];
                }
                for (int c = 0; c < d; c++) {
                    next[c] += dot * row[c];
                }
            }
            vector = next;
        }
        normalise(vector);
        float[] direction = new float[points.stride()];
        for (int c = 0; c < d; c++) {
            direction[c] = (float) vector[c];
        }
        return direction;
    }

    private static void normalise(double[] vector) {
        double largest = 0;
        for (double x : vector) {
            largest = Math.max(largest, Math.abs(x));
        }
        double squares = 0;
        for (int c = 0; c < vector.length && largest > 0; c++) {
            vector[c] /= largest;
            squares += vector[c] * vector[c];
        }
        for (int c = 0; c < vector.length && largest > 0; c++) {
            vector[c] /= Math.sqrt(squares);
        }
    }
}
