/**
 * Decoding: attention of a few new queries to a long, growing cache of keys and values.
 *
 * <p>Keys lie in groups of 32 in the layout that the kernels read, in chunks that are never moved or copied as a whole.
 * Where a cache is indexed, its older keys are sorted within regions so that a group holds similar keys, and a summary
 * of each group lies beside them; exact decoding reads the same memory and does not care for the order.
 */
package dev.kdeformer.decode;
