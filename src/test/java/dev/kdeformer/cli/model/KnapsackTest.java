package dev.kdeformer.cli.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KnapsackTest {
    @Test
    void isAsGoodAsTryingAll() {
        SplittableRandom random = new SplittableRandom(5);
        for (int round = 0; round < 200; round++) {
            int items = 1 + random.nextInt(4);
            double[][] costs = new double[items][];
            double[][] weights = new double[items][];
            for (int i = 0; i < items; i++) {
                int options = 1 + random.nextInt(4);
                costs[i] = random.doubles(options, 0, 10).toArray();
                weights[i] = random.doubles(options, 0, 1).toArray();
                weights[i][0] = 0;
            }
            double limit = random.nextDouble(0.01, 2);
            int[] picked = Knapsack.pick(costs, weights, limit);
            double[] sums = sums(costs, weights, picked);
            assertTrue(sums[1] <= limit, sums[1] + " of " + limit);
            // Each weight is rounded up by less than a part of the limit.
            assertTrue(sums[0] <= best(costs, weights, limit * (1 - 0.001 * items), new int[items], 0) + 1e-12);
        }
    }

    @Test
    void takesTheFirstOptionsWhereNothingElseFits() {
        assertArrayEquals(new int[] {0, 0}, Knapsack.pick(new double[][] {{5, 1}, {5, 1}},
                new double[][] {{0, 3}, {0, Double.POSITIVE_INFINITY}}, 2));
    }

    private static double best(double[][] costs, double[][] weights, double limit, int[] picked, int item) {
        if (item == costs.length) {
            double[] sums = sums(costs, weights, picked);
            return sums[1] <= limit ? sums[0] : Double.POSITIVE_INFINITY;
        }
        double best = Double.POSITIVE_INFINITY;
        for (int option = 0; option < costs[item].length; option++) {
            picked[item] = option;
            best = Math.min(best, best(costs, weights, limit, picked, item + 1));
        }
        return best;
    }

    private static double[] sums(double[][] costs, double[][] weights, int[] picked) {
        double[] sums = new double[2];
        for (int i = 0; i < picked.length; i++) {
            sums[0] += costs[i][picked[i]];
            sums[1] += weights[i][picked[i]];
        }
        return sums;
    }
}
