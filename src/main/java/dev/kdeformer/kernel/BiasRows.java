package dev.kdeformer.kernel;

/**
 * Biases of some rows of logits.
 *
 * @param data   row-major from index {@code at} on
 * @param at     index of the first row's first bias
 * @param stride floats from row to row
 */
record BiasRows(float[] data, int at, int stride) {
}
