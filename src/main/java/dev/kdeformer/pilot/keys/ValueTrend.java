package dev.kdeformer.pilot.keys;

import dev.kdeformer.linalg.Product;

/**
 * Whether the values of a head move with its keys. Where they do not, the value tilt corrects nothing, and the work for
 * it is saved: word vectors whose values are other words are such a case, activations of a transformer are not.
 */
final class ValueTrend {
    private static final int SAMPLE = 1024;
    private static final int BLOCK = 64;

    /**
     * A trend counts where the covariance has at least so many times the squared norm that a sample of unrelated keys
     * and values has. That one has 1 and hardly more; activations had 4.7 to 95.
     */
    private static final double LEAST = 2;

    private ValueTrend() {
    }

    /**
     * Compares |Σ (k − k̄)(v − v̄)ᵀ|² / n² over evenly spaced keys with tr(C_k) tr(C_v) / n, its mean where keys and
     * values have nothing to do with each other.
     */
    static boolean exists(Rows keys, Rows values) {
        int n = Math.min(SAMPLE, keys.count());
        int d = keys.columns();
        int width = Product.pad(values.columns());
        double[] keyMean = keys.sampledMean(n);
        double[] valueMean = values.sampledMean(n);
        double[] transposed = new double[d * BLOCK];
        double[] block = new double[BLOCK * width];
        double[] covariance = new double[d * width];
        float[] row = new float[Math.max(keys.stride(), values.stride())];
        double keySquares = 0;
        double valueSquares = 0;
        for (int first = 0; first < n; first += BLOCK) {
            int rows = Math.min(BLOCK, n - first);
            for (int r = 0; r < rows; r++) {
                int index = keys.sampled(first + r, n);
                keys.read(index, row, 0);
                for (int c = 0; c < d; c++) {
                    double x = row[c] - keyMean[c];
                    transposed[c * BLOCK + r] = x;
                    keySquares += x * x;
                }
                values.read(index, row, 0);
                for (int c = 0; c < values.columns(); c++) {
                    double x = row[c] - valueMean[c];
                    block[r * width + c] = x;
                    valueSquares += x * x;
                }
            }
            new Product(block, rows, width).add(transposed, 0, BLOCK, covariance, 0, d);
        }
        double square = 0;
        for (double x : covariance) {
            square += x * x;
        }
        return square > LEAST * keySquares * valueSquares / n;
    }
}
