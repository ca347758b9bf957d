package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.DecodeKernel;
import dev.kdeformer.kernel.ExpKernel;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Memory;
import java.util.Arrays;
import java.util.List;

/**
 * What the leaves that were not read add to a finished row beyond their mean values: the {@link ValueTilt} of their
 * regions in proportion to their spreads, and the error to be expected of them. Kept per thread.
 */
final class UnreadLeaves {
    /**
     * Variance of logits up to which the mean value of a leaf is taken to move in proportion: the mean of so few keys
     * cannot move further than to one of them.
     */
    private static final double LARGEST_VARIANCE = 4;

    private static final double LOG_GROUP = Math.log(GROUP);

    private final float[] weights = new float[STRIDE];
    private final float[] halved = new float[STRIDE];
    private final float[] reference = new float[1];
    private final float[] sums = new float[LANES];
    private float[][] moves = new float[0][];
    private float[] scaled = new float[0];
    private final float[] squares = new float[LANES];
    private final float[] nothing = new float[1];
    private double errors;
    private double squaredErrors;
    private double wildErrors;

    /**
     * Looks at all leaves but the read ones.
     *
     * @param query     the query, not scaled
     * @param variances for every region the variance of the logits of a leaf whose spread is 1
     * @param firstLeaf for every region the index of its first leaf among all
     * @param total     binary logarithm of the sum of all weights
     * @param row       receives the sum of what the leaves move the row by, d_v padded to whole vectors
     */
    void look(DecodeCall call, int unit, float[] query, List<Region> regions, double[] variances, int[] firstLeaf,
            LeafScores scores, int[] read, int readCount, double total, float[] row) {
        int d = call.store().d();
        int stride = call.store().valueStride();
        if (scaled.length < d) {
            scaled = new float[d];
        }
        for (int c = 0; c < d; c++) {
            scaled[c] = query[c] * call.scale();
        }
        if (moves.length < regions.size()) {
            moves = new float[regions.size()][];
        }
        // The exponential takes whole references only.
        double whole = Math.rint(total);
        double toTotal = Math.pow(2, whole - total);
        reference[0] = (float) whole;
        Arrays.fill(row, 0, stride, 0);
        Arrays.fill(sums, 0);
        Arrays.fill(squares, 0);
        wildErrors = 0;
        int next = 0;
        for (int r = 0; r < regions.size(); r++) {
            Region region = regions.get(r);
            float largest = (float) Math.min(1e30, LARGEST_VARIANCE / variances[r]);
            double moved = 0;
            for (int leaf = 0; leaf < region.padded(); leaf += ExpKernel.COLUMNS) {
                int present = Math.min(ExpKernel.COLUMNS, region.padded() - leaf);
                int at = firstLeaf[r] + leaf;
                int last = next;
                while (last < readCount && read[last] < at + present) {
                    last++;
                }
                exponents(scores.score(), at, present, read, next, last);
                tame(scores, region.spreads(unit) + leaf * 4L, at, present, variances[r], total);
                System.arraycopy(weights, 0, halved, 0, weights.length);
                ExpKernel.exp(halved, 0, 1, 0.5f, nothing, sums);
                ExpKernel.exp(weights, 0, 1, 1, nothing, squares);
                exponents(scores.mass(), at, present, read, next, last);
                moved += spread(region.spreads(unit) + leaf * 4L, present, largest);
                next = last;
            }
            move(r, region.tilt(unit), d, stride, toTotal * moved, row);
        }
        errors = Lanes.sum(sums, 0);
        squaredErrors = Lanes.sum(squares, 0);
    }

    private void exponents(float[] from, int at, int present, int[] read, int next, int last) {
        System.arraycopy(from, at, weights, 0, present);
        Arrays.fill(weights, present, ExpKernel.COLUMNS, Float.NEGATIVE_INFINITY);
        for (int i = next; i < last; i++) {
            weights[read[i] - at] = Float.NEGATIVE_INFINITY;
        }
    }

    /**
     * Makes the exponents relative to the whole and takes those of wild leaves out, whose largest key decides: their
     * error is all or nothing.
     */
    private void tame(LeafScores scores, long spreads, int at, int present, double variance, double total) {
        for (int i = 0; i < present; i++) {
            double v = Memory.getFloat(spreads + i * 4L) * variance;
            if (v > LeafScores.NORMAL_VARIANCE && weights[i] > Float.NEGATIVE_INFINITY) {
                double mean = (scores.mass()[at + i] - total) * Math.log(2) - LeafScores.growth(v) - LOG_GROUP;
                wildErrors += Math.min(1, GROUP * takeOver(mean, Math.sqrt(v)));
                weights[i] = Float.NEGATIVE_INFINITY;
            } else {
                weights[i] = (float) (weights[i] - 2 * total);
            }
        }
    }

    /**
     * The mean of min(1, exp(2x)) over normal x with mean μ ≤ 0 and deviation τ: how much of the output a key takes
     * over, squared, whose logit lies so far below all. From Mills' ratio by its usual bound, within 3 %.
     */
    static double takeOver(double mean, double deviation) {
        double z = Math.min(0, mean) / deviation;
        if (z < -38) {
            return 0;
        }
        double density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
        double beyond = z + 2 * deviation;
        double below = beyond >= 0 ? density * mills(beyond)
                : Math.exp(2 * deviation * (z + deviation)) - density * mills(-beyond);
        return density * mills(-z) + below;
    }

    /** (1 − Φ(z)) / φ(z) for z ≥ 0. */
    private static double mills(double z) {
        return 2 / (z + Math.sqrt(z * z + 8 / Math.PI));
    }

    /** The sum of weights times spreads, with the masses as exponents in {@code weights}. */
    private double spread(long spreads, int present, float largest) {
        float[] unused = new float[LANES];
        ExpKernel.exp(weights, 0, 1, 1, reference, unused);
        double sum = 0;
        for (int i = 0; i < present; i++) {
            sum += (double) weights[i] * Math.min(largest, Memory.getFloat(spreads + i * 4L));
        }
        return sum;
    }

    private void move(int r, long tilt, int d, int stride, double by, float[] row) {
        if (moves[r] == null || moves[r].length < stride) {
            moves[r] = new float[stride];
        }
        Arrays.fill(moves[r], 0);
        DecodeKernel.values(scaled, 0, d, tilt, stride / LANES, moves[r], 0);
        for (int c = 0; c < stride; c++) {
            row[c] += (float) (by * moves[r][c]);
        }
    }

    /** What a leaf of spread 1 and all the mass would move the row by, for a region. */
    float[] move(int region) {
        return moves[region];
    }

    /** What a leaf's move is multiplied by. */
    static double moved(double spread, double variance) {
        return Math.min(spread, LARGEST_VARIANCE / variance);
    }

    /**
     * The sum over the leaves of the error to be expected of each, as a part of all mass, without the distance of the
     * values: what the error is if all leaves err in the same direction.
     */
    double errors() {
        return errors;
    }

    /** The sum of the squares of the same: the squared error if leaves err independently. */
    double squaredErrors() {
        return squaredErrors;
    }

    /** The sum over the leaves whose largest key decides of the part of the output, squared, that each takes over. */
    double wildErrors() {
        return wildErrors;
    }
}
