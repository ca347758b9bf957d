package dev.kdeformer.kdeformer;

import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;

/**
 * A lower bound of ‖P‖² for the softmax matrix P of one head, by power iteration. P has no negative entries, so all
 * vectors stay positive and products with P and Pᵀ are kernel sums; the quotient ‖Px‖² / ‖x‖² is never above ‖P‖², so
 * whoever divides by it draws too many keys rather than too few. It starts from a vector of ones, whose image is a
 * vector of ones.
 */
final class MatrixNorm {
    /** Most rounds of two products. */
    static final int ROUNDS = 4;

    /** Growth of the bound in a round that is not worth another. */
    private static final double GROWTH = 1.02;
    private static final double PRODUCT_ERROR = 0.1;

    private MatrixNorm() {
    }

    /**
     * Finds the bound.
     *
     * @param bias      m logarithms, −∞ for keys that do not count
     * @param logSums   logarithms of the n row sums
     * @param sumsError their relative error
     * @param failure   the largest probability that the result is above ‖P‖²
     */
    static double lowerSquare(SoftmaxSums sums, Tensor query, Tensor key, double[] bias, double[] logSums,
            double sumsError, double failure) {
        int n = logSums.length;
        double visible = Arrays.stream(bias).filter(b -> b > Double.NEGATIVE_INFINITY).count();
        double best = n / visible;
        double[] logImage = new double[n];
        for (int round = 0; round < ROUNDS; round++) {
            double before = best;
            double[] back = sums.of(1, query, difference(logImage, logSums), key, PRODUCT_ERROR,
                    failure / (2 * ROUNDS));
            double[] logVector = sum(back, bias);
            shift(logVector, -logNorm(logVector));
            logImage = difference(sums.of(1, key, sum(logVector, bias), query, PRODUCT_ERROR, failure / (2 * ROUNDS)),
                    logSums);
            // The image and the row sums in it may both be too large.
            double slack = (1 + sums.relativeError()) / (1 - sumsError);
            best = Math.max(best, Math.exp(2 * logNorm(logImage)) / (slack * slack));
            if (best < GROWTH * before) {
                break;
            }
        }
        return best;
    }

    /** Logarithm of the Euclidean norm of a vector of logarithms. */
    private static double logNorm(double[] logs) {
        double largest = Arrays.stream(logs).max().orElseThrow();
        double squares = 0;
        for (double log : logs) {
            squares += Math.exp(2 * (log - largest));
        }
        return largest + 0.5 * Math.log(squares);
    }

    private static double[] difference(double[] a, double[] b) {
        double[] c = new double[a.length];
        Arrays.setAll(c, i -> a[i] - b[i]);
        return c;
    }

    private static double[] sum(double[] a, double[] b) {
        double[] c = new double[a.length];
        Arrays.setAll(c, i -> a[i] + b[i]);
        return c;
    }

    private static void shift(double[] logs, double by) {
        for (int i = 0; i < logs.length; i++) {
            logs[i] += by;
        }
    }
}
