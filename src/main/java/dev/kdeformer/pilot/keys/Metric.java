package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * The metric in which two vectors are close when their logits with a set of partners are: |a − b|² = mean over the
 * partners x of ((a − b)·(x − mean x))² = (a − b)ᵀ C (a − b) with the covariance C of the partners.
 */
public final class Metric {
    /** Partners that the covariance is taken of. */
    private static final int SAMPLE = 1024;

    /** Partners that one thread takes at a time. */
    private static final int CHUNK = 256;

    private final Rows covariance;

    private Metric(Rows covariance) {
        this.covariance = covariance;
    }

    /** The metric of {@code partners}, in memory of the team's leader. */
    public static Metric of(Rows partners, Team team) {
        int d = partners.columns();
        int count = Math.min(SAMPLE, partners.count());
        double[] mean = partners.sampledMean(count);
        Gram[] parts = new Gram[Math.ceilDiv(count, CHUNK)];
        team.forRanges(count, CHUNK, (from, to, scratch) -> {
            Gram part = new Gram(d);
            float[] row = new float[partners.stride()];
            for (int i = from; i < to; i++) {
                partners.read(partners.sampled(i, count), row, 0);
                double[] next = part.next();
                for (int c = 0; c < d; c++) {
                    next[c] = row[c] - mean[c];
                }
                part.add();
            }
            parts[from / CHUNK] = part;
        });
        Gram gram = parts[0];
        for (int i = 1; i < parts.length; i++) {
            gram.add(parts[i]);
        }
        double[] sums = gram.matrix();
        // Partners that span too little leave the rest to the Euclidean metric, and none at all leave everything.
        double ridge = 1e-4 * gram.trace() / d / count + 1e-30;
        Rows covariance = Rows.allocate(team.scratch(), d, d);
        float[] row = new float[covariance.stride()];
        for (int i = 0; i < d; i++) {
            for (int c = 0; c < d; c++) {
                row[c] = (float) (sums[i * d + c] / count + (i == c ? ridge : 0));
            }
            covariance.write(i, row, 0);
        }
        return new Metric(covariance);
    }

    /** result = x C for {@code count} rows, both with row distance STRIDE and padding of zeros. */
    void multiply(float[] x, int count, float[] result) {
        int stride = covariance.stride();
        for (int r = 0; r < count; r++) {
            Arrays.fill(result, r * STRIDE, r * STRIDE + stride, 0);
        }
        for (int c = 0; c < stride; c += 2 * LANES) {
            ValueKernel.add(x, 0, count, covariance.columns(), covariance.address() + c * 4L, stride * 4L,
                    Math.min(2, (stride - c) / LANES), result, c, STRIDE);
        }
    }
}
