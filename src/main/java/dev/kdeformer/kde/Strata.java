package dev.kdeformer.kde;

import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/** Draws points in proportion to their weights, one from each of several strata of equal weight. Immutable. */
final class Strata {
    /** The part of the total weight that lies at or before each point. */
    private final double[] passed;

    Strata(Points points) {
        passed = new double[points.count()];
        double sum = 0;
        for (int j = 0; j < passed.length; j++) {
            sum += Math.exp(points.logWeight(j) - points.logTotal());
            passed[j] = sum;
        }
    }

    /**
     * Cuts the points, in their order, into {@code to − from} strata of equal weight and draws one point from each,
     * independently.
     */
    void draw(CounterRandom random, int[] target, int from, int to) {
        for (int i = from; i < to; i++) {
            target[i] = at((i - from + random.uniform(i - from)) / (to - from));
        }
    }

    /**
     * The same with one offset for all strata, so that every point is drawn as often as its weight demands, up to
     * rounding: all points exactly once where there are as many strata as points of equal weight.
     */
    void systematic(CounterRandom random, int[] target) {
        double offset = random.uniform(0);
        for (int i = 0; i < target.length; i++) {
            target[i] = at((i + offset) / target.length);
        }
    }

    /** The first point that a part of the weight does not reach beyond. */
    private int at(double part) {
        int found = Arrays.binarySearch(passed, part);
        int point = found < 0 ? -found - 1 : found + 1;
        return Math.min(point, passed.length - 1);
    }
}
