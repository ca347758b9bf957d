package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Team;
import jdk.incubator.vector.FloatVector;

/**
 * How far each query lies from the middle of its tile, in units of how much keys vary: by about so much, squared, its
 * logits differ from those that the tile goes by. Unlike what a pass finds doubtful, this says something of queries
 * that want keys to which the middle of the tile gives no weight.
 */
public final class Leverage {
    /** Keys that the variances are taken of. */
    private static final int SAMPLE = 1024;

    private final double[] parts;
    private final double mean;

    private Leverage(double[] parts, double mean) {
        this.parts = parts;
        this.mean = mean;
    }

    /** Every query's part of all leverages, or the same for all where there is none. */
    public double[] parts() {
        return parts;
    }

    /** The mean of all leverages: about the variance of a logit over a tile. */
    public double mean() {
        return mean;
    }

    /**
     * The leverages of all queries.
     *
     * @param starts first query of every tile, and the number of queries after the last
     */
    public static Leverage of(Rows queries, int[] starts, Rows keys, Team team) {
        int n = queries.count();
        int stride = queries.stride();
        float[] variances = variances(keys);
        double[] parts = new double[n];
        team.forEach(starts.length - 1, (tile, scratch) -> {
            int from = starts[tile];
            int to = starts[tile + 1];
            float[] mean = new float[stride];
            for (int i = from; i < to; i++) {
                for (int c = 0; c < stride; c += LANES) {
                    Lanes.load(queries.row(i) + c * 4L).add(FloatVector.fromArray(FLOATS, mean, c)).intoArray(mean, c);
                }
            }
            for (int c = 0; c < stride; c++) {
                mean[c] /= to - from;
            }
            for (int i = from; i < to; i++) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int c = 0; c < stride; c += LANES) {
                    FloatVector x = Lanes.load(queries.row(i) + c * 4L).sub(FloatVector.fromArray(FLOATS, mean, c));
                    sum = x.mul(x).fma(FloatVector.fromArray(FLOATS, variances, c), sum);
                }
                parts[i] = Lanes.sum(sum);
            }
        });
        double sum = 0;
        for (double each : parts) {
            sum += each;
        }
        boolean differ = sum > 0 && sum < Double.POSITIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            parts[i] = differ ? parts[i] / sum : 1.0 / n;
        }
        return new Leverage(parts, sum / n);
    }

    private static float[] variances(Rows keys) {
        int count = Math.min(SAMPLE, keys.count());
        double[] mean = keys.sampledMean(count);
        float[] variances = new float[keys.stride()];
        float[] row = new float[keys.stride()];
        for (int i = 0; i < count; i++) {
            keys.read(keys.sampled(i, count), row, 0);
            for (int c = 0; c < keys.columns(); c++) {
                double x = row[c] - mean[c];
                variances[c] += (float) (x * x / count);
            }
        }
        return variances;
    }
}
