package dev.kdeformer;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Objects;

/**
 * What is to be attended: queries, keys, values, the softmax scale, a mask and a bias per key. An immutable value,
 * checked when it is made; names and meanings follow PyTorch's {@code scaled_dot_product_attention}.
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
    private final float scale;
    private final Mask mask;
    private final Tensor keyBias;

    private AttentionInput(Tensor query, Tensor key, Tensor value, float scale, Mask mask, Tensor keyBias) {
        this.query = query;
        this.key = key;
        this.value = value;
        this.scale = scale;
        this.mask = mask;
        this.keyBias = keyBias;
    }

    /**
     * Unmasked input with scale 1/√d.
     *
     * @throws IllegalArgumentException if the shapes do not fit together
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
        return new AttentionInput(query, key, value, (float) (1 / Math.sqrt(q.columns())), Mask.none(), null);
    }

    /**
     * The same input with another factor before the logits.
     *
     * @throws IllegalArgumentException if the scale is not finite
     */
    public AttentionInput withScale(float newScale) {
        if (!Float.isFinite(newScale)) {
            throw new IllegalArgumentException("scale must be finite, got " + newScale);
        }
        return new AttentionInput(query, key, value, newScale, mask, keyBias);
    }

    /**
     * The same input with another mask.
     *
     * @throws IllegalArgumentException if key lengths are not given for every batch item or exceed the keys
     */
    public AttentionInput withMask(Mask newMask) {
        Objects.requireNonNull(newMask, "mask");
        if (newMask.hasKeyLengths()) {
            if (newMask.lengthCount() != query.shape().batch()) {
                throw new IllegalArgumentException("mask must give a key length for each of the "
                        + query.shape().batch() + " batch items, got " + newMask.lengthCount());
            }
            for (int b = 0; b < query.shape().batch(); b++) {
                int length = newMask.keyLength(b, keys());
                if (length > keys()) {
                    throw new IllegalArgumentException("key length of batch item " + b + " must be at most " + keys()
                            + ", got " + length);
                }
            }
        }
        return new AttentionInput(query, key, value, scale, newMask, keyBias);
    }

    /**
     * The same input with a bias added to the logits of every key: shape (batch or 1, kvHeads or 1, 1, m), in natural
     * logarithm units, so that the logarithm of a weight counts a key with that weight.
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
        return new AttentionInput(query, key, value, scale, mask, bias);
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

    /** The queries, (batch, heads, n, d). */
    public Tensor query() {
        return query;
    }

    /** The keys, (batch, kvHeads, m, d). */
    public Tensor key() {
        return key;
    }

    /** The values, (batch, kvHeads, m, d_v). */
    public Tensor value() {
        return value;
    }

    /** The factor before the logits. */
    public float scale() {
        return scale;
    }

    /** The mask. */
    public Mask mask() {
        return mask;
    }

    /** The bias per key, or null. */
    public Tensor keyBias() {
        return keyBias;
    }

    /** Number of batch items. */
    public int batch() {
        return query.shape().batch();
    }

    /** Number of query heads. */
    public int heads() {
        return query.shape().heads();
    }

    /** Number of key and value heads. */
    public int kvHeads() {
        return key.shape().heads();
    }

    /** Number of query heads that share a key head. */
    public int groupSize() {
        return heads() / kvHeads();
    }

    /** Number of queries n. */
    public int queries() {
        return query.shape().rows();
    }

    /** Number of keys m. */
    public int keys() {
        return key.shape().rows();
    }

    /** Features d of queries and keys. */
    public int d() {
        return query.shape().columns();
    }

    /** Features d_v of values. */
    public int dv() {
        return value.shape().columns();
    }

    /** The shape of the output, (batch, heads, n, d_v). */
    public Shape outputShape() {
        return query.shape().withColumns(dv());
    }
}
