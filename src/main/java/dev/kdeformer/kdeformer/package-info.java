/**
 * Attention from hash-sorted blocks and sampled keys: the practical form of KDEformer, and HyperAttention. Both are
 * the same computation with different sampling weights: queries and keys are sorted by an angular hash, every block of
 * queries attends its block of keys exactly, and all other keys through a sample that is weighted so that numerator
 * and denominator of the softmax are unbiased. Both parts meet in one online softmax.
 */
package dev.kdeformer.kdeformer;
