package dev.kdeformer.kde;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.tensor.Matrix;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The points of positive weight in prepared coordinates, into which {@link #load} takes queries too.
 *
 * <p>Functions of the distance: coordinates are multiplied by the power of two next to the inverse of the bandwidth,
 * which rounds nothing, so that differences of near points keep all digits however far they lie from the origin; the
 * distance in units of the bandwidth is the root of {@link #factor}·‖x − y‖². Exponential: points lose their weighted
 * mean, which gives digits back where they share a large part, and queries are multiplied by the scale; the logarithm
 * is ⟨x, y⟩ plus an offset that depends on the query alone.
 *
 * <p>Immutable. Rows are padded with zeros to whole vectors.
 */
final class Points {
    /** Bound on the relative error of a product or squared distance of float rows, per unit of the norms' product. */
    static final double ROUNDING = 0x1p-22;

    /** The part of a bandwidth round the edge of a compact kernel in which float32 is too coarse for a distance. */
    private static final double EDGE = 1e-2;

    /** Bandwidths beyond which float32 takes too much from the exponent of a long tail. */
    private static final double FAR = 100;

    private final Kernel kernel;
    private final int count;
    private final int features;
    private final int stride;
    private final float[] rows;
    /** What rounding took from each coordinate of the exponential kernel's points when they lost their mean. */
    private final float[] rest;
    private final double[] logWeights;
    private final double[] mean;
    private final float[] centre;
    private final double unit;
    private final double factor;
    private final double radius;
    private final double logTotal;

    private Points(Kernel kernel, float[] rows, float[] rest, double[] logWeights, double[] mean, double unit) {
        this.kernel = kernel;
        this.count = logWeights.length;
        this.features = mean.length;
        this.stride = Lanes.padColumns(features);
        this.rows = rows;
        this.rest = rest;
        this.logWeights = logWeights;
        this.mean = mean;
        this.unit = unit;
        this.factor = kernel.isRadial() ? Math.pow(kernel.parameter() * unit, -2) : 1;
        this.centre = new float[stride];
        for (int c = 0; c < features && kernel.isRadial(); c++) {
            centre[c] = (float) (mean[c] * unit);
        }
        double largest = 0;
        LogSum total = new LogSum();
        for (int j = 0; j < count; j++) {
            largest = Math.max(largest, squaredDistance(centre, rows, j * stride, stride));
            total.add(logWeights[j]);
        }
        this.radius = Math.sqrt(largest) * (1 + ROUNDING);
        this.logTotal = total.log();
    }

    /**
     * Prepares points.
     *
     * @param matrix     (n, d)
     * @param logWeights n logarithms, or null for weights of 1
     * @throws IllegalArgumentException if a point is not finite, or there is not one weight for each and at least one
     *                                  positive
     */
    static Points of(Kernel kernel, Matrix matrix, double[] logWeights) {
        int n = matrix.rows();
        int d = matrix.columns();
        if (logWeights != null && logWeights.length != n) {
            throw new IllegalArgumentException("weights must be given for each of the " + n + " points, got "
                    + logWeights.length);
        }
        int stride = Lanes.padColumns(d);
        int[] kept = kept(n, logWeights);
        if ((long) kept.length * stride > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("points must have fewer than 2^31 elements, got " + n + " x " + d);
        }
        double[] logs = new double[kept.length];
        double top = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < kept.length; j++) {
            logs[j] = logWeights == null ? 0 : logWeights[kept[j]];
            top = Math.max(top, logs[j]);
        }
        float[] row = new float[d];
        double[] mean = new double[d];
        double mass = 0;
        for (int j = 0; j < kept.length; j++) {
            matrix.readRow(kept[j], row, 0);
            checkFinite("points", row, kept[j]);
            double w = Math.exp(logs[j] - top);
            mass += w;
            for (int c = 0; c < d; c++) {
                mean[c] += w * row[c];
            }
        }
        for (int c = 0; c < d; c++) {
            mean[c] /= mass;
        }
        double unit = kernel.isRadial() ? Math.scalb(1, -Math.getExponent(kernel.parameter())) : 1;
        float[] rows = new float[kept.length * stride];
        float[] rest = new float[kernel.isRadial() ? 0 : kept.length * d];
        for (int j = 0; j < kept.length; j++) {
            matrix.readRow(kept[j], row, 0);
            for (int c = 0; c < d; c++) {
                double x = kernel.isRadial() ? row[c] * unit : row[c] - mean[c];
                rows[j * stride + c] = (float) x;
                if (!kernel.isRadial()) {
                    rest[j * d + c] = (float) (x - rows[j * stride + c]);
                }
            }
            checkRange("points", Math.sqrt(squaredNorm(rows, j * stride, d)));
        }
        return new Points(kernel, rows, rest, logs, mean, unit);
    }

    private static int[] kept(int n, double[] logWeights) {
        IntArrayList kept = new IntArrayList(n);
        for (int j = 0; j < n; j++) {
            if (logWeights == null || logWeights[j] > Double.NEGATIVE_INFINITY) {
                kept.add(j);
            }
        }
        if (kept.isEmpty()) {
            throw new IllegalArgumentException("weights must not all be 0");
        }
        return kept.toIntArray();
    }

    /** The same points in another order. */
    Points ordered(int[] order) {
        float[] newRows = new float[rows.length];
        float[] newRest = new float[rest.length];
        double[] newLogs = new double[count];
        for (int j = 0; j < count; j++) {
            System.arraycopy(rows, order[j] * stride, newRows, j * stride, stride);
            if (rest.length > 0) {
                System.arraycopy(rest, order[j] * features, newRest, j * features, features);
            }
            newLogs[j] = logWeights[order[j]];
        }
        return new Points(kernel, newRows, newRest, newLogs, mean, unit);
    }

    Kernel kernel() {
        return kernel;
    }

    int count() {
        return count;
    }

    int features() {
        return features;
    }

    /** Row distance of {@link #rows}. */
    int stride() {
        return stride;
    }

    /** The prepared points; not to be changed. */
    float[] rows() {
        return rows;
    }

    double logWeight(int point) {
        return logWeights[point];
    }

    /** Logarithm of the sum of the weights. */
    double logTotal() {
        return logTotal;
    }

    /** The weighted mean that the exponential kernel's points lost, in the coordinates of the caller. */
    double[] mean() {
        return mean;
    }

    /** What squared distances are multiplied by in the exponent of a Gaussian, in (¼, 1]. */
    double factor() {
        return factor;
    }

    /** A vector near the mean of the prepared points; zeros for the exponential kernel. Not to be changed. */
    float[] centre() {
        return centre;
    }

    /** The largest distance of a point from {@link #centre}. */
    double radius() {
        return radius;
    }

    /** The distance of a prepared query from {@link #centre}. */
    double distance(float[] query) {
        return Math.sqrt(squaredDistance(query, centre, 0, stride));
    }

    /**
     * Reads a query into prepared coordinates.
     *
     * @param target receives {@link #stride} floats from {@code at} on
     * @return what is to be added to the logarithm of every sum
     * @throws IllegalArgumentException if the query is not finite or too far from the points for float32
     */
    double load(Matrix queries, int row, float[] target, int at) {
        queries.readRow(row, target, at);
        Arrays.fill(target, at + features, at + stride, 0);
        double offset = 0;
        double squares = 0;
        for (int c = 0; c < features; c++) {
            double x = target[at + c];
            if (!Double.isFinite(x)) {
                throw new IllegalArgumentException("queries must be finite, got " + x + " at (row " + row
                        + ", column " + c + ")");
            }
            if (kernel.isRadial()) {
                x *= unit;
            } else {
                x *= kernel.parameter();
                offset += x * mean[c];
            }
            target[at + c] = (float) x;
            squares += x * x;
        }
        checkRange("queries", Math.sqrt(squares));
        return offset;
    }

    /** The logarithm of the kernel of a prepared query and a point, the query's offset left out. */
    double logKernel(float[] query, int point) {
        int at = point * stride;
        if (!kernel.isRadial()) {
            return Lanes.dot(query, 0, rows, at, stride);
        }
        double squares = factor * squaredDistance(query, rows, at, stride);
        if (kernel.isGaussian()) {
            return -0.5 * squares;
        }
        double r = Math.sqrt(squares);
        return (kernel.isCompact() ? Math.abs(r - 1) < EDGE : r > FAR) ? preciseLogKernel(query, point)
                : kernel.logAt(r);
    }

    /**
     * A query in double precision, for {@link #preciseLogKernel}: the coordinates of {@link #load} before they were
     * rounded.
     */
    double[] precise(Matrix queries, int row) {
        double[] x = new double[features];
        for (int c = 0; c < features; c++) {
            x[c] = queries.get(row, c) * (kernel.isRadial() ? unit : kernel.parameter());
        }
        return x;
    }

    /**
     * {@link #logKernel} in double precision and of the points as they were given, for norms at which float32 is too
     * coarse.
     */
    double preciseLogKernel(double[] query, int point) {
        double sum = 0;
        int at = point * stride;
        if (!kernel.isRadial()) {
            for (int c = 0; c < features; c++) {
                sum += query[c] * ((double) rows[at + c] + rest[point * features + c]);
            }
            return sum;
        }
        for (int c = 0; c < features; c++) {
            double difference = query[c] - rows[at + c];
            sum += factor * difference * difference;
        }
        return kernel.isGaussian() ? -0.5 * sum : kernel.logAt(Math.sqrt(sum));
    }

    /** A function of the distance at a prepared query, which float32 holds as it is. */
    private double preciseLogKernel(float[] query, int point) {
        double sum = 0;
        for (int c = 0; c < features; c++) {
            double difference = (double) query[c] - rows[point * stride + c];
            sum += difference * difference;
        }
        return kernel.logAt(Math.sqrt(factor * sum));
    }

    /** The logarithm of the sum at a query, each pair in double precision. */
    double preciseLogSum(double[] query) {
        LogSum sum = new LogSum();
        for (int j = 0; j < count; j++) {
            sum.add(logWeight(j) + preciseLogKernel(query, j));
        }
        return sum.log();
    }

    /**
     * What float32 may take from the exponent of an exponential kernel at a prepared query; 0 for functions of
     * the distance, whose differences keep the digits of what is near.
     */
    double exponentRounding(float[] query) {
        return kernel.isRadial() ? 0 : ROUNDING * distance(query) * radius;
    }

    /** The largest logarithm of a kernel that a prepared query can have with any point, offset left out. */
    double logLargest(float[] query) {
        double distance = distance(query);
        if (!kernel.isRadial()) {
            return distance * radius;
        }
        double apart = Math.max(0, distance * (1 - ROUNDING) - radius);
        return kernel.isGaussian() ? -0.5 * factor * apart * apart : kernel.logAt(Math.sqrt(factor) * apart);
    }

    /** ‖x − y‖² of a query and a padded row, by differences: exact zero at a point itself. */
    static float squaredDistance(float[] query, float[] rows, int at, int stride) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int c = 0; c < stride; c += LANES) {
            FloatVector difference = FloatVector.fromArray(FLOATS, query, c)
                    .sub(FloatVector.fromArray(FLOATS, rows, at + c));
            sum = fma(difference, difference, sum);
        }
        return Lanes.sum(sum);
    }

    static double squaredNorm(float[] row, int at, int features) {
        double sum = 0;
        for (int c = at; c < at + features; c++) {
            sum += (double) row[c] * row[c];
        }
        return sum;
    }

    private static void checkFinite(String name, float[] row, int index) {
        for (int c = 0; c < row.length; c++) {
            if (!Float.isFinite(row[c])) {
                throw new IllegalArgumentException(name + " must be finite, got " + row[c] + " at (row " + index
                        + ", column " + c + ")");
            }
        }
    }

    /** Squares of norms have to stay within float32. */
    private static void checkRange(String name, double norm) {
        if (!(norm < 1e17)) {
            throw new IllegalArgumentException(name + " must have norms below 1e17, in units of the bandwidth or times"
                    + " the scale, got " + norm);
        }
    }
}
