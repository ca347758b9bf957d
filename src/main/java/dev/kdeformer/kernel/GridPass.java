package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import jdk.incubator.vector.VectorShuffle;

/** Where in a grid the keys of one pass of the exponential lie, a vector of them at a time. */
final class GridPass {
    private static final int VECTORS = ExpKernel.COLUMNS / LANES;

    /** Rows that the lanes take from that of the first on, by the place of a row that the first lies at. */
    private final VectorShuffle<?>[] rows = new VectorShuffle<?>[LANES + 1];
    private final VectorShuffle<?>[] lanes = new VectorShuffle<?>[VECTORS];
    private final int[] row = new int[VECTORS];
    private final int[] column = new int[VECTORS];
    private int width;

    /** Begins a grid of rows of {@code places} places. */
    void begin(int places) {
        if (width == places) {
            return;
        }
        width = places;
        for (int i = 0; i < rows.length; i++) {
            int first = width <= LANES ? i : width - i;
            rows[i] = VectorShuffle.fromOp(FLOATS, lane -> Math.max(0, first + lane) / width % LANES);
        }
    }

    /**
     * Moves to the pass of keys from {@code firstKey + column} on.
     *
     * @param firstRow row of the grid that rows are counted from
     */
    void move(int firstKey, int from, int firstRow) {
        for (int v = 0; v < VECTORS; v++) {
            int key = firstKey + from + v * LANES;
            int place = key % width;
            row[v] = key / width - firstRow;
            column[v] = width > Lanes.STEP ? key - firstKey : place;
            lanes[v] = rows[width <= LANES ? place : Math.min(LANES, width - place)];
        }
    }

    /** Row of the grid that a vector's first key lies in. */
    int row(int vector) {
        return row[vector];
    }

    /** Where the parts by column of a vector begin. */
    int column(int vector) {
        return column[vector];
    }

    /** The rows of a vector's lanes, counted from that of the first. */
    @SuppressWarnings("unchecked")
    VectorShuffle<Float> lanes(int vector) {
        return (VectorShuffle<Float>) lanes[vector];
    }
}
