package dev.kdeformer;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.EnumSet;
import java.util.Objects;
import java.util.Set;

/**
 * What is to be attended: queries, keys, values, the softmax scale, a mask, biases per key and per pair, a soft cap and
 * sinks. With s the scaled products of queries and keys, a row of weights is the softmax of
 * {@code mask(softcap(s) + key bias + pair bias)} and the sink, in this order, which is that of the ONNX operator
 * Attention. An immutable value, checked when it is made; names and meanings follow PyTorch's
 * {@code scaled_dot_product_attention}.
 *
 * <p>Shapes: query (batch, heads, n, d), key (batch, kvHeads, m, d), value (batch, kvHeads, m, d_v), where heads is a
 * multiple of kvHeads and query head h reads key head h / (heads / kvHeads). The output is (batch, heads, n, d_v) and
 * the log-sum-exp (batch, heads, n, 1), natural logarithm.
 *
 * <p>Every element of the three tensors has to be finite, and the logits have to fit in float32; methods check this
 * before they write anything. A bias may be finite or −∞; −∞ and anything up to {@link #HIDING_BIAS} hides its key.
 */
public final class AttentionInput {
    /**
     * A bias of this or less hides its key, as −∞ does: what frameworks add to the logits of hidden keys is often the
     * least finite float.
     */
    public static final float HIDING_BIAS = -1e35f;

    private final Tensor query;
    private final Tensor key;
    private final Tensor value;
    private float scale;
    private Mask mask = Mask.none();
    private Tensor keyBias;
    private PairBias pairBias;
    private float softCap;
    private float[] sinks;

    private AttentionInput(Tensor query, Tensor key, Tensor value, float scale) {
        this.query = query;
        this.key = key;
        this.value = value;
        this.scale = scale;
    }

    /** A copy, to be changed before anybody sees it. */
    private AttentionInput(AttentionInput other) {
        this(other.query, other.key, other.value, other.scale);
        mask = other.mask;
        keyBias = other.keyBias;
        pairBias = other.pairBias;
        softCap = other.softCap;
        sinks = other.sinks;
    }

    /**
     * Unmasked input with scale 1/√d. There may be no queries or no keys.
     *
     * @throws IllegalArgumentException if the shapes do not fit together, or rows have no columns
     */
    public static AttentionInput of(Tensor query, Tensor key, Tensor value) {
        Shape q = Objects.requireNonNull(query, "query").shape();
        Shape k = Objects.requireNonNull(key, "key").shape();
        Shape v = Objects.requireNonNull(value, "value").shape();
        if (k.batch() != q.batch() || v.batch() != q.batch()) {
            throw new IllegalArgumentException("query, key and value must have the same batch size, got " + q + ", "
                    + k + " and " + v);
        }
        if (k.columns() != q.columns()) {
            throw new IllegalArgumentException("query and key must have the same number of columns, got " + q
                    + " and " + k);
        }
        if (v.rows() != k.rows() || v.heads() != k.heads()) {
            throw new IllegalArgumentException("key and value must have the same heads and rows, got " + k + " and "
                    + v);
        }
        if (q.heads() % k.heads() != 0) {
            throw new IllegalArgumentException("the number of query heads must be a multiple of the number of key"
                    + " heads, got " + q.heads() + " and " + k.heads());
        }
        if (q.columns() == 0 || v.columns() == 0) {
            throw new IllegalArgumentException("query, key and value must have at least 1 column, got " + q + ", " + k
                    + " and " + v);
        }
        return new AttentionInput(query, key, value, (float) (1 / Math.sqrt(q.columns())));
    }

    /**
     * Returns the same input with another factor before the logits.
     *
     * @throws IllegalArgumentException if the scale is not finite
     */
    public AttentionInput withScale(float newScale) {
        if (!Float.isFinite(newScale)) {
            throw new IllegalArgumentException("scale must be finite, got " + newScale);
        }
        AttentionInput changed = new AttentionInput(this);
        changed.scale = newScale;
        return changed;
    }

