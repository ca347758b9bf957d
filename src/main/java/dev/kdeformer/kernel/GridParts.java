package dev.kdeformer.kernel;

/**
 * The parts by row and by column of a grid that the biases of some queries are sums of.
 *
 * @param rows         parts by row of the grid; those of query r begin at {@code r · rowStride}
 * @param rowStride    floats from query to query
 * @param columns      parts by column of the grid; those of query r begin at {@code r · columnStride}
 * @param columnStride floats from query to query
 */
record GridParts(float[] rows, int rowStride, float[] columns, int columnStride) {
}
