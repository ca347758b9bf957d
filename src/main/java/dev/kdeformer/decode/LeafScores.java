package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.kernel.DecodeKernel;
import dev.kdeformer.kernel.Lanes;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Scores the groups of a cache for one query, by their summaries, in units of log 2: the expected mass of each, and the
 * square of the error that is to be expected where the summary stands for the group.
 */
final class LeafScores {
    /**
     * The largest of 32 normal numbers, on average (Teichroew, "Tables of expected values of order statistics", 1956).
     */
    private static final float LARGEST_OF_GROUP = 2.07f;

    /**
     * The variance of logits from which a group's mass is that of its largest key or two, no longer the mean of
     * lognormal numbers, of which 32 are too few to be near. Here the two have the same value and slope.
     */
    static final float NORMAL_VARIANCE = LARGEST_OF_GROUP * LARGEST_OF_GROUP;

    /** Variances beyond this say no more. */
    private static final float LARGEST_VARIANCE = 1e6f;

    /**
     * Binary logarithm of the largest squared error, as a part of the squared mass: keys cannot miss by more for long.
     */
    private static final float LARGEST_ERROR = 2;

    private static final double LOG2E = 1 / Math.log(2);

    private static final double LOG_GROUP = Math.log(GROUP);

    private float[] mass = new float[0];
    private float[] score = new float[0];
    private float[] ordered = new float[0];
    private int count;

    /**
     * A query as the leaves of a region see it.
     *
     * @param scaled   it, multiplied by the power of two of the scale
     * @param features how many of its numbers count
     * @param factor   what logits are multiplied by to be exponents
     * @param variance variance of the logits of a leaf whose spread is 1
     */
    record Query(float[] scaled, int features, float factor, double variance) {
    }

    /** Makes room for {@code leaves} leaves. */
    void resize(int leaves) {
        count = leaves;
        if (mass.length < leaves) {
            mass = new float[leaves];
            score = new float[leaves];
            ordered = new float[leaves];
        }
    }

    /** Exponents of the expected masses; −∞ for padding. */
    float[] mass() {
        return mass;
    }

    /** Exponents of the expected squared errors, without the mean squared distance of the values; −∞ for padding. */
    float[] score() {
        return score;
    }

    /**
     * Scores leaves [from, to) of a region.
     *
     * @param from   a multiple of GROUP
     * @param at     index of the region's first leaf among all
     * @param logits buffer of GROUP floats
     */
    void add(Region region, int unit, int from, int to, int at, Query query, float[] logits) {
        double variance = query.variance();
        int d = query.features();
        float v = (float) Math.min(variance, 1e30);
        float constant = (float) (Math.log(Math.max(variance, 1e-30)) * LOG2E) - 5;
        for (int leaf = from; leaf < to; leaf += GROUP) {
            DecodeKernel.logits(query.scaled(), d, 1, d, region.means(unit, leaf), logits, 0);
            for (int c = 0; c < GROUP; c += Lanes.LANES) {
                long offset = (leaf + c) * 4L;
                FloatVector spread = Lanes.load(region.spreads(unit) + offset).mul(v).min(LARGEST_VARIANCE);
                FloatVector normal = spread.mul(0.5f);
                FloatVector extreme = spread.lanewise(VectorOperators.SQRT).mul(LARGEST_OF_GROUP)
                        .sub(NORMAL_VARIANCE / 2);
                FloatVector growth = normal.blend(extreme, spread.compare(VectorOperators.GT, NORMAL_VARIANCE))
                        .mul((float) LOG2E);
                FloatVector m = FloatVector.fromArray(Lanes.FLOATS, logits, c).mul(query.factor()).add(growth).add(5);
                m.intoArray(mass, at + leaf + c);
                // log(exp(v) − 1) is log v + v / 2 up to the logarithm of sinh(v/2) / (v/2), which is near 0.
                FloatVector error = normal.mul((float) LOG2E).add(Lanes.load(region.logSpreads(unit) + offset))
                        .add(constant).min(LARGEST_ERROR);
                m.add(m).add(error).intoArray(score, at + leaf + c);
            }
        }
        for (int leaf = Math.max(from, region.leaves()); leaf < to; leaf++) {
            mass[at + leaf] = Float.NEGATIVE_INFINITY;
            score[at + leaf] = Float.NEGATIVE_INFINITY;
        }
    }

    /** Natural logarithm of a leaf's mass beyond that of as many mean keys, for a variance of its logits. */
    static double growth(double variance) {
        double v = Math.min(variance, LARGEST_VARIANCE);
        return v > NORMAL_VARIANCE ? LARGEST_OF_GROUP * Math.sqrt(v) - NORMAL_VARIANCE / 2 : v / 2;
    }

    /**
     * The part of the output, squared, that the largest key of a leaf is expected to take over.
     *
     * @param variance variance of the leaf's logits
     * @param furthest variance of the logit of the key that lies furthest from the mean, 0 to leave it out
     * @param total    binary logarithm of the sum of all weights
     */
    double takenOver(int leaf, double variance, double furthest, double total) {
        double mean = (mass[leaf] - total) * Math.log(2) - growth(variance) - LOG_GROUP;
        double all = GROUP * takeOver(mean, Math.sqrt(variance));
        return Math.min(1, furthest == 0 ? all : all + takeOver(mean, Math.sqrt(furthest)));
    }

    /**
     * The mean of min(1, exp(2x)) over normal x with mean μ ≤ 0 and deviation τ: how much of the output a key takes
     * over, squared, whose logit lies so far below all. From Mills' ratio by its usual bound, within 3 %.
     */
    private static double takeOver(double mean, double deviation) {
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

    /** The score that exactly {@code wanted} leaves reach, if no two are alike; +∞ for none. */
    float threshold(int wanted) {
        if (wanted <= 0) {
            return Float.POSITIVE_INFINITY;
        }
        if (wanted >= count) {
            return Float.NEGATIVE_INFINITY;
        }
        System.arraycopy(score, 0, ordered, 0, count);
        int low = 0;
        int high = count - 1;
        while (low < high) {
            float pivot = ordered[(low + high) >>> 1];
            int i = low;
            int j = high;
            while (i <= j) {
                while (ordered[i] > pivot) {
                    i++;
                }
                while (ordered[j] < pivot) {
                    j--;
                }
                if (i <= j) {
                    float x = ordered[i];
                    ordered[i++] = ordered[j];
                    ordered[j--] = x;
                }
            }
            if (wanted - 1 <= j) {
                high = j;
            } else if (wanted - 1 >= i) {
                low = i;
            } else {
                break;
            }
        }
        return ordered[wanted - 1];
    }

    /**
     * How many leaves have to be read for the roots of the scores of all others to add up to at most {@code allowed},
     * an exponent; found to within half a unit of log 2 in the score.
     */
    int needed(double allowed) {
        float top = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            top = Math.max(top, score[i]);
        }
        int[] numbers = new int[256];
        for (int i = 0; i < count; i++) {
            if (score[i] > Float.NEGATIVE_INFINITY) {
                numbers[(int) Math.min(numbers.length - 1, 2 * (top - score[i]))]++;
            }
        }
        double limit = Math.pow(2, allowed - top / 2.0);
        double sum = 0;
        int read = Arrays.stream(numbers).sum();
        for (int bin = numbers.length - 1; bin >= 0; bin--) {
            sum += numbers[bin] * Math.pow(2, -bin / 4.0);
            if (sum > limit) {
                break;
            }
            read -= numbers[bin];
        }
        return read;
    }
}