    /**
     * Returns the same input with another mask.
     *
     * @throws IllegalArgumentException if lengths are not given for every batch item, ranges not for every query, or
     *                                  something exceeds the keys or queries
     */
    public AttentionInput withMask(Mask newMask) {
        Objects.requireNonNull(newMask, "mask");
        newMask.check(batch(), queries(), keys());
        AttentionInput changed = new AttentionInput(this);
        changed.mask = newMask;
        return changed;
    }

    /**
     * Returns the same input with a bias added to the logits of every key: shape (batch or 1, kvHeads or 1, 1, m), in
     * natural logarithm units, so that the logarithm of a weight counts a key with that weight.
     *
     * @throws IllegalArgumentException if the bias has another shape
     */
    public AttentionInput withKeyBias(Tensor bias) {
        Shape b = Objects.requireNonNull(bias, "bias").shape();
        Shape k = key.shape();
        if (b.columns() != k.rows() || b.rows() != 1 || (b.batch() != 1 && b.batch() != k.batch())
                || (b.heads() != 1 && b.heads() != k.heads())) {
            throw new IllegalArgumentException("key bias must have shape (" + k.batch() + " or 1, " + k.heads()
                    + " or 1, 1, " + k.rows() + "), got " + b);
        }
        AttentionInput changed = new AttentionInput(this);
        changed.keyBias = bias;
        return changed;
    }

    /**
     * Returns the same input with a bias added to the logit of every pair of a query and a key.
     *
     * @throws IllegalArgumentException if the bias does not fit the input
     */
    public AttentionInput withPairBias(PairBias bias) {
        Objects.requireNonNull(bias, "bias").check(batch(), heads(), queries(), keys());
        AttentionInput changed = new AttentionInput(this);
        changed.pairBias = bias;
        return changed;
    }

    /**
     * Returns the same input with logits bent so that they stay within ±cap: cap · tanh(scale · q·k / cap), before
     * biases are added and the mask hides.
     *
     * @param cap positive; 0 for none
     * @throws IllegalArgumentException if the cap is negative or not finite
     */
    public AttentionInput withSoftCap(float cap) {
        if (!(cap >= 0 && cap <= 1e30f)) {
            throw new IllegalArgumentException("soft cap must be 0 or positive and at most 1e30, got " + cap);
        }
        AttentionInput changed = new AttentionInput(this);
        changed.softCap = cap;
        return changed;
    }

    /**
     * Returns the same input with a sink for every query head: a logit that takes weight from all keys and has no
     * value. It counts in the log-sum-exp.
     *
     * @param logits one for every query head, natural logarithm, finite or −∞
     * @throws IllegalArgumentException if there is not one for each head, or one is NaN, +∞ or beyond 1e30
     */
    public AttentionInput withSinks(float... logits) {
        if (logits.length != heads()) {
            throw new IllegalArgumentException("sinks must be given for each of the " + heads() + " heads, got "
                    + logits.length);
        }
        for (int h = 0; h < logits.length; h++) {
            if (!(Math.abs(logits[h]) <= 1e30f) && logits[h] != Float.NEGATIVE_INFINITY) {
                throw new IllegalArgumentException("sink of head " + h + " must be within 1e30 or -Infinity, got "
                        + logits[h]);
            }
        }
        AttentionInput changed = new AttentionInput(this);
        changed.sinks = logits.clone();
        return changed;
    }

    /** Returns the same input without sinks. */
    public AttentionInput withoutSinks() {
        AttentionInput changed = new AttentionInput(this);
        changed.sinks = null;
        return changed;
    }

