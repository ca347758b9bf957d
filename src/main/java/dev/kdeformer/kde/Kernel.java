package dev.kdeformer.kde;

/**
 * A kernel of two vectors x (query) and y (point): a function of the distance r = ‖x − y‖ / h in units of a bandwidth,
 * or the exponential of a product.
 *
 * @param form      which function
 * @param parameter the bandwidth h, in the unit of the points, or the scale τ
 */
public record Kernel(Form form, double parameter) {
    /** The functions. */
    public enum Form {
        /** exp(−r² / 2). */
        GAUSSIAN,
        /** exp(τ·⟨x, y⟩); no density, because its integral is infinite. */
        EXPONENTIAL,
        /** exp(−r), the exponential kernel of density estimation. */
        LAPLACE,
        /** 1 for r &lt; 1, else 0. */
        TOP_HAT,
        /** 1 − r² for r &lt; 1, else 0. */
        EPANECHNIKOV,
        /** 1 − r for r &lt; 1, else 0. */
        TRIANGULAR,
        /** cos(π·r / 2) for r &lt; 1, else 0. */
        COSINE
    }

    /** Intervals of Simpson's rule for the moments of the cosine: errors stay below 1e-10 up to a thousand features. */
    private static final int INTERVALS = 1 << 14;

    /**
     * Checks the parameter.
     *
     * @throws IllegalArgumentException if a bandwidth is not between 1e-30 and 1e30 or a scale is not finite
     */
    public Kernel {
        if (form != Form.EXPONENTIAL && !(parameter >= 1e-30 && parameter <= 1e30)) {
            throw new IllegalArgumentException("bandwidth must be between 1e-30 and 1e30, got " + parameter);
        }
        if (!Double.isFinite(parameter)) {
            throw new IllegalArgumentException("scale must be finite, got " + parameter);
        }
    }

    /** exp(−‖x − y‖² / (2h²)), h = {@code bandwidth}. */
    public static Kernel gaussian(double bandwidth) {
        return new Kernel(Form.GAUSSIAN, bandwidth);
    }

    /** exp(⟨x, y⟩). */
    public static Kernel exponential() {
        return exponential(1);
    }

    /** exp(τ·⟨x, y⟩), τ = {@code scale}: with the softmax scale, the entries of the attention matrix. */
    public static Kernel exponential(double scale) {
        return new Kernel(Form.EXPONENTIAL, scale);
    }

    boolean isGaussian() {
        return form == Form.GAUSSIAN;
    }

    /** Whether the kernel is a function of the distance. */
    boolean isRadial() {
        return form != Form.EXPONENTIAL;
    }

    /** Whether the kernel is 0 from a distance of one bandwidth on. */
    boolean isCompact() {
        return isRadial() && form != Form.GAUSSIAN && form != Form.LAPLACE;
    }

    /** The logarithm of a radial kernel at a distance in units of the bandwidth; never increasing. */
    double logAt(double r) {
        return switch (form) {
            case GAUSSIAN -> -0.5 * r * r;
            case LAPLACE -> -r;
            case TOP_HAT -> r < 1 ? 0 : Double.NEGATIVE_INFINITY;
            case EPANECHNIKOV -> r < 1 ? Math.log((1 - r) * (1 + r)) : Double.NEGATIVE_INFINITY;
            case TRIANGULAR -> r < 1 ? Math.log1p(-r) : Double.NEGATIVE_INFINITY;
            case COSINE -> r < 1 ? Math.log(Math.sin(Math.PI / 2 * (1 - r))) : Double.NEGATIVE_INFINITY;
            case EXPONENTIAL -> throw new IllegalStateException("not a function of the distance");
        };
    }

    /**
     * Returns the natural logarithm of the integral over all x in d dimensions, by which sums are divided to be
     * densities.
     *
     * @param features d, at least 1
     * @throws IllegalArgumentException if there are no features or the integral is infinite
     */
    public double logIntegral(int features) {
        requireDensity(features);
        // The surface of the unit sphere, 2·π^(d/2) / Γ(d/2), times the radial moment of order d − 1, times h^d.
        double surface = Math.log(2) + 0.5 * features * Math.log(Math.PI) - logGammaOfHalf(features);
        return surface + logMoment(features - 1) + features * Math.log(parameter);
    }

    /**
     * Returns the standard deviation of one coordinate of a random vector that has this kernel as its density, as a
     * multiple of the bandwidth: what makes bandwidths of different kernels comparable.
     *
     * @param features d, at least 1
     * @throws IllegalArgumentException if there are no features or the kernel is no density
     */
    public double deviation(int features) {
        requireDensity(features);
        return Math.exp(0.5 * (logMoment(features + 1) - logMoment(features - 1) - Math.log(features)));
    }

    private void requireDensity(int features) {
        if (features < 1) {
            throw new IllegalArgumentException("features must be at least 1, got " + features);
        }
        if (!isRadial()) {
            throw new IllegalArgumentException("the kernel must be a function of the distance, got " + form);
        }
    }

    /** Logarithm of ∫ r^k K(r) dr over all r ≥ 0 in units of the bandwidth. */
    private double logMoment(int k) {
        return switch (form) {
            case GAUSSIAN -> 0.5 * (k - 1) * Math.log(2) + logGammaOfHalf(k + 1);
            case LAPLACE -> logGammaOfHalf(2 * (k + 1));
            case TOP_HAT -> -Math.log(k + 1.0);
            case EPANECHNIKOV -> Math.log(2 / ((k + 1.0) * (k + 3.0)));
            case TRIANGULAR -> -Math.log((k + 1.0) * (k + 2.0));
            case COSINE -> Math.log(cosineMoment(k));
            case EXPONENTIAL -> throw new IllegalStateException("not a function of the distance");
        };
    }

    private static double cosineMoment(int k) {
        double sum = k == 0 ? 1 : 0;
        for (int i = 1; i < INTERVALS; i++) {
            double r = (double) i / INTERVALS;
            sum += (i % 2 == 1 ? 4 : 2) * Math.pow(r, k) * Math.cos(Math.PI / 2 * r);
        }
        return sum / (3.0 * INTERVALS);
    }

    /** Logarithm of Γ(k / 2), k at least 1. */
    private static double logGammaOfHalf(int k) {
        double log = k % 2 == 0 ? 0 : 0.5 * Math.log(Math.PI);
        for (double x = k / 2.0 - 1; x > 0; x--) {
            log += Math.log(x);
        }
        return log;
    }
}
