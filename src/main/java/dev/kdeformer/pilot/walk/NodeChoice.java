package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.tile.FarField;

/**
 * What a walk finds at a node: which keys its children or its queries are given, and what has been folded of the others
 * there and above. A walk can go on from here without any other key.
 *
 * @param chosen the keys that are kept, in group order, in an array with room for another vector
 * @param count  number of them
 * @param centre the centroid of the node's queries, whole vectors
 * @param far    the keys that are folded
 */
public record NodeChoice(int[] chosen, int count, float[] centre, FarField far) {
}