    /** What the input says besides queries, keys, values and scale; a method takes all of it or refuses the input. */
    public Set<InputFeature> features() {
        EnumSet<InputFeature> features = EnumSet.noneOf(InputFeature.class);
        add(features, InputFeature.CAUSAL, mask.isCausal());
        add(features, InputFeature.CAUSAL_OFFSET, mask.causality() == Mask.Causality.OFFSET);
        add(features, InputFeature.WINDOW, mask.hasWindow());
        add(features, InputFeature.KEY_LENGTHS, mask.hasKeyLengths());
        add(features, InputFeature.QUERY_LENGTHS, mask.hasQueryLengths());
        add(features, InputFeature.SEQUENCES, mask.hasSequences());
        add(features, InputFeature.RANGES, mask.hasRanges());
        add(features, InputFeature.KEY_BIAS, keyBias != null);
        add(features, InputFeature.PAIR_BIAS, pairBias != null);
        add(features, InputFeature.SOFT_CAP, softCap > 0);
        add(features, InputFeature.SINKS, hasSinks());
        return features;
    }

    private static void add(Set<InputFeature> features, InputFeature feature, boolean present) {
        if (present) {
            features.add(feature);
        }
    }

    /**
     * The same input with a bias of −∞ wherever a finite one is so low that it hides its key; this input where none is.
     */
    public AttentionInput withHiddenKeys() {
        if (keyBias == null) {
            return this;
        }
        float[] biases = keyBias.toArray();
        boolean changed = false;
        for (int j = 0; j < biases.length; j++) {
            if (biases[j] <= HIDING_BIAS && biases[j] != Float.NEGATIVE_INFINITY) {
                biases[j] = Float.NEGATIVE_INFINITY;
                changed = true;
            }
        }
        return changed ? withKeyBias(Tensor.copyOf(Arena.ofAuto(), keyBias.shape(), biases)) : this;
    }

    /** Returns the queries, of shape (batch, heads, n, d), as they were given and not copied. */
    public Tensor query() {
        return query;
    }

    /** Returns the keys, of shape (batch, kvHeads, m, d), as they were given and not copied. */
    public Tensor key() {
        return key;
    }

    /** Returns the values, of shape (batch, kvHeads, m, d_v), as they were given and not copied. */
    public Tensor value() {
        return value;
    }

    /** Returns the factor that dot products of queries and keys are multiplied by. */
    public float scale() {
        return scale;
    }

    /** Returns the mask, {@link Mask#none} where none was set. */
    public Mask mask() {
        return mask;
    }

    /** Returns the natural logarithms added per key, (batch or 1, kvHeads or 1, 1, m), or null where there are none. */
    public Tensor keyBias() {
        return keyBias;
    }

    /** Returns the bias per pair of a query and a key, or null where there is none. */
    public PairBias pairBias() {
        return pairBias;
    }

    /** Returns what logits are bent to stay within, 0 where they are not bent. */
    public float softCap() {
        return softCap;
    }

    /** Tells whether query heads have sinks. */
    public boolean hasSinks() {
        return sinks != null;
    }

    /**
     * Returns the logit of a query head's sink, a natural logarithm; −∞ where there are no sinks.
     *
     * @throws IndexOutOfBoundsException if there are sinks, but none for such a head
     */
    public float sink(int head) {
        return sinks == null ? Float.NEGATIVE_INFINITY : sinks[head];
    }

    /** Tells whether there are no queries or no keys; the output has no elements then, or zeros alone. */
    public boolean isEmpty() {
        return queries() == 0 || keys() == 0;
    }

    /** Returns the number of batch items. */
    public int batch() {
        return query.shape().batch();
    }

    /** Returns the number of query heads. */
    public int heads() {
        return query.shape().heads();
    }

    /** Returns the number of heads of keys and values. */
    public int kvHeads() {
        return key.shape().heads();
    }

    /** Returns the number of query heads that share a head of keys. */
    public int groupSize() {
        return heads() / kvHeads();
    }

    /** Returns the number of queries of a head, n. */
    public int queries() {
        return query.shape().rows();
    }

    /** Returns the number of keys of a head, m. */
    public int keys() {
        return key.shape().rows();
    }

    /** Returns the number of features of a query or key, d. */
    public int d() {
        return query.shape().columns();
    }

    /** Returns the number of features of a value, d_v. */
    public int dv() {
        return value.shape().columns();
    }

    /** Returns the shape that outputs have, (batch, heads, n, d_v). */
    public Shape outputShape() {
        return query.shape().withColumns(dv());
    }
}
