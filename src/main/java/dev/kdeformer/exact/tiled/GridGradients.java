package dev.kdeformer.exact.tiled;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;

/**
 * Adds up the derivatives by the row's and the column's part of a bias over a grid of keys, key y · width + x. Keys of
 * one grid row or column are spread over all shares of a head, so that each share has sums of its own, for the queries
 * of a phase, which are added in the order of the shares.
 */
final class GridGradients {
    private final Tensor rows;
    private final Tensor columns;
    private final int height;
    private final int width;
    /** For each share and each place, first of rows and then of columns, a sum for every query of the phase. */
    private float[][] ofShares = new float[0][];
    private int queries;

    /**
     * Sums that are added to two tensors.
     *
     * @param rows    (batch or 1, heads or 1, n, height)
     * @param columns (batch or 1, heads or 1, n, width)
     */
    GridGradients(Tensor rows, Tensor columns) {
        this.rows = rows;
        this.columns = columns;
        this.height = rows.shape().columns();
        this.width = columns.shape().columns();
    }

    /** Starts some queries of a head whose keys are dealt to some shares. */
    void begin(int shares, int count) {
        queries = count;
        int floats = (height + width) * count;
        if (ofShares.length != shares || shares > 0 && ofShares[0].length < floats) {
            ofShares = new float[shares][floats];
        }
        for (float[] share : ofShares) {
            Arrays.fill(share, 0, floats, 0);
        }
    }

    /**
     * Adds the derivatives of a tile of keys and some queries.
     *
     * @param query  place of the first query among those of the phase
     * @param slopes a row for each key with row distance STRIDE, a column for each query
     */
    void add(int share, int query, int count, int key, int keys, float[] slopes) {
        float[] sums = ofShares[share];
        for (int r = 0; r < keys; r++) {
            int row = (key + r) / width * queries + query;
            int column = (height + (key + r) % width) * queries + query;
            for (int i = 0; i < count; i++) {
                sums[row + i] += slopes[r * Lanes.STRIDE + i];
            }
            for (int i = 0; i < count; i++) {
                sums[column + i] += slopes[r * Lanes.STRIDE + i];
            }
        }
    }

    /** Adds the queries of the phase, the first of which is {@code from}, to what a head has so far. */
    void end(int batch, int head, int from) {
        addTo(rows, batch, head, from, 0);
        addTo(columns, batch, head, from, height);
    }

    private void addTo(Tensor tensor, int batch, int head, int from, int firstPlace) {
        Matrix target = tensor.sharedMatrix(batch, head);
        for (int i = 0; i < queries; i++) {
            for (int place = 0; place < target.columns(); place++) {
                double sum = target.get(from + i, place);
                for (float[] share : ofShares) {
                    sum += share[(firstPlace + place) * queries + i];
                }
                target.set(from + i, place, (float) sum);
            }
        }
    }
}
