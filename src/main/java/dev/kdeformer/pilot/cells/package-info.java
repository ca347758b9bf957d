/**
 * Pilot attention with two trees: tiles of queries, and a tree of cells of keys. Every tile measures all cells by one
 * pilot row and the spread of each key's logit about its cell's expansion; a key whose expansion would cost too much is
 * near, and the others stand in the largest nodes of the key tree that can be expanded as one. Key trees with nodes of
 * many sizes are the dual-tree methods' idea (Gray and Moore 2001); that the masses of the nodes come from pilot rows,
 * so that the expansion is taken where the softmax has its weight, is this project's.
 *
 * <p>The spread of a key is taken about its cell's mean, not about that of all keys, so that a narrow kernel in few
 * dimensions, or many copies of few rows, need few near keys. A key far from the centroid counts for as much as it may
 * weigh at the tile's rim. {@link dev.kdeformer.pilot.cells.CellSearch} looks for a pass that keeps an error budget
 * where the walk down the query tree found none.
 */
package dev.kdeformer.pilot.cells;
