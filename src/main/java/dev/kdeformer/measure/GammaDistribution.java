package dev.kdeformer.measure;

/**
 * The gamma distribution with scale 1: its distribution function and quantiles in double precision, by the power
 * series below the mean and the continued fraction above it (Abramowitz and Stegun, "Handbook of mathematical
 * functions", 6.1.41, 6.5.29 and 6.5.31).
 */
final class GammaDistribution {
    /** From this shape on the cube-root normal approximation is right to 10⁻⁵ of the quantile. */
    private static final double LARGE_SHAPE = 1e5;
    private static final double STIRLING_FROM = 12;
    private static final double TINY = 1e-300;
    private static final int TERMS = 100_000;

    private GammaDistribution() {
    }

    /**
     * The value that a gamma variable stays below with a probability.
     *
     * @param shape       positive
     * @param probability strictly between 0 and 1
     */
    static double quantile(double shape, double probability) {
        if (shape > LARGE_SHAPE) {
            // Wilson and Hilferty (1931): the cube root of a gamma variable is nearly normal.
            double root = 1 - 1 / (9 * shape) + normalQuantile(probability) / (3 * Math.sqrt(shape));
            return shape * root * root * root;
        }
        double low = -800; // e^low is 0 beside any quantile that matters; the search is over logarithms
        double high = Math.log(shape + 60 + 40 * Math.sqrt(shape));
        for (int i = 0; i < 100; i++) {
            double middle = (low + high) / 2;
            if (distribution(shape, Math.exp(middle)) < probability) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return Math.exp(high);
    }

    /** The standard normal quantile: its square is twice a gamma quantile of shape ½. */
    static double normalQuantile(double probability) {
        if (probability == 0.5) {
            return 0;
        }
        double size = Math.sqrt(2 * quantile(0.5, Math.abs(2 * probability - 1)));
        return probability < 0.5 ? -size : size;
    }

    /** The probability that a gamma variable is at most x. */
    static double distribution(double shape, double x) {
        if (x <= 0) {
            return 0;
        }
        double front = Math.exp(shape * Math.log(x) - x - logGamma(shape));
        return x < shape + 1 ? front * series(shape, x) : 1 - front * fraction(shape, x);
    }

    /** Σ xᵏ / (shape (shape + 1) … (shape + k)). */
    private static double series(double shape, double x) {
        double term = 1 / shape;
        double sum = term;
        for (int k = 1; k < TERMS && term > 1e-17 * sum; k++) {
            term *= x / (shape + k);
            sum += term;
        }
        return sum;
    }

    /** The continued fraction of the upper tail, from the front by Lentz's method (1976). */
    private static double fraction(double shape, double x) {
        double b = x + 1 - shape;
        double c = 1 / TINY;
        double d = 1 / b;
        double product = d;
        for (int k = 1; k < TERMS; k++) {
            double a = k * (shape - k);
            b += 2;
            d = 1 / nonZero(a * d + b);
            c = nonZero(b + a / c);
            double factor = c * d;
            product *= factor;
            if (Math.abs(factor - 1) < 1e-15) {
                break;
            }
        }
        return product;
    }

    private static double nonZero(double x) {
        return Math.abs(x) < TINY ? TINY : x;
    }

    /** ln Γ(x) for positive x: Stirling's series where it is exact to rounding, the recurrence down from there. */
    static double logGamma(double x) {
        double shifted = x;
        double product = 1;
        while (shifted < STIRLING_FROM) {
            product *= shifted;
            shifted++;
        }
        double inverse = 1 / (shifted * shifted);
        double correction = (1.0 / 12 - inverse * (1.0 / 360 - inverse * (1.0 / 1260 - inverse * (1.0 / 1680
                - inverse / 1188)))) / shifted;
        return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + correction
                - Math.log(product);
    }
}
