package dev.kdeformer.kde;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Hashing-based estimator of Gaussian sums (Charikar and Siminelakis, "Hashing-based estimators for kernel density in
 * high dimensions", FOCS 2017), with a level of hash tables for every order of magnitude of the density, from high to
 * low: a query tries the first level, and moves on to the next where the estimate is too low for it (their adaptive
 * relaxation of the mean; levels of density as in Charikar, Kapralov, Nouri and Siminelakis, FOCS 2020).
 *
 * <p>At its level a query takes units from tables until the median of the means of some groups of them is good enough
 * by Chebyshev's inequality, with the variance that the units themselves show. A query for which the tables of its
 * level do not suffice, or whose density is lower than one in as many as there are points, is evaluated exactly.
 * Tables are filled when a query first needs them.
 */
final class HashingDensity extends SampledDensity {
    /** Units before the first decision. */
    private static final int PILOT = 32;

    /** μ of the first level, and the ratio from level to level. */
    private static final double FIRST = 0.25;
    private static final double RATIO = 0.125;

    /** Lowest estimate, in units of μ, that stays at a level. */
    private static final double LOWEST = 0.25;

    private final List<HashLevel> levels = new ArrayList<>();
    private final CounterRandom random;
    private final Strata strata;
    private final MedianOfMeans median;

    HashingDensity(Team team, Points points, Target target) {
        super(team, points, target);
        random = CounterRandom.of(target.seed()).stream(0x686173);
        strata = new Strata(points);
        median = MedianOfMeans.of(target.failureProbability());
    }

    @Override
    Statistics answer(Team team, Matrix queries, double[] logSums) {
        int[] rows = new int[queries.rows()];
        Arrays.setAll(rows, i -> i);
        IntArrayList hard = new IntArrayList();
        long evaluations = 0;
        double density = FIRST;
        for (int index = 0; rows.length > 0; index++, density *= RATIO) {
            boolean last = density * RATIO < 1.0 / points.count();
            HashLevel level = level(index, density);
            evaluations += estimateAll(team, queries, rows, logSums,
                    (x, counter) -> estimate(level, last, x, counter));
            Arrays.stream(rows).filter(row -> logSums[row] == Double.POSITIVE_INFINITY).forEach(hard::add);
            rows = unresolved(rows, logSums);
            if (last) {
                hard.addElements(hard.size(), rows);
                break;
            }
        }
        return finish(team, queries, hard.toIntArray(), logSums, evaluations);
    }

    private synchronized HashLevel level(int index, double density) {
        if (index == levels.size()) {
            levels.add(new HashLevel(points, strata, density, random.stream(index)));
        }
        return levels.get(index);
    }

    /** The logarithm of the sum; NaN where the next level should try, +∞ where none can. */
    private double estimate(HashLevel level, boolean last, float[] x, Counter counter) {
        double[] units = new double[HashLevel.TABLES];
        double sum = 0;
        double squares = 0;
        int count = 0;
        while (count + PILOT <= units.length) {
            for (int i = 0; i < PILOT; i++, count++) {
                units[count] = level.unit(count, x, counter);
                sum += units[count];
                squares += units[count] * units[count];
            }
            double mean = sum / count;
            if (!last && mean < LOWEST * level.density()) {
                return Double.NaN;
            }
            double variance = Math.max(0, squares - sum * mean) / (count - 1);
            if (mean > 0 && count >= median.needed(variance / (mean * mean), target.relativeError())) {
                return Math.log(median.of(units, count)) + points.logTotal();
            }
        }
        return Double.POSITIVE_INFINITY;
    }
}
