package dev.kdeformer.kernel;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.tensor.Matrix;

/**
 * Keys and values where the caller has them, in the order in which they are packed.
 *
 * @param key      (m, d)
 * @param value    (m, d_v); null where no values are wanted
 * @param bias     (1, m), natural logarithm, or null for none
 * @param order    address of ints, the row of the key at every position; 0 for the identity
 * @param centring what is subtracted on the way
 */
public record KeySource(Matrix key, Matrix value, Matrix bias, long order, Centring centring) {
    /** Rows that are keys and values at once, without biases, as they are. */
    public static KeySource of(Matrix rows, long order) {
        return new KeySource(rows, rows, null, order, Centring.NONE);
    }

    /** The row of the key at a position. */
    int row(int position) {
        return order == 0 ? position : Memory.getInt(order + (long) position * Integer.BYTES);
    }
}
