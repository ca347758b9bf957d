package dev.kdeformer.kde;

import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Objects;

/**
 * Rules of thumb for the bandwidth of a density: the one that would be best for points of a normal distribution with
 * the points' spread. Structure finer than that distribution is smoothed over; a smaller bandwidth brings it out.
 */
public enum Bandwidth {
    /** σ·n^(−1/(d + 4)) (Scott, "Multivariate density estimation", 1992, section 6.3). */
    SCOTT {
        @Override
        double factor(double n, int d) {
            return Math.pow(n, -1.0 / (d + 4));
        }
    },

    /** σ·(n·(d + 2) / 4)^(−1/(d + 4)) (Silverman, "Density estimation", 1986, section 4.3.2). */
    SILVERMAN {
        @Override
        double factor(double n, int d) {
            return Math.pow(n * (d + 2) / 4, -1.0 / (d + 4));
        }
    };

    abstract double factor(double n, int d);

    /**
     * Returns the bandwidth that the rule gives. n is the number of points, (Σ w)² / Σ w² if they have weights, and σ
     * the root of the mean of the features' variances. The rules are for a Gaussian; other kernels get the bandwidth at
     * which they have the same variance.
     *
     * @param form    the kernel
     * @param points  (1, 1, n, d)
     * @param weights n weights, not negative, or null for weights of 1
     * @throws IllegalArgumentException if the points do not have such a shape or do not differ, there is not one weight
     *                                  for each, or the kernel is no density
     */
    public double of(Kernel.Form form, Tensor points, double[] weights) {
        Matrix matrix = DensityBuilder.single("points", points);
        int n = matrix.rows();
        int d = matrix.columns();
        if (n == 0 || d == 0) {
            throw new IllegalArgumentException("points must have at least 1 row and 1 column, got " + points.shape());
        }
        if (weights != null && weights.length != n) {
            throw new IllegalArgumentException("weights must be given for each of the " + n + " points, got "
                    + weights.length);
        }
        double deviation = new Kernel(Objects.requireNonNull(form, "form"), 1).deviation(d);
        double mass = 0;
        double squares = 0;
        double[] mean = new double[d];
        for (int i = 0; i < n; i++) {
            double w = weights == null ? 1 : weights[i];
            mass += w;
            squares += w * w;
            for (int c = 0; c < d; c++) {
                mean[c] += w * matrix.get(i, c);
            }
        }
        double variance = 0;
        for (int i = 0; i < n; i++) {
            double w = weights == null ? 1 : weights[i];
            for (int c = 0; c < d; c++) {
                double difference = matrix.get(i, c) - mean[c] / mass;
                variance += w * difference * difference;
            }
        }
        double sigma = Math.sqrt(variance / mass / d);
        if (!(sigma > 0 && sigma < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("points must be finite and differ for a rule of thumb, got a standard"
                    + " deviation of " + sigma);
        }
        return sigma * factor(mass * mass / squares, d) / deviation;
    }
}
