/**
 * A pass down the tree of a head's queries. {@link dev.kdeformer.pilot.walk.TreeUnit} takes the query heads of a key
 * head, {@link dev.kdeformer.pilot.walk.PilotHead} is one of them in tree order, {@link
 * dev.kdeformer.pilot.walk.PilotWalk} one thread's way down a part of the tree at an {@link
 * dev.kdeformer.pilot.walk.Effort}, and {@link dev.kdeformer.pilot.walk.TilePasses} offers whole passes to the search.
 *
 * <p>What goes through pairs of a node of queries and a cell of keys, and decides which of both is split, belongs here,
 * in place of the walk's lists and groups.
 */
package dev.kdeformer.pilot.walk;
