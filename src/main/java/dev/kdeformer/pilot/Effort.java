package dev.kdeformer.pilot;

import java.util.List;

/**
 * How much a pass down the tree spends.
 *
 * @param candidates keys passed down per query of a node (κ)
 * @param near       keys evaluated exactly per tile, or 0 where {@code threshold} decides
 * @param threshold  a key is evaluated exactly where the logarithm of its expected squared error, as a part of the
 *                   squared norm of the output, exceeds this
 */
record Effort(int candidates, int near, double threshold) {
    /**
     * Efforts of rising cost, for the search of an error budget. On real heads each takes a quarter to a third off the
     * error of the one before: on some mostly by the threshold, on others mostly by the candidates, so they take turns.
     */
    static final List<Effort> LADDER = List.of(adaptive(2, -8), adaptive(4, -8), adaptive(4, -14), adaptive(4, -17),
            adaptive(8, -16), adaptive(8, -19), adaptive(16, -17), adaptive(16, -19), adaptive(32, -18),
            adaptive(32, -20), adaptive(32, -22), adaptive(64, -20), adaptive(64, -22));

    /** Fixed numbers of keys. */
    static Effort fixed(int candidates, int near) {
        return new Effort(candidates, near, 0);
    }

    /** Each tile takes the keys that it needs. */
    static Effort adaptive(int candidates, double threshold) {
        return new Effort(candidates, 0, threshold);
    }

    /** The same with the threshold lower by the logarithm of how much values vary beside the output. */
    Effort relativeTo(double logVariation) {
        return isAdaptive() ? new Effort(candidates, 0, threshold - logVariation) : this;
    }

    boolean isAdaptive() {
        return near == 0;
    }
}
