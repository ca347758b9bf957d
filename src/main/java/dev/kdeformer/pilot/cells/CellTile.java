package dev.kdeformer.pilot.cells;

import static dev.kdeformer.pilot.cells.CellKernel.RANK;
import static dev.kdeformer.pilot.keys.KeyCells.CELL;

import dev.kdeformer.pilot.keys.KeyCells;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.ScoreKernel;
import java.util.Arrays;

/**
 * One tile of queries: what it has measured of all cells, and what it makes of them. Those keys whose expansion costs
 * too much are near; the others stand in parts, the largest nodes of the key tree that can be expanded as one.
 */
final class CellTile {
    /** Elements for each key. */
    static final int FLOATS = 4;

    /** From this distance on the weight of a cell grows with the distance, not with its square. */
    private static final double FAR = 1;

    /** Sums over a node: weight, weighted means relative to that of all keys, weighted squares of these and spreads. */
    private static final int SUMS = RANK + 2;

    final float[] centre;
    final SeenKeys seen;
    final float[] tops;
    /** For every cell its part, −1 for none. */
    final int[] part;
    final float[] partMass;
    /** First key of every part, and the number of keys after the last. */
    final int[] starts;
    final int[] near;
    final FarField far;
    int from;
    int to;
    int nearCount;
    int parts;
    /** The squared error that the parts are expected to cost, as a part of the squared sum of weights. */
    double expected;
    private double logMass;
    private final double[] mean = new double[RANK];
    private final double[][] tree;
    private final float[] sums = new float[2];
    private final KeyCells keys;

    CellTile(KeyCells keys, boolean tilted) {
        int padded = keys.cells() * CELL;
        this.keys = keys;
        centre = new float[keys.keys().stride()];
        seen = new SeenKeys(keys.cells());
        near = new int[padded];
        tops = new float[keys.cells()];
        part = new int[keys.cells()];
        partMass = new float[keys.cells()];
        starts = new int[keys.cells() + 1];
        far = new FarField(keys.cells(), keys.keys().columns(), keys.keys().stride(), keys.values().stride(), tilted);
        tree = new double[keys.levels() + 1][];
        for (int level = 0; level <= keys.levels(); level++) {
            tree[level] = new double[SUMS << level];
        }
    }

    /** Logarithm of the sum of the weights that the centroid gives all keys. */
    double logMass() {
        return logMass;
    }

    /** Scores all keys, once all cells have been measured. */
    void score() {
        float top = FarField.EMPTY;
        for (float each : tops) {
            top = Math.max(top, each);
        }
        double mass = 0;
        Arrays.fill(mean, 0);
        for (int c = 0; c < tops.length; c++) {
            double w = Math.exp(tops[c] - top) * seen.means[c * SeenKeys.MEANS + RANK];
            mass += w;
            for (int r = 0; r < RANK; r++) {
                mean[r] += w * seen.means[c * SeenKeys.MEANS + r];
            }
        }
        logMass = Math.log(mass) + top;
        for (int r = 0; r < RANK; r++) {
            mean[r] /= mass;
        }
        for (int c = 0; c < tops.length; c++) {
            double square = 0;
            for (int r = 0; r < RANK; r++) {
                double x = seen.means[c * SeenKeys.MEANS + r] - mean[r];
                square += x * x;
            }
            CellKernel.score(seen, c, (float) (heavier(square) - 2 * logMass));
        }
    }

    /**
     * How much heavier, as a logarithm of its squared weight, a cell is to queries that lie towards it: over a Gaussian
     * tile e^{2x²} on average at a distance of x deviations, but no query lies further out than two.
     */
    private static double heavier(double square) {
        return square < FAR ? 2 * square : 4 * Math.sqrt(square) - 2;
    }

    /** Takes keys with scores above a limit for near ones, and cuts the tree into parts for the others. */
    void cut(float limit) {
        int levels = keys.levels();
        double[] leaves = tree[levels];
        Arrays.fill(leaves, 0);
        nearCount = 0;
        for (int node = 0; node < 1 << levels; node++) {
            int c = keys.first(levels, node);
            if (c < keys.first(levels, node + 1)) {
                nearCount = CellKernel.split(seen, c, (float) logMass, limit, near, nearCount, sums);
                sum(leaves, node * SUMS, c);
            }
        }
        for (int level = levels - 1; level >= 0; level--) {
            double[] below = tree[level + 1];
            for (int node = 0; node < 1 << level; node++) {
                for (int i = 0; i < SUMS; i++) {
                    tree[level][node * SUMS + i] = below[2 * node * SUMS + i] + below[(2 * node + 1) * SUMS + i];
                }
            }
        }
        parts = 0;
        expected = 0;
        Arrays.fill(part, -1);
        settle(0, 0, limit);
        starts[parts] = keys.count();
        far.resize(parts);
    }

    private void sum(double[] leaves, int at, int cell) {
        double weight = sums[0];
        double square = 0;
        leaves[at] = weight;
        for (int r = 0; r < RANK; r++) {
            double x = seen.means[cell * SeenKeys.MEANS + r] - mean[r];
            leaves[at + 1 + r] = weight * x;
            square += x * x;
        }
        leaves[at + 1 + RANK] = weight * square + sums[1];
    }

    /** Makes a node one part, or goes on to its children. */
    private void settle(int level, int node, double limit) {
        double[] x = tree[level];
        int at = node * SUMS;
        double weight = x[at];
        if (weight <= 0) {
            return;
        }
        double distance = 0;
        for (int r = 0; r < RANK; r++) {
            double middle = x[at + 1 + r] / weight;
            distance += middle * middle;
        }
        double spread = Math.max(0, x[at + 1 + RANK] / weight - distance);
        double error = 2 * Math.log(weight) + ScoreKernel.logThirdOrder(spread) + heavier(distance);
        if (level == keys.levels() || error < limit) {
            expected += Math.exp(Math.min(error, 0));
            int first = keys.first(level, node);
            starts[parts] = first * CELL;
            Arrays.fill(part, first, keys.first(level, node + 1), parts++);
            return;
        }
        settle(level + 1, 2 * node, limit);
        settle(level + 1, 2 * node + 1, limit);
    }
}
