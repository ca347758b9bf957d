package dev.kdeformer.pilot.tile;

/**
 * How far the second order of the far field's expansion is believed. A group stands for its keys by their mean and
 * variances, and so by a Gaussian: to a query at which their logits have the variance x it is heavier by e^{x/2}.
 * Finite sets of keys are not: the mean of N weights grows so until x is 2 log N, and from there on, where one key
 * outweighs all others, only as its logit does, by √(2x log N) − log N. Groups that were weighted by a pilot row are
 * uneven, so that they count as a few keys only.
 */
public final class Damping {
    /** The logarithm of the number of keys that a group counts as. */
    private static final double LOG_KEYS = 2;

    private Damping() {
    }

    /**
     * What the second order is multiplied by for a query.
     *
     * @param variance of the far keys' logits at the query, the mean of all groups
     */
    public static double factor(double variance) {
        return variance > 2 * LOG_KEYS
                ? (Math.sqrt(2 * LOG_KEYS * variance) - LOG_KEYS) * 2 / variance : 1;
    }

    /** The derivative of {@link #factor}. */
    public static double slope(double variance) {
        return variance > 2 * LOG_KEYS
                ? (2 * LOG_KEYS - Math.sqrt(2 * LOG_KEYS * variance)) / (variance * variance) : 0;
    }
}
