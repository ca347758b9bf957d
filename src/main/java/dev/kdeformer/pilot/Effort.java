package dev.kdeformer.pilot;

/**
 * How much a pilot pass spends.
 *
 * @param candidates keys passed down per query of a node (κ)
 * @param near       keys evaluated exactly per tile, or 0 where {@code threshold} decides
 * @param threshold  a key is evaluated exactly where the logarithm of its expected squared error, as a part of the
 *                   squared total weight, exceeds this
 */
record Effort(int candidates, int near, double threshold) {
    /** Fixed numbers of keys. */
    static Effort fixed(int candidates, int near) {
        return new Effort(candidates, near, 0);
    }

    /** Each tile takes the keys that it needs. */
    static Effort adaptive(int candidates, double threshold) {
        return new Effort(candidates, 0, threshold);
    }

    boolean isAdaptive() {
        return near == 0;
    }
}
