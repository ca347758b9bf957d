package dev.kdeformer.decode;

import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.tensor.Tensor;
import java.util.Objects;

/**
 * Queries to a {@link KeyValueCache} with all that a model says of their logits. With s the scaled products of queries
 * and keys, a row of weights is the softmax of {@code mask(softcap(s) + pair bias)} and the sink, as of an
 * {@link dev.kdeformer.AttentionInput} of the same queries and of all keys in the order in which they were appended.
 * An immutable value.
 *
 * <p>Places of keys count from the oldest in the cache, so that a bias by distance has the offset length − n for n
 * queries that belong to the youngest keys.
 */
public final class CacheQuery {
    private final Tensor query;
    private float scale;
    private Mask mask = Mask.causal();
    private PairBias pairBias;
    private float softCap;
    private float[] sinks;

    private CacheQuery(Tensor query, float scale) {
        this.query = query;
        this.scale = scale;
    }

    private CacheQuery(CacheQuery other) {
        this(other.query, other.scale);
        mask = other.mask;
        pairBias = other.pairBias;
        softCap = other.softCap;
        sinks = other.sinks;
    }

    /**
     * Queries that belong to the last n keys, with scale 1/√d: query i of n sees all keys but the last n − 1 − i.
     *
     * @param query (batch, heads, n, d), n ≤ 64, heads a multiple of the cache's, finite
     */
    public static CacheQuery of(Tensor query) {
        return new CacheQuery(query, (float) (1 / Math.sqrt(Objects.requireNonNull(query, "query").shape().columns())));
    }

    /**
     * Returns the same queries with another factor before the logits.
     *
     * @throws IllegalArgumentException if the scale is not finite
     */
    public CacheQuery withScale(float newScale) {
        if (!Float.isFinite(newScale)) {
            throw new IllegalArgumentException("scale must be finite, got " + newScale);
        }
        CacheQuery changed = new CacheQuery(this);
        changed.scale = newScale;
        return changed;
    }

    /**
     * Returns the same queries with another mask than {@link Mask#causal()}. It is checked against the keys when it is
     * used. Keys that no query sees cost nothing where the cache is not indexed.
     */
    public CacheQuery withMask(Mask newMask) {
        CacheQuery changed = new CacheQuery(this);
        changed.mask = Objects.requireNonNull(newMask, "mask");
        return changed;
    }

    /**
     * Returns the same queries with a bias for every pair of a query and a key, checked against the keys when it is
     * used.
     */
    public CacheQuery withPairBias(PairBias bias) {
        CacheQuery changed = new CacheQuery(this);
        changed.pairBias = Objects.requireNonNull(bias, "bias");
        return changed;
    }

    /**
     * Returns the same queries with logits bent so that they stay within ±cap: cap · tanh(scale · q·k / cap).
     *
     * @param cap positive; 0 for none
     * @throws IllegalArgumentException if the cap is negative or above 1e30
     */
    public CacheQuery withSoftCap(float cap) {
        if (!(cap >= 0 && cap <= 1e30f)) {
            throw new IllegalArgumentException("soft cap must be 0 or positive and at most 1e30, got " + cap);
        }
        CacheQuery changed = new CacheQuery(this);
        changed.softCap = cap;
        return changed;
    }

    /**
     * Returns the same queries with a sink for every query head: a logit that takes weight from all keys and has no
     * value. It counts in the log-sum-exp.
     *
     * @param logits one for every query head, natural logarithm, within 1e30 or −∞
     * @throws IllegalArgumentException if there is not one for each head, or one is out of range
     */
    public CacheQuery withSinks(float... logits) {
        int heads = query.shape().heads();
        if (logits.length != heads) {
            throw new IllegalArgumentException("sinks must be given for each of the " + heads + " heads, got "
                    + logits.length);
        }
        for (int h = 0; h < heads; h++) {
            if (!(Math.abs(logits[h]) <= 1e30f) && logits[h] != Float.NEGATIVE_INFINITY) {
                throw new IllegalArgumentException("sink of head " + h + " must be within 1e30 or -Infinity, got "
                        + logits[h]);
            }
        }
        CacheQuery changed = new CacheQuery(this);
        changed.sinks = logits.clone();
        return changed;
    }

    /** Returns the queries, (batch, heads, n, d). */
    public Tensor query() {
        return query;
    }

    /** Returns the factor before the logits. */
    public float scale() {
        return scale;
    }

    /** Returns the mask. */
    public Mask mask() {
        return mask;
    }

    /** Returns the bias per pair of a query and a key, or null. */
    public PairBias pairBias() {
        return pairBias;
    }

    /** What logits are bent to stay within, 0 for nothing. */
    public float softCap() {
        return softCap;
    }

    /** Returns the logit of a query head's sink, −∞ without one. */
    public float sink(int head) {
        return sinks == null ? Float.NEGATIVE_INFINITY : sinks[head];
    }

    /** Whether every query sees all keys up to its own, unchanged but for a sink. */
    boolean isPlain() {
        return mask.equals(Mask.causal()) && pairBias == null && softCap == 0;
    }
}
