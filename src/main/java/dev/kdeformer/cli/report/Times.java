package dev.kdeformer.cli.report;

import java.util.Arrays;

/**
 * Times of one computation in milliseconds.
 *
 * @param medianMs the median
 * @param minMs    the shortest
 */
public record Times(double medianMs, double minMs) {
    /** The times of the runs of a computation, in any order. */
    public static Times of(double... milliseconds) {
        double[] sorted = milliseconds.clone();
        Arrays.sort(sorted);
        int half = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        return new Times(median, sorted[0]);
    }
}
