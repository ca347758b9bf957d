package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.WIDE;
import static dev.kdeformer.pilot.tile.FoldBlock.ROOM;

import dev.kdeformer.pilot.keys.Rows;

/**
 * Weighted sums of rows picked by index: what folding keys into groups is made of. Up to {@link #NODES} nodes weigh the
 * same rows, so that a row is loaded once for all of them. Every sum is that of its terms one after another, whatever
 * the other nodes are.
 */
public final class FoldKernel {
    /** Nodes that share the rows. */
    public static final int NODES = 4;

    private FoldKernel() {
    }

    /**
     * sum += Σ w_j x_j, and squares += Σ w_j x_j².
     *
     * @param block the rows, and the weights of all nodes
     * @param node  the first node
     * @param nodes 1, or more for all {@link #NODES}
     * @param sums  of the node i after the first from index {@code at + i · width} on: those of rows, and those of
     *              squares one stride later
     */
    public static void moments(Rows x, FoldBlock block, int node, int nodes, float[] sums, int at, int width) {
        long rowBytes = x.stride() * 4L;
        for (int c = 0; c < x.stride();) {
            long column = x.address() + c * 4L;
            boolean pair = c + 2 * LANES <= x.stride();
            if (nodes == 1 && pair) {
                FoldTiles.moments1x2(column, rowBytes, block, node, sums, at + c);
            } else if (nodes == 1) {
                FoldTiles.moments1x1(column, rowBytes, block, node, sums, at + c);
            } else if (WIDE && pair) {
                FoldTiles.moments4x2(column, rowBytes, block, node, sums, at + c, width);
            } else {
                FoldTiles.moments4x1(column, rowBytes, block, node, sums, at + c, width);
                pair = false;
            }
            c += pair ? 2 * LANES : LANES;
        }
    }

    /** sum += Σ w_j x_j; arguments as for {@link #moments}. */
    public static void sum(Rows x, FoldBlock block, int node, int nodes, float[] sums, int at, int width) {
        long rowBytes = x.stride() * 4L;
        for (int c = 0; c < x.stride();) {
            long column = x.address() + c * 4L;
            boolean pair = c + 2 * LANES <= x.stride();
            if (nodes == 1 && pair) {
                FoldTiles.sum1x2(column, rowBytes, block, node, sums, at + c);
            } else if (nodes == 1) {
                FoldTiles.sum1x1(column, rowBytes, block, node, sums, at + c);
            } else if (pair) {
                FoldTiles.sum4x2(column, rowBytes, block, node, sums, at + c, width);
            } else {
                FoldTiles.sum4x1(column, rowBytes, block, node, sums, at + c, width);
            }
            c += pair ? 2 * LANES : LANES;
        }
    }

    /** The scalar reference of {@link #moments} and {@link #sum} for one node: row j to the power {@code power}. */
    public static void scalar(Rows x, int power, FoldBlock block, int node, float[] sums, int at) {
        for (int c = 0; c < x.stride(); c++) {
            double sum = sums[at + c];
            for (int j = 0; j < block.count; j++) {
                sum += block.weights[node * ROOM + j] * Math.pow(x.get(block.index[j], c), power);
            }
            sums[at + c] = (float) sum;
        }
    }
}
