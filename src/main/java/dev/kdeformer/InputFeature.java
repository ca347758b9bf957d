package dev.kdeformer;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * What an {@link AttentionInput} may say besides queries, keys, values and scale. A method refuses whatever it does not
 * list among {@link AttentionMethod#takes}.
 */
public enum InputFeature {
    /** A window of keys round each query. */
    WINDOW("sliding window"),
    /** A causal rule. */
    CAUSAL("causal mask"),
    /** A causal rule for a shard of the queries or keys. */
    CAUSAL_OFFSET("causal mask with an offset"),
    /** Numbers of valid keys per batch item. */
    KEY_LENGTHS("key lengths"),
    /** Numbers of valid queries per batch item. */
    QUERY_LENGTHS("query lengths"),
    /** Packed sequences. */
    SEQUENCES("packed sequences"),
    /** A range of keys for every query. */
    RANGES("ranges of keys"),
    /** A bias per key. */
    KEY_BIAS("bias per key"),
    /** A bias per pair of a query and a key. */
    PAIR_BIAS("bias per pair"),
    /** Soft-capped logits. */
    SOFT_CAP("soft cap"),
    /** Sinks. */
    SINKS("sinks");

    /** Everything. */
    public static final Set<InputFeature> ALL = Collections.unmodifiableSet(EnumSet.allOf(InputFeature.class));

    private final String words;

    InputFeature(String words) {
        this.words = words;
    }

    /** Tells whether it is something that the {@link Mask} says. */
    public boolean isOfMask() {
        return compareTo(KEY_BIAS) < 0;
    }

    /** Returns the feature in words, as in "takes no …". */
    @Override
    public String toString() {
        return words;
    }
}
