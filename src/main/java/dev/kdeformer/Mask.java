package dev.kdeformer;

import java.util.Arrays;
import java.util.Objects;

/**
 * Which keys a query may see. A mask is an immutable value: a causal rule, a number of valid keys per batch item
 * (padding lies at the end), or both.
 *
 * <p>With n queries and m keys the two causal rules differ unless n = m. For n = 2, m = 4 (1 = visible):
 * <pre>
 *   lower right      upper left
 *   1 1 1 0          1 0 0 0
 *   1 1 1 1          1 1 0 0
 * </pre>
 * Lower right is what decoding against a cache needs (the last query sees all keys); upper left is what PyTorch's
 * {@code is_causal=True} computes. Causal rules count positions of the padded tensors; padding is removed afterwards.
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

    private static final Mask NONE = new Mask(Causality.NONE, null);

    private final Causality causality;
    private final int[] keyLengths;

    private Mask(Causality causality, int[] keyLengths) {
        this.causality = causality;
        this.keyLengths = keyLengths;
    }

    /** Every query sees every key. */
    public static Mask none() {
        return NONE;
    }

    /** Causal, aligned at the lower right corner. */
    public static Mask causal() {
        return new Mask(Causality.LOWER_RIGHT, null);
    }

    /** Causal, aligned at the upper left corner. */
    public static Mask causalUpperLeft() {
        return new Mask(Causality.UPPER_LEFT, null);
    }

    /**
     * The same causal rule, with only the first {@code lengths[b]} keys of batch item b valid.
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
        return new Mask(causality, lengths.clone());
    }

    /** The causal rule. */
    public Causality causality() {
        return causality;
    }

    /** Whether a causal rule applies. */
    public boolean isCausal() {
        return causality != Causality.NONE;
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

    @Override
    public boolean equals(Object other) {
        return other instanceof Mask mask && causality == mask.causality && Arrays.equals(keyLengths, mask.keyLengths);
    }

    @Override
    public int hashCode() {
        return 31 * causality.hashCode() + Arrays.hashCode(keyLengths);
    }

    @Override
    public String toString() {
        return "Mask[" + causality + (keyLengths == null ? "" : ", keyLengths=" + Arrays.toString(keyLengths)) + "]";
    }
}
