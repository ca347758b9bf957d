package dev.kdeformer.cli.model;

import java.util.Arrays;

/**
 * Picks one of several options for each of several items, so that the costs add up to the least while the weights add
 * up to no more than a limit: by dynamic programming over parts of the limit, to which every weight is rounded up.
 */
final class Knapsack {
    private static final int PARTS = 4000;

    private Knapsack() {
    }

    /**
     * Picks.
     *
     * @param costs   by item and option, not negative
     * @param weights alike; the first option of every item weighs nothing
     * @return the number of an option for each item
     */
    static int[] pick(double[][] costs, double[][] weights, double limit) {
        double[] least = new double[PARTS + 1];
        int[][] picks = new int[costs.length][PARTS + 1];
        for (int item = 0; item < costs.length; item++) {
            double[] next = new double[PARTS + 1];
            Arrays.fill(next, Double.POSITIVE_INFINITY);
            for (int option = 0; option < costs[item].length; option++) {
                double weight = weights[item][option];
                if (!(weight <= limit)) {
                    continue;
                }
                int parts = weight == 0 ? 0 : (int) Math.ceil(weight / limit * PARTS);
                for (int most = parts; most <= PARTS; most++) {
                    double cost = least[most - parts] + costs[item][option];
                    if (cost < next[most]) {
                        next[most] = cost;
                        picks[item][most] = option;
                    }
                }
            }
            least = next;
        }
        int[] picked = new int[costs.length];
        int most = PARTS;
        for (int item = costs.length - 1; item >= 0; item--) {
            picked[item] = picks[item][most];
            double weight = weights[item][picked[item]];
            most -= weight == 0 ? 0 : (int) Math.ceil(weight / limit * PARTS);
        }
        return picked;
    }
}
