/**
 * What one node or tile does with the keys on its list: score them, choose those that stay, fold the others into the
 * far field, and attend to near keys and far field. Buffers belong to the thread, and are of use until the node is
 * done.
 *
 * <p>It knows a node's arrays and nothing of trees or walks: the expansion of a pair of a node and a cell of keys, its
 * expected error, and how pseudo-keys are met by queries belong here.
 */
package dev.kdeformer.pilot.tile;
