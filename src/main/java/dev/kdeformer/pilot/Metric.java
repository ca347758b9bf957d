package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.linalg.Cholesky;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * The metric in which two vectors are close when their logits with a set of partners are: |a − b|² = mean over the
 * partners x of ((a − b)·(x − mean x))², which is the Euclidean one after multiplying by the Cholesky factor of the
 * partners' covariance.
 */
final class Metric {
    /** Partners that the covariance is taken of. */
    private static final int SAMPLE = 1024;

    private Metric() {
    }

    /** The rows of {@code x} in the metric of {@code partners}. */
    static Rows apply(Rows x, Rows partners, Team team) {
        int d = x.columns();
        Rows factor = factor(partners, team.scratch());
        Rows result = Rows.allocate(team.scratch(), x.count(), d);
        int tiles = (x.count() + QueryTile.ROWS - 1) / QueryTile.ROWS;
        team.forEach(tiles, (tile, scratch) -> {
            Product product = scratch.keep(Product.class, Product::new);
            product.multiply(x, factor, result, tile * QueryTile.ROWS,
                    Math.min(x.count(), (tile + 1) * QueryTile.ROWS));
        });
        return result;
    }

    private static Rows factor(Rows partners, Scratch scratch) {
        int d = partners.columns();
        int count = Math.min(SAMPLE, partners.count());
        double[] mean = new double[d];
        for (int i = 0; i < count; i++) {
            int row = (int) ((long) i * partners.count() / count);
            for (int c = 0; c < d; c++) {
                mean[c] += partners.get(row, c) / (double) count;
            }
        }
        Gram gram = new Gram(d);
        for (int i = 0; i < count; i++) {
            int row = (int) ((long) i * partners.count() / count);
            double[] next = gram.next();
            for (int c = 0; c < d; c++) {
                next[c] = partners.get(row, c) - mean[c];
            }
            gram.add();
        }
        double ridge = 1e-4 * gram.trace() / d + 1e-30;
        double[] covariance = gram.matrix();
        for (int c = 0; c < d; c++) {
            covariance[c * d + c] += ridge;
        }
        boolean positive = Cholesky.factor(covariance, d);
        Rows factor = Rows.allocate(scratch, d, d);
        float[] row = new float[d];
        for (int i = 0; i < d; i++) {
            for (int c = 0; c < d; c++) {
                row[c] = positive && c <= i ? (float) covariance[i * d + c] : i == c ? 1 : 0;
            }
            factor.write(i, row, 0);
        }
        return factor;
    }

    /** A tile's product with a small matrix. */
    private static final class Product {
        private final float[] left = new float[QueryTile.ROWS * STRIDE];
        private float[] sums = new float[0];

        void multiply(Rows x, Rows factor, Rows result, int from, int to) {
            int stride = factor.stride();
            if (sums.length < QueryTile.ROWS * stride) {
                sums = new float[QueryTile.ROWS * stride];
            }
            for (int r = from; r < to; r++) {
                x.read(r, left, (r - from) * STRIDE);
            }
            Arrays.fill(sums, 0, QueryTile.ROWS * stride, 0);
            for (int c = 0; c < stride; c += 2 * LANES) {
                ValueKernel.add(left, 0, to - from, x.columns(), factor.address() + c * 4L, stride * 4L,
                        Math.min(2, (stride - c) / LANES), sums, c, stride);
            }
            for (int r = from; r < to; r++) {
                result.write(r, sums, (r - from) * stride);
            }
        }
    }
}
