package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.WIDE;

import dev.kdeformer.runtime.Memory;

/**
 * Sums of outer products: o += xᵀ · b, where the rows of x and of the panel b are the inner dimension. The left operand
 * is read as it lies in memory, so that the gradient of a weight matrix needs no transpose of its activations; that is
 * the difference to {@link dev.kdeformer.kernel.ValueKernel}, whose left operand has the inner dimension in its rows.
 */
final class OuterKernel {
    /** Rows of o that a register tile has. */
    static final int ROWS = WIDE ? 12 : 6;

    /** Most rows of o, and so columns of x, of a tile; a multiple of ROWS for every width. */
    static final int TILE = 96;

    /**
     * Row distance of x. A constant, so that the compiler takes the range checks out of the loop; the extra line keeps
     * rows out of each other's cache sets.
     */
    static final int STRIDE = TILE + 16;

    private OuterKernel() {
    }

    /**
     * Adds to {@code rows} rows of o, rounded up to a multiple of ROWS, and {@link Panels#WIDTH} columns.
     *
     * @param x       inner × rows, row distance STRIDE, from its first element on
     * @param right   address of a panel, inner × WIDTH
     * @param o       sums, row distance {@code oStride}, from index {@code o0} on
     */
    static void add(float[] x, int rows, int inner, long right, float[] o, int o0, int oStride) {
        for (int r = 0; r < rows; r += ROWS) {
            if (WIDE) {
                OuterTiles.add12x2(x, r, inner, right, o, o0 + r * oStride, oStride);
            } else if (inner % 2 == 0) {
                OuterTiles.add6x2Pairs(x, r, inner, right, o, o0 + r * oStride, oStride);
            } else {
                OuterTiles.add6x2(x, r, inner, right, o, o0 + r * oStride, oStride);
            }
        }
    }

    /** The scalar reference of {@link #add}. */
    static void addScalar(float[] x, int rows, int inner, long right, float[] o, int o0, int oStride) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < Panels.WIDTH; c++) {
                double sum = o[o0 + r * oStride + c];
                for (int i = 0; i < inner; i++) {
                    sum += (double) x[i * STRIDE + r] * Memory.getFloat(right + i * Panels.LINE + c * 4L);
                }
                o[o0 + r * oStride + c] = (float) sum;
            }
        }
    }
}
