package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STEP;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/**
 * The biases per pair of a tile of queries, read as they lie and added to the logits of one step of keys after the
 * other. What is a function of the distance is held once for all rows, and what lies over a grid as its two parts, so
 * that what is read stays in the first cache. Kept per thread.
 */
final class PairTile {
    /** Rows of a grid whose parts are read at a time: few long pieces are read faster than many short ones. */
    private static final int GRID_ROWS = 64;

    private LogitTerms.Pairs pairs;
    private float unit;
    private int firstQuery;
    private int rows;
    private int firstKey;

    /** Whose biases of a step the tiles of a thread share, so that they stay in the cache. */
    private final PairTile owner;
    private float[] biases = new float[0];

    private float[] columnParts = new float[0];
    private float[] rowParts = new float[0];
    private int width;
    private int columnStride;
    private int rowStride;
    /** First row of the grid whose part is held. */
    private int gridRow;
    private GridParts gridParts;
    private final GridPass places = new GridPass();

    PairTile() {
        owner = this;
    }

    /** Biases of a tile that takes turns with those of another: for the same thread. */
    PairTile(PairTile other) {
        owner = other.owner;
    }

    /** Begins a tile of {@code count} queries. */
    void begin(LogitTerms.Pairs newPairs, int query, int count) {
        pairs = newPairs;
        firstQuery = query;
        rows = count;
        if (pairs.columnParts() != null) {
            beginGrid(pairs.columnParts());
        }
    }

    private void beginGrid(Matrix parts) {
        width = parts.columns();
        boolean whole = width <= STEP;
        places.begin(width);
        columnStride = whole ? width + LANES : STEP;
        // A step begins within a row of the grid, and the last vector is read beyond what it needs.
        rowStride = Math.max(GRID_ROWS, (STEP - 1) / width + 2) + LANES;
        gridRow = -rowStride;
        columnParts = room(columnParts, rows * columnStride);
        rowParts = room(rowParts, rows * rowStride);
        gridParts = new GridParts(rowParts, rowStride, columnParts, columnStride);
        if (whole) {
            for (int r = 0; r < rows; r++) {
                int at = r * columnStride;
                parts.readRow(firstQuery + r, columnParts, at);
                // Further on they repeat, so that a vector may begin anywhere.
                for (int c = 0; c < LANES; c++) {
                    columnParts[at + width + c] = columnParts[at + c];
                }
            }
        }
    }

    private float[] biases(int length) {
        owner.biases = room(owner.biases, length);
        return owner.biases;
    }

    private static float[] room(float[] array, int length) {
        return array.length < length ? new float[length] : array;
    }

    /**
     * The key of [from, to) where the first row's bias is the largest, if biases are a function of the distance and
     * that of the first key is less by more than {@code least}; −1 otherwise. Row r has its peak r keys further on.
     */
    int peak(int from, int to, float least) {
        if (!pairs.slide()) {
            return -1;
        }
        float[] biases = biases(QueryTile.ROWS + STEP);
        float first = 0;
        float top = Float.NEGATIVE_INFINITY;
        int peak = -1;
        for (int key = from; key < to; key += STEP) {
            int count = Math.min(STEP, to - key);
            pairs.fill(firstQuery, 1, key, count, biases, 0);
            first = key == from ? biases[0] : first;
            for (int c = 0; c < count; c++) {
                peak = biases[c] > top ? key + c : peak;
                top = Math.max(top, biases[c]);
            }
        }
        return top - first > least ? peak : -1;
    }

    /**
     * Begins a step of up to STEP keys.
     *
     * @param scale what biases are multiplied by
     */
    void step(int key, int count, float scale) {
        unit = scale;
        firstKey = key;
        if (pairs.slide()) {
            float[] biases = biases(QueryTile.ROWS + STEP);
            int places = rows - 1 + count;
            pairs.fill(firstQuery + rows - 1, 1, key, places, biases, 0);
            Arrays.fill(biases, places, rows - 1 + Lanes.padKeys(count), 0);
            TermKernel.scale(biases, rows - 1 + count, unit);
        } else if (pairs.columnParts() != null) {
            stepOfGrid();
        } else {
            // For the whole step at once: a few long pieces of rows are read faster than many short ones.
            pairs.fill(firstQuery, rows, key, count, biases(QueryTile.ROWS * STEP), STEP);
        }
    }

    private void stepOfGrid() {
        int y = firstKey / width;
        if (y < gridRow || (firstKey + STEP - 1) / width >= gridRow + rowStride - LANES) {
            gridRow = y;
            Matrix parts = pairs.rowParts();
            int count = Math.min(rowStride, parts.columns() - y);
            for (int r = 0; r < rows; r++) {
                parts.readPart(firstQuery + r, y, count, rowParts, r * rowStride);
            }
        }
        if (width > STEP) {
            int x = firstKey % width;
            int before = Math.min(STEP, width - x);
            for (int r = 0; r < rows; r++) {
                int at = r * columnStride;
                pairs.columnParts().readPart(firstQuery + r, x, before, columnParts, at);
                pairs.columnParts().readPart(firstQuery + r, 0, STEP - before, columnParts, at + before);
            }
        }
    }

    /** Adds the biases of rows [from, to) in one pass of the exponential, from {@code column} of the step on. */
    void add(float[] s, int column, int from, int to) {
        int s0 = column + from * STRIDE;
        if (pairs.slide()) {
            TermKernel.addSliding(s, s0, to - from, ExpKernel.COLUMNS, owner.biases, rows - 1 - from + column);
        } else if (pairs.columnParts() != null) {
            places.move(firstKey, column, gridRow);
            TermKernel.addGrid(s, column, from, to, unit, gridParts, places);
        } else {
            TermKernel.add(s, s0, to - from, ExpKernel.COLUMNS,
                    new BiasRows(owner.biases, column + from * STEP, STEP), unit);
        }
    }
}
