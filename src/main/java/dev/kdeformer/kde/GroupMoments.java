package dev.kdeformer.kde;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.runtime.Team;
import jdk.incubator.vector.FloatVector;

/**
 * Moments of the groups of points at all nodes of a {@link PointTree}, and what they say about a group's part of a
 * sum without looking at its points.
 *
 * <p>With y = b + δ for a base b near the group's mean, the group's part at a query is
 * c(x)·Σ w'·exp(⟨t, δ⟩): for the exponential kernel t = x, w' = w and c = exp(⟨x, b⟩); for the Gaussian t = x − b,
 * w' = w·exp(−½‖δ‖²) and c = exp(−½‖t‖²). With κ the mean of δ under w' this is c·W'·exp(⟨t, κ⟩)·E exp(u), where
 * u = ⟨t, δ − κ⟩ has mean 0. From Taylor's theorem, with |u| ≤ z and V = E u²,
 * <pre>
 *   1 + V·(½ − z/6)  ≤  E exp(u)  ≤  1 + V·(exp(z) − 1 − z) / z²
 * </pre>
 * and 1 ≤ E exp(u) by Jensen's inequality. V is known to lie between two bounds from the two leading eigenvectors of
 * the covariance of δ under w' and its third eigenvalue; z is bounded by the largest ‖δ − κ‖, or by the largest
 * components along and beside the two eigenvectors, whichever is less.
 */
final class GroupMoments implements GroupBounds {
    /** Groups of more points, or of longer ones, make do with the trace of the covariance. */
    private static final int MOST_POINTS = 2048;
    private static final int MOST_FEATURES = 128;

    /** What float32 may have taken from a norm or a product. */
    private static final double SLACK = 1 + 1e-5;

    /** What is smaller than this beside something else may be its rounding. */
    private static final double SMALL = 1e-6;

    /** Logarithm of the least weight, beside a group's mass, that shows in its moments. */
    private static final double LEAST = -600;

    private final Points points;
    private final boolean gaussian;
    private final int stride;
    private final float[] base;
    private final float[] tilt;
    private final float[] first;
    private final float[] second;
    private final double[] logMass;
    private final double[][] values;
    private final double[][] reach;

    /**
     * Takes the moments.
     *
     * @param points in the order of the tree
     */
    GroupMoments(Team team, Points points, PointTree tree) {
        this.points = points;
        this.gaussian = points.kernel().isGaussian();
        this.stride = points.stride();
        int nodes = tree.nodes();
        if ((long) nodes * stride > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("points must have fewer than 2^31 elements in the nodes of a tree, got "
                    + nodes + " x " + stride);
        }
        base = new float[nodes * stride];
        tilt = new float[gaussian ? nodes * stride : 0];
        first = new float[nodes * stride];
        second = new float[nodes * stride];
        logMass = new double[nodes];
        values = new double[nodes][];
        reach = new double[nodes][];
        team.forEach(nodes, (node, scratch) -> take(node, tree.from(node), tree.to(node)));
    }

    private void take(int node, int from, int to) {
        int d = points.features();
        double[] logs = new double[to - from];
        double[] mean = new double[d];
        for (int j = from; j < to; j++) {
            logs[j - from] = points.logWeight(j);
        }
        weightedMean(from, logs, new double[d], mean);
        int at = node * stride;
        double[] origin = new double[d];
        for (int c = 0; c < d; c++) {
            base[at + c] = (float) mean[c];
            origin[c] = base[at + c];
        }
        for (int j = from; j < to && gaussian; j++) {
            double squares = 0;
            for (int c = 0; c < d; c++) {
                double difference = points.rows()[j * stride + c] - origin[c];
                squares += difference * difference;
            }
            logs[j - from] -= 0.5 * points.factor() * squares;
        }
        double[] kappa = new double[d];
        logMass[node] = weightedMean(from, logs, origin, kappa);
        for (int c = 0; c < d && gaussian; c++) {
            tilt[at + c] = (float) kappa[c];
            kappa[c] = tilt[at + c];
        }
        // For the exponential kernel κ is what rounding the base left: as little as rounding takes from ⟨x, b⟩.
        spread(node, from, logs, origin, kappa);
    }

    /** The mean of the points less an origin, weighted; returns the logarithm of the weights' sum. */
    private double weightedMean(int from, double[] logs, double[] origin, double[] mean) {
        LogSum sum = new LogSum();
        for (double log : logs) {
            sum.add(log);
        }
        double total = sum.log();
        for (int i = 0; i < logs.length; i++) {
            double w = Math.exp(logs[i] - total);
            int row = (from + i) * stride;
            for (int c = 0; c < mean.length; c++) {
                mean[c] += w * (points.rows()[row + c] - origin[c]);
            }
        }
        return total;
    }

