package dev.kdeformer;

import java.util.Arrays;
import java.util.Objects;

/**
 * Which keys a query may see. A mask is an immutable value: a causal rule, with a sliding window or without, a number
 * of valid keys per batch item (padding lies at the end), or both.
 *
 * <p>With n queries and m keys the two causal rules differ unless n = m. For n = 2, m = 4 (1 = visible):
 * <pre>
 *   lower right      upper left
 *   1 1 1 0          1 0 0 0
 *   1 1 1 1          1 1 0 0
 * </pre>
 * Lower right is what decoding against a cache needs (the last query sees all keys); upper left is what PyTorch's
 * {@code is_causal=True} computes. A sliding window leaves a query the last keys that the causal rule shows it, itself
 * included where n = m; for a window of 2:
 * <pre>
 *   lower right      upper left
 *   0 1 1 0          1 0 0 0
 *   0 0 1 1          1 1 0 0
 * </pre>
 * Causal rules and windows count positions of the padded tensors; padding is removed afterwards.
 * A query that sees no key at all yields a row of zeros and a log-sum-exp of −∞.
 */
public final class Mask {
    /** The causal rule of a mask. */
    public enum Causality {
        /** Every query sees every key. */
        NONE,
        /** Query i sees key j where j ≤ i + m − n. */
        LOWER_RIGHT,
        /** Query i sees key j where j ≤ i. */
        UPPER_LEFT
    }

    private static final int UNLIMITED = Integer.MAX_VALUE;

    private static final Mask NONE = new Mask(Causality.NONE, UNLIMITED, null);

    private final Causality causality;
    private final int window;
    private final int[] keyLengths;

    private Mask(Causality causality, int window, int[] keyLengths) {
        this.causality = causality;
        this.window = window;
        this.keyLengths = keyLengths;
    }

    /** Every query sees every key. */
    public static Mask none() {
        return NONE;
    }

    /** Causal, aligned at the lower right corner. */
    public static Mask causal() {
        return new Mask(Causality.LOWER_RIGHT, UNLIMITED, null);
    }

    /** Causal, aligned at the upper left corner. */
    public static Mask causalUpperLeft() {
        return new Mask(Causality.UPPER_LEFT, UNLIMITED, null);
    }

    /**
     * The same mask, in which every query sees no more than the last {@code keys} of the keys that the causal rule
     * shows it.
     *
     * @throws IllegalArgumentException if {@code keys} is not positive or the mask has no causal rule
     */
    public Mask withWindow(int keys) {
        if (!isCausal()) {
            throw new IllegalArgumentException("a sliding window needs a causal mask, got " + this);
        }
        if (keys < 1) {
            throw new IllegalArgumentException("window must be at least 1 key, got " + keys);
        }
        return new Mask(causality, keys, keyLengths);
    }

    /**
     * The same causal rule and window, with only the first {@code lengths[b]} keys of batch item b valid.
     *
     * @throws IllegalArgumentException if a length is negative
     */
    public Mask withKeyLengths(int... lengths) {
        Objects.requireNonNull(lengths, "lengths");
        for (int b = 0; b < lengths.length; b++) {
            if (lengths[b] < 0) {
                throw new IllegalArgumentException("key length of batch item " + b + " must not be negative, got "
                        + lengths[b]);
            }
        }
        return new Mask(causality, window, lengths.clone());
    }

    /** The causal rule. */
    public Causality causality() {
        return causality;
    }

    /** Whether a causal rule applies. */
    public boolean isCausal() {
        return causality != Causality.NONE;
    }

    /** Whether a sliding window applies. */
    public boolean hasWindow() {
        return window != UNLIMITED;
    }

    /** Most keys that a query sees by the sliding window, {@link Integer#MAX_VALUE} without one. */
    public int window() {
        return window;
    }

    /** Whether batch items have key lengths of their own. */
    public boolean hasKeyLengths() {
        return keyLengths != null;
    }

    /** Number of batch items that key lengths are given for, 0 without key lengths. */
    int lengthCount() {
        return keyLengths == null ? 0 : keyLengths.length;
    }

    /** Number of valid keys of a batch item out of m. */
    public int keyLength(int batch, int m) {
        return keyLengths == null ? m : keyLengths[batch];
    }

    /**
     * What to add to a query's index to get the index of the last key it sees, or {@link Integer#MAX_VALUE} when
     * there is no causal rule.
     */
    public int causalOffset(int n, int m) {
        return switch (causality) {
            case NONE -> Integer.MAX_VALUE;
            case LOWER_RIGHT -> m - n;
            case UPPER_LEFT -> 0;
        };
    }

    /**
     * What to add to a query's index to get the index of the first key it sees; where that is below 0, it is key 0.
     * {@link Integer#MIN_VALUE} when there is no sliding window.
     */
    public int windowOffset(int n, int m) {
        return hasWindow() ? (int) Math.max(-(long) n, (long) causalOffset(n, m) - window + 1) : Integer.MIN_VALUE;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Mask mask && causality == mask.causality && window == mask.window && Arrays.equals(keyLengths, mask.keyLengths);
    }

    @Override
    public int hashCode() {
        return 31 * (31 * causality.hashCode() + window) + Arrays.hashCode(keyLengths);
    }

    @Override
    public String toString() {
        return "Mask[" + causality + (hasWindow() ? ", window=" + window : "") + (keyLengths == null ? "" : ", keyLengths=" + Arrays.toString(keyLengths)) + "]";
    }
}
