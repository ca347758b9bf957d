package dev.kdeformer.kde;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/**
 * Sampling in proportion to the weights, one point from each of many strata of equal weight along the order of a
 * split tree, so that a stratum's points are alike. All queries share the sample; each takes as much of it as it
 * needs.
 *
 * <p>The sample grows by rounds, each twice as large as the one before. After a round the sum is known to within an
 * empirical Bernstein bound, which holds for independent variables of any distributions in [0, 1] (Maurer and Pontil,
 * "Empirical Bernstein bounds and sample variance penalization", 2009, theorem 11), here the kernel divided by the
 * most that the query's norm allows; the failure probability is divided among the rounds (as in Mnih, Szepesvári and
 * Audibert, "Empirical Bernstein stopping", 2008). A query that could not reach the target with half as many draws as
 * there are points is evaluated exactly.
 */
final class UniformDensity extends SampledDensity {
    private static final int FIRST_ROUND = 128;

    /** The part of the target that rounding of exponents may use up. */
    private static final double ROUNDING_SHARE = 0.05;

    private final int[] sample;
    private final int[] ends;

    UniformDensity(Team team, Points unordered, Target target) {
        this(team, unordered.ordered(PointTree.of(team, unordered).order()), target, 0);
    }

    private UniformDensity(Team team, Points points, Target target, int start) {
        super(team, points, target);
        CounterRandom random = CounterRandom.of(target.seed()).stream(0x756e69);
        int most = Math.max(2, points.count() / 2);
        int rounds = 0;
        int[] end = new int[Integer.SIZE];
        int size = start;
        for (int next = Math.min(FIRST_ROUND, most); size < most; next *= 2) {
            size = Math.min(most, size + next);
            end[rounds++] = size;
        }
        this.ends = Arrays.copyOf(end, rounds);
        this.sample = new int[most];
        Strata strata = new Strata(points);
        for (int round = 0; round < rounds; round++) {
            int from = round == 0 ? 0 : ends[round - 1];
            strata.draw(random.stream(round), sample, from, ends[round]);
        }
    }

    @Override
    Statistics answer(Team team, Matrix queries, double[] logSums) {
        return answerWith(this::estimate, team, queries, logSums);
    }

    private double estimate(float[] x, Counter counter) {
        if (points.exponentRounding(x) > ROUNDING_SHARE * target.relativeError()) {
            return Double.NaN;
        }
        double logLargest = points.logLargest(x);
        double sum = 0;
        double squares = 0;
        int drawn = 0;
        for (int round = 0; round < ends.length; round++) {
            for (; drawn < ends[round]; drawn++) {
                double z = Math.exp(points.logKernel(x, sample[drawn]) - logLargest);
                sum += z;
                squares += z * z;
            }
            double mean = sum / drawn;
            double variance = Math.max(0, squares - sum * mean) / (drawn - 1);
            // Two sides, and all rounds together no more than the failure probability.
            double log = Math.log(4.0 * (round + 1) * (round + 2) / target.failureProbability());
            double error = Math.sqrt(2 * variance * log / drawn) + 7 * log / (3.0 * (drawn - 1));
            if (error <= target.relativeError() * (mean - error)) {
                counter.add(drawn);
                return Math.log(mean) + logLargest + points.logTotal();
            }
            double hopeless = 7 * log / (3.0 * sample.length);
            if (hopeless > target.relativeError() * (mean + error)) {
                break;
            }
        }
        counter.add(drawn);
        return Double.NaN;
    }
}
