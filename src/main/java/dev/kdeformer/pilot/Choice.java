package dev.kdeformer.pilot;

import java.util.Arrays;

/** The highest scores of a list, found with a histogram instead of sorting. */
final class Choice {
    static final int BINS = 2048;

    /** Scores further below the best than this are all the same to us. */
    private static final float SPAN = 64;
    private static final float PER_UNIT = BINS / SPAN;

    private Choice() {
    }

    /** The bin of a score: 0 for the best. */
    static int bin(float score, float best) {
        return (int) Math.min(BINS - 1, (best - score) * PER_UNIT);
    }

    /**
     * The last bin from which keys are taken, when the {@code wanted} best are taken.
     *
     * @param bins receives the histogram
     * @return bin in the upper, keys to take of that bin in the lower 32 bits
     */
    static long threshold(float[] scores, int count, float best, int wanted, int[] bins) {
        Arrays.fill(bins, 0);
        for (int j = 0; j < count; j++) {
            bins[bin(scores[j], best)]++;
        }
        int taken = 0;
        int bin = 0;
        while (bin < BINS - 1 && taken + bins[bin] < wanted) {
            taken += bins[bin++];
        }
        return (long) bin << 32 | Math.max(0, wanted - taken);
    }
}
