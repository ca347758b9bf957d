package dev.kdeformer.kde;

import java.util.Arrays;

/**
 * The median of the means of an odd number of groups: it is off only if more than half of the groups are, each of
 * which Chebyshev's inequality makes unlikely enough.
 *
 * @param groups  number of groups, odd
 * @param failure the probability that a single group may be off with, so that the median's is as asked
 */
record MedianOfMeans(int groups, double failure) {
    private static final int MOST_GROUPS = 99;

    /** The groups that need the fewest units together for a probability of failure. */
    static MedianOfMeans of(double probability) {
        MedianOfMeans best = new MedianOfMeans(1, probability);
        for (int groups = 3; groups <= MOST_GROUPS; groups += 2) {
            double low = 0;
            double high = 0.5;
            for (int step = 0; step < 60; step++) {
                double middle = (low + high) / 2;
                if (majority(groups, middle) <= probability) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            if (groups / low < best.groups / best.failure) {
                best = new MedianOfMeans(groups, low);
            }
        }
        return best;
    }

    /** The probability that more than half of the groups fail. */
    static double majority(int groups, double failure) {
        double term = Math.pow(failure, groups);
        double sum = 0;
        for (int failed = groups; failed > groups / 2; failed--) {
            sum += term;
            term *= failed / (double) (groups - failed + 1) * (1 - failure) / failure;
        }
        return sum;
    }

    /** Units needed for a relative error, given the variance of a unit divided by its squared mean. */
    double needed(double relativeVariance, double relativeError) {
        return groups * Math.ceil(relativeVariance / (failure * relativeError * relativeError));
    }

    /** The median of the means of the first {@code count} units; every group takes each {@code groups}-th of them. */
    double of(double[] units, int count) {
        double[] means = new double[groups];
        for (int group = 0; group < groups; group++) {
            int size = 0;
            for (int i = group; i < count; i += groups) {
                means[group] += units[i];
                size++;
            }
            means[group] /= Math.max(1, size);
        }
        Arrays.sort(means);
        return means[groups / 2];
    }
}
