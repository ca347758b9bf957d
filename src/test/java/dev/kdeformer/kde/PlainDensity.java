package dev.kdeformer.kde;

import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/** Kernel sums by the definition, in double precision: the oracle of the tests. */
final class PlainDensity {
    private PlainDensity() {
    }

    /** Logarithms of the sums. */
    static double[] logSums(Kernel kernel, Tensor points, double[] logWeights, Tensor queries) {
        Matrix x = queries.matrix(0, 0);
        Matrix y = points.matrix(0, 0);
        double[] sums = new double[x.rows()];
        double[] logs = new double[y.rows()];
        for (int i = 0; i < sums.length; i++) {
            double top = Double.NEGATIVE_INFINITY;
            for (int j = 0; j < logs.length; j++) {
                double log = 0;
                for (int c = 0; c < x.columns(); c++) {
                    double a = x.get(i, c);
                    double b = y.get(j, c);
                    log += kernel.isGaussian() ? -0.5 * (a - b) * (a - b) / (kernel.parameter() * kernel.parameter())
                            : kernel.parameter() * a * b;
                }
                logs[j] = log + (logWeights == null ? 0 : logWeights[j]);
                top = Math.max(top, logs[j]);
            }
            double sum = 0;
            for (double log : logs) {
                sum += Math.exp(log - top);
            }
            sums[i] = top + Math.log(sum);
        }
        return sums;
    }

    /** The largest relative error of estimates, all given as logarithms. */
    static double largestError(double[] estimates, double[] truth) {
        double largest = 0;
        for (int i = 0; i < truth.length; i++) {
            double error = Math.abs(Math.expm1(estimates[i] - truth[i]));
            largest = error <= largest ? largest : error;
        }
        return largest;
    }

    /** How many estimates are off by more than a relative error. */
    static int beyond(double relativeError, double[] estimates, double[] truth) {
        int count = 0;
        for (int i = 0; i < truth.length; i++) {
            if (!(Math.abs(Math.expm1(estimates[i] - truth[i])) <= relativeError)) {
                count++;
            }
        }
        return count;
    }
}
