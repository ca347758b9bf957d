package dev.kdeformer.pilot;

import dev.kdeformer.kernel.Lanes;
import java.util.Arrays;

/** The highest scores of a list, found with a histogram instead of sorting. Kept per thread. */
final class Choice {
    private static final int BINS = 2048;

    /** Scores further below the best than this are all the same to us. */
    private static final float SPAN = 64;

    private final int[] histogram = new int[BINS];
    private int[] bins = new int[0];
    private int bin;
    private int left;

    /**
     * Prepares to take the {@code wanted} best; then {@link #takes} says so for each entry in turn.
     *
     * @param scores in an array with room for whole vectors
     */
    void prepare(float[] scores, int count, float best, int wanted) {
        if (bins.length < count + Lanes.LANES) {
            bins = new int[Lanes.roundUp(count + Lanes.LANES, Lanes.LANES)];
        }
        ScoreKernel.bins(scores, count, best, BINS / SPAN, BINS - 1, bins);
        if (wanted >= count) {
            bin = BINS;
            return;
        }
        Arrays.fill(histogram, 0);
        for (int j = 0; j < count; j++) {
            histogram[bins[j]]++;
        }
        int taken = 0;
        bin = 0;
        while (bin < BINS - 1 && taken + histogram[bin] < wanted) {
            taken += histogram[bin++];
        }
        left = Math.max(0, wanted - taken);
    }

    /** Whether entry {@code j} is among the best; to be asked once for every entry, in order. */
    boolean takes(int j) {
        return bins[j] < bin || bins[j] == bin && left-- > 0;
    }
}