    private void spread(int node, int from, double[] logs, double[] origin, double[] kappa) {
        int d = kappa.length;
        boolean detailed = logs.length <= MOST_POINTS && d <= MOST_FEATURES;
        Gram gram = detailed ? new Gram(d) : null;
        double trace = 0;
        double[] row = new double[d];
        for (int i = 0; i < logs.length; i++) {
            double w = Math.exp(logs[i] - logMass[node]);
            double squares = deviation(from + i, origin, kappa, row);
            trace += w * squares;
            if (detailed) {
                double root = Math.sqrt(w);
                for (int c = 0; c < d; c++) {
                    gram.next()[c] = root * row[c];
                }
                gram.add();
            }
        }
        double[] axis1 = new double[d];
        double[] axis2 = new double[d];
        if (detailed) {
            SymmetricEigen eigen = new SymmetricEigen(d);
            double[] found = eigen.decompose(gram.matrix());
            // An eigenvalue far below the first is rounding; what it stands for goes to the allowance for the rest.
            boolean two = d > 1 && found[1] > SMALL * found[0];
            values[node] = new double[] {Math.max(0, found[0]), two ? found[1] : 0,
                (d > 2 && two ? Math.max(0, found[2]) : 0) + SMALL * Math.abs(found[0])};
            keep(eigen.vectors(), 0, axis1, first, node);
            if (two) {
                keep(eigen.vectors(), 1, axis2, second, node);
            }
        } else {
            values[node] = new double[] {0, 0, trace};
        }
        double[] far = new double[4];
        for (int i = 0; i < logs.length; i++) {
            double squares = deviation(from + i, origin, kappa, row);
            double along1 = dot(row, axis1);
            double along2 = dot(row, axis2);
            far[0] = Math.max(far[0], Math.sqrt(squares));
            far[1] = Math.max(far[1], Math.abs(along1));
            far[2] = Math.max(far[2], Math.abs(along2));
            far[3] = Math.max(far[3], Math.sqrt(Math.max(0, squares - along1 * along1 - along2 * along2)
                    + SMALL * squares));
        }
        reach[node] = far;
    }

    private double deviation(int point, double[] origin, double[] kappa, double[] row) {
        double squares = 0;
        int at = point * stride;
        for (int c = 0; c < row.length; c++) {
            row[c] = points.rows()[at + c] - origin[c] - kappa[c];
            squares += row[c] * row[c];
        }
        return squares;
    }

    private void keep(double[] vectors, int which, double[] axis, float[] target, int node) {
        for (int c = 0; c < axis.length; c++) {
            axis[c] = vectors[which * axis.length + c];
            target[node * stride + c] = (float) axis[c];
        }
    }

    @Override
    public void bound(int node, float[] x, float[] t, double[] bounds) {
        int at = node * stride;
        double log = logMass[node];
        float[] direction = x;
        if (gaussian) {
            direction = t;
            float factor = (float) points.factor();
            for (int c = 0; c < stride; c += LANES) {
                FloatVector.fromArray(FLOATS, x, c).sub(FloatVector.fromArray(FLOATS, base, at + c)).mul(factor)
                        .intoArray(t, c);
            }
        }
        double squares = Lanes.dot(direction, 0, direction, 0, stride);
        if (gaussian) {
            log += Lanes.dot(t, 0, tilt, at, stride) - 0.5 * squares / points.factor();
        } else {
            log += Lanes.dot(x, 0, base, at, stride);
        }
        double along1 = Lanes.dot(direction, 0, first, at, stride);
        double along2 = Lanes.dot(direction, 0, second, at, stride);
        double rest = Math.max(0, squares - along1 * along1 - along2 * along2) + SMALL * squares;
        double[] far = reach[node];
        double z = SLACK * Math.min(Math.sqrt(squares) * far[0],
                Math.abs(along1) * far[1] + Math.abs(along2) * far[2] + Math.sqrt(rest) * far[3]);
        double[] lambda = values[node];
        double hair = 2e-7 * Math.sqrt(squares);
        double least = lambda[0] * square(Math.max(0, Math.abs(along1) - hair))
                + lambda[1] * square(Math.max(0, Math.abs(along2) - hair));
        double most = SLACK * (lambda[0] * square(Math.abs(along1) + hair)
                + lambda[1] * square(Math.abs(along2) + hair) + lambda[2] * rest);
        bounds[0] = log + Math.log(Math.max(1, 1 + least / SLACK * (0.5 - z / 6)));
        bounds[1] = log + Math.min(z, LogSum.of(upper(most, z), z + LEAST));
    }

    /** Logarithm of 1 + V·(exp(z) − 1 − z) / z². */
    private static double upper(double v, double z) {
        if (z < 1e-3) {
            return v * (0.5 + z / 3);
        }
        double growth = z > 50 ? z - 2 * Math.log(z) : Math.log((Math.expm1(z) - z) / (z * z));
        return LogSum.of(0, Math.log(v) + growth);
    }

    private static double square(double x) {
        return x * x;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int c = 0; c < a.length; c++) {
            sum += a[c] * b[c];
        }
        return sum;
    }
}
