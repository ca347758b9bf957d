package dev.kdeformer.kde;

/** What is known of the sums over the groups at all nodes of a tree without looking at their points. */
interface GroupBounds {
    /**
     * Bounds a group's part of the sum at a query, without the query's offset.
     *
     * @param x      prepared query
     * @param room   room for a padded row
     * @param bounds receives the logarithms of the lower and the upper bound
     */
    void bound(int node, float[] x, float[] room, double[] bounds);
}
