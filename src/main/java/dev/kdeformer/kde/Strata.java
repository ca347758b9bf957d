package dev.kdeformer.kde;

import dev.kdeformer.sampling.CounterRandom;

/** Draws points in proportion to their weights, one from each of several strata of equal weight. */
final class Strata {
    private Strata() {
    }

    /**
     * Cuts the points, in their order, into {@code to − from} strata of equal weight and draws one point from each,
     * independently.
     */
    static void draw(Points points, CounterRandom random, int[] target, int from, int to) {
        fill(points, random, target, from, to, false);
    }

    /**
     * The same with one offset for all strata, so that every point is drawn as often as its weight demands, up to
     * rounding: all points exactly once where there are as many strata as points of equal weight.
     */
    static void systematic(Points points, CounterRandom random, int[] target) {
        fill(points, random, target, 0, target.length, true);
    }

    private static void fill(Points points, CounterRandom random, int[] target, int from, int to, boolean same) {
        int count = to - from;
        int point = 0;
        double passed = Math.exp(points.logWeight(0) - points.logTotal());
        for (int i = 0; i < count; i++) {
            double at = (i + random.uniform(same ? 0 : i)) / count;
            while (at >= passed && point < points.count() - 1) {
                passed += Math.exp(points.logWeight(++point) - points.logTotal());
            }
            target[from + i] = point;
        }
    }
}
