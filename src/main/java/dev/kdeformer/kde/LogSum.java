package dev.kdeformer.kde;

/** A sum of exponentials, held as its logarithm: the largest exponent so far and the sum relative to it. */
final class LogSum {
    private double largest = Double.NEGATIVE_INFINITY;
    private double sum;

    /** Adds exp(log). */
    void add(double log) {
        if (log <= largest) {
            sum += Math.exp(log - largest);
        } else if (log > largest) {
            sum = sum * Math.exp(largest - log) + 1;
            largest = log;
        }
        if (largest == Double.NEGATIVE_INFINITY) {
            sum = 0;
        }
    }

    /** The logarithm of the sum; −∞ for a sum of nothing. */
    double log() {
        return largest + Math.log(sum);
    }

    /** Forgets everything. */
    void clear() {
        largest = Double.NEGATIVE_INFINITY;
        sum = 0;
    }

    /** log(exp(a) + exp(b)). */
    static double of(double a, double b) {
        double top = Math.max(a, b);
        return top == Double.NEGATIVE_INFINITY ? top : top + Math.log1p(Math.exp(Math.min(a, b) - top));
    }
}
