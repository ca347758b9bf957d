/**
 * Rows of queries and keys in scratch memory, the metric in which they are similar, and what is made of them before any
 * query meets any key: the tree's order, the reflection, the groups of keys, and lists of keys with their panels
 * packed.
 *
 * <p>This is the room of everything that depends on the keys of a head alone and serves all of its queries: a tree of
 * cells of keys with sums over each cell belongs here, beside {@link dev.kdeformer.pilot.keys.KeyGroups}.
 */
package dev.kdeformer.pilot.keys;
