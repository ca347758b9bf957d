/**
 * Transformers trained on this engine: a decoder for text and an encoder with a classification head, forward and
 * backward, with attention and its gradients through the library's public methods. Part of the command line and not of
 * the library. Loops over the rows of its layers take arrays, offsets and counts one by one, more than seven arguments,
 * so that nothing is allocated for a row.
 */
package dev.kdeformer.train;
