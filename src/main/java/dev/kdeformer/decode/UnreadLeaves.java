package dev.kdeformer.decode;

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
     * Looks at all leaves of a row but those that were read.
     *
     * @param total binary logarithm of the sum of all weights
     * @param moved receives the sum of what the leaves move the output by, d_v padded to whole vectors
     */
    void look(RowLeaves leaves, double total, float[] moved) {
        DecodeCall call = leaves.call();
        List<Region> regions = leaves.regions();
        LeafScores scores = leaves.scores();
        int d = call.store().d();
        int stride = call.store().valueStride();
        if (scaled.length < d) {
            scaled = new float[d];
        }
        for (int c = 0; c < d; c++) {
            scaled[c] = leaves.query()[c] * call.scale();
        }
        if (moves.length < regions.size()) {
            moves = new float[regions.size()][];
        }
        // The exponential takes whole references only.
        double whole = Math.rint(total);
        double toTotal = Math.pow(2, whole - total);
        reference[0] = (float) whole;
        Arrays.fill(moved, 0, stride, 0);
        Arrays.fill(sums, 0);
        Arrays.fill(squares, 0);
        wildErrors = 0;
        int next = 0;
        for (int r = 0; r < regions.size(); r++) {
            Region region = regions.get(r);
            double variance = leaves.unitVariance(r);
            long spreads = region.spreads(leaves.unit());
            float largest = (float) Math.min(1e30, LARGEST_VARIANCE / variance);
            double mass = 0;
            for (int leaf = 0; leaf < region.padded(); leaf += ExpKernel.COLUMNS) {
                int present = Math.min(ExpKernel.COLUMNS, region.padded() - leaf);
                int at = leaves.firstLeaf(r) + leaf;
                int last = leaves.readBefore(at + present);
                exponents(scores.score(), leaves, at, present, next, last);
                tame(leaves, at, present, total);
                System.arraycopy(weights, 0, halved, 0, weights.length);
                ExpKernel.exp(halved, 0, 1, 0.5f, nothing, sums);
                ExpKernel.exp(weights, 0, 1, 1, nothing, squares);
                exponents(scores.mass(), leaves, at, present, next, last);
                mass += spread(spreads + leaf * 4L, present, largest);
                next = last;
            }
            move(r, region.tilt(leaves.unit()), d, stride, toTotal * mass, moved);
        }
        errors = Lanes.sum(sums, 0);
        squaredErrors = Lanes.sum(squares, 0);
    }

    private void exponents(float[] from, RowLeaves leaves, int at, int present, int next, int last) {
        System.arraycopy(from, at, weights, 0, present);
        Arrays.fill(weights, present, ExpKernel.COLUMNS, Float.NEGATIVE_INFINITY);
        for (int i = next; i < last; i++) {
            weights[leaves.read(i) - at] = Float.NEGATIVE_INFINITY;
        }
    }

    /**
     * Makes the exponents relative to the whole and takes those of wild leaves out, whose largest key decides: their
     * error is all or nothing.
     */
    private void tame(RowLeaves leaves, int at, int present, double total) {
        for (int i = 0; i < present; i++) {
            if (weights[i] > Float.NEGATIVE_INFINITY && leaves.isWild(at + i)) {
                wildErrors += leaves.takenOver(at + i, total);
                weights[i] = Float.NEGATIVE_INFINITY;
            } else {
                weights[i] = (float) (weights[i] - 2 * total);
            }
        }
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
