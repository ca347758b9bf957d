/**
 * Transformers trained on this engine: a decoder for text and an encoder with a classification head, forward and
 * backward, with attention and its gradients through the library's public methods. Part of the command line and not of
 * the library.
 */
package dev.kdeformer.train;
