package dev.kdeformer.pilot.tile;

/**
 * Keys that a node has folded, in group order.
 *
 * @param index   the keys
 * @param weights their weights at the node's centroid, relative to one exponent for all
 * @param count   number of keys
 * @param masses  sum of the weights of each group, relative to the same exponent
 */
public record FoldedKeys(int[] index, float[] weights, int count, double[] masses) {
}
