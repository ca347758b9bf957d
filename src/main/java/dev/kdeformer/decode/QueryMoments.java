package dev.kdeformer.decode;

import dev.kdeformer.linalg.Cholesky;
import dev.kdeformer.tensor.Matrix;

/**
 * The second moment of the directions of the queries that one key head has seen, and the metric that it gives: keys are
 * as far apart as their logits differ over those queries. Every query counts alike, whatever its length.
 */
final class QueryMoments {
    /**
     * What is added to a diagonal whose mean is 1, so that no direction is thought to be worth nothing: queries to come
     * may differ from those that were seen.
     */
    private static final double RIDGE = 0.3;

    private final int d;
    private final double[] sums;

    QueryMoments(int d) {
        this.d = d;
        this.sums = new double[d * d];
    }

    void add(Matrix queries) {
        float[] row = new float[d];
        for (int i = 0; i < queries.rows(); i++) {
            queries.readRow(i, row, 0);
            double squares = 0;
            for (float each : row) {
                squares += (double) each * each;
            }
            for (int a = 0; a < d && squares > 0; a++) {
                double x = row[a] / squares;
                int at = a * d;
                for (int b = 0; b <= a; b++) {
                    sums[at + b] += x * row[b];
                }
            }
        }
    }

    /**
     * The lower factor L of the second moment M = L·Lᵀ, scaled to a mean diagonal of 1 before the ridge: the logits of
     * a key difference k vary over the queries as |Lᵀk| does. Null, which stands for the identity, before any queries.
     */
    double[] factor() {
        double trace = 0;
        for (int a = 0; a < d; a++) {
            trace += sums[a * d + a];
        }
        if (!(trace > 0)) {
            return null;
        }
        double[] factor = new double[d * d];
        for (int i = 0; i < factor.length; i++) {
            factor[i] = sums[i] * d / trace;
        }
        for (int a = 0; a < d; a++) {
            factor[a * d + a] += RIDGE;
        }
        return Cholesky.factor(factor, d) ? factor : null;
    }
}
