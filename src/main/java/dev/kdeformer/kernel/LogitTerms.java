package dev.kdeformer.kernel;

import dev.kdeformer.tensor.Matrix;

/**
 * What is done to the logits of a query head between the products and the mask: the soft cap, then the bias per pair.
 *
 * @param cap   what logits are bent to stay within, natural logarithm units; 0 for nothing
 * @param pairs the bias per pair, or null
 */
public record LogitTerms(float cap, Pairs pairs) {
    /** Nothing. */
    public static final LogitTerms NONE = new LogitTerms(0, null);

    /** A bias of this or less hides its key, as −∞ does. */
    static final float HIDING_BIAS = -1e35f;

    /** Biases per pair of a query and a key, natural logarithm units. */
    @FunctionalInterface
    public interface Pairs {
        /**
         * Writes the biases of some queries and keys.
         *
         * @param target receives the bias of query r and key c at {@code r · stride + c}
         */
        void fill(int query, int queries, int key, int keys, float[] target, int stride);

        /** Whether a bias is a function of key − query alone; it may then be asked for keys past the last. */
        default boolean slide() {
            return false;
        }

        /** The parts by row of biases over a grid of keys, (n, height); null elsewhere. */
        default Matrix rowParts() {
            return null;
        }

        /** The parts by column of biases over a grid of keys, (n, width); null elsewhere. */
        default Matrix columnParts() {
            return null;
        }
    }

    /** Whether nothing is done. */
    public boolean isEmpty() {
        return cap == 0 && pairs == null;
    }
}
