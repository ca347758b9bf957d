/**
 * Pilot attention: the method of this project for long sequences.
 *
 * <p>Queries are cut into tiles of similar ones by a balanced tree. One pilot row, the logits of a tile's centroid,
 * measures how much every key matters to the tile; the keys whose weight moves most over the tile are evaluated
 * exactly, all others are folded into groups that stand in for them by an expansion about the centroid. Going down the
 * tree, each node passes only the keys that still matter to its children, which makes the cost nearly linear.
 *
 * <p>Within an error budget the effort is searched for, and the queries that a pass doubts most are computed exactly. On
 * request, keys sampled for every tile take the bias out of the expansion.
 */
package dev.kdeformer.pilot;
