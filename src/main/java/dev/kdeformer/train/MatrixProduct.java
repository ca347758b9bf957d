package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * The two products of a linear layer, over row-major activations: y += x · W and the gradient by the weights,
 * G += xᵀ · dY. Every element is summed in the same order whatever the number of threads.
 */
final class MatrixProduct {
    /** Columns of activations and weights are multiples of this: whole panels at every vector width. */
    static final int COLUMN_MULTIPLE = 32;

    /** Rows of activations that a task multiplies at a time; a multiple of the height of every register tile. */
    private static final int ROWS = OuterKernel.TILE;

    /** Rows of activations whose panels of gradients are held at the same time. */
    private static final int CHUNK = 2048;

    /** Columns of a weight gradient that a task sums at a time. */
    private static final int GROUP = 256;

    private MatrixProduct() {
    }

    /** y = x · w, where x has {@code rows} rows of {@code w.inner()} elements and y rows of {@code w.columns()}. */
    static void multiply(Team team, float[] x, int rows, Panels w, float[] y) {
        team.forEach(Math.ceilDiv(rows, ROWS), (block, scratch) -> {
            int from = block * ROWS;
            int count = Math.min(ROWS, rows - from);
            Arrays.fill(y, from * w.columns(), (from + count) * w.columns(), 0);
            scratch.keep(Tiles.class, Tiles::new).add(x, from, count, w, y);
        });
    }

    /** y += x · w. */
    static void multiplyAdd(Team team, float[] x, int rows, Panels w, float[] y) {
        team.forEach(Math.ceilDiv(rows, ROWS), (block, scratch) -> scratch.keep(Tiles.class, Tiles::new)
                .add(x, block * ROWS, Math.min(ROWS, rows - block * ROWS), w, y));
    }

    /** The scalar reference of {@link #multiplyAdd}. */
    static void multiplyAddScalar(float[] x, int rows, float[] w, int inner, int columns, float[] y) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                double sum = y[r * columns + c];
                for (int i = 0; i < inner; i++) {
                    sum += (double) x[r * inner + i] * w[i * columns + c];
                }
                y[r * columns + c] = (float) sum;
            }
        }
    }

    /** gradient += xᵀ · dy, where x has {@code rows} rows of {@code inner} elements and dy of {@code columns}. */
    static void addOuter(Team team, float[] x, int inner, float[] dy, int columns, int rows, float[] gradient) {
        int blocks = Math.ceilDiv(inner, ROWS);
        int groups = Math.ceilDiv(columns, GROUP);
        for (int start = 0; start < rows; start += CHUNK) {
            int first = start;
            int count = Math.min(CHUNK, rows - first);
            long mark = team.scratch().mark();
            Panels panels = new Panels(team.scratch().floats(Panels.floats(count, columns)), count, columns);
            team.forEach(Math.ceilDiv(count, DEPTH), (block, scratch) -> {
                int from = block * DEPTH;
                panels.pack(dy, (first + from) * columns, from, Math.min(count, from + DEPTH));
            });
            team.forEach(blocks * groups, (task, scratch) -> {
                int row = task % blocks * ROWS;
                int column = task / blocks * GROUP;
                scratch.keep(Tiles.class, Tiles::new).addOuter(x, first, inner, row, panels, column,
                        gradient);
            });
            team.scratch().release(mark);
        }
    }

    /** The scalar reference of {@link #addOuter}. */
    static void addOuterScalar(float[] x, int inner, float[] dy, int columns, int rows, float[] gradient) {
        for (int i = 0; i < inner; i++) {
            for (int c = 0; c < columns; c++) {
                double sum = gradient[i * columns + c];
                for (int r = 0; r < rows; r++) {
                    sum += (double) x[r * inner + i] * dy[r * columns + c];
                }
                gradient[i * columns + c] = (float) sum;
            }
        }
    }

    /** The left operand of a task in a compact copy, and sums where a register tile would reach beyond the matrix. */
    private static final class Tiles {
        private final float[] left = new float[ROWS * STRIDE];
        private final float[] outer = new float[DEPTH * OuterKernel.STRIDE];
        private float[] sums = new float[0];

        void add(float[] x, int from, int count, Panels w, float[] y) {
            int columns = w.columns();
            boolean whole = count == ROWS;
            float[] o = whole ? y : room(ROWS * columns);
            int o0 = whole ? from * columns : 0;
            if (!whole) {
                System.arraycopy(y, from * columns, o, 0, count * columns);
            }
            for (int step = 0; step < w.inner(); step += DEPTH) {
                int depth = Math.min(DEPTH, w.inner() - step);
                for (int r = 0; r < count; r++) {
                    System.arraycopy(x, (from + r) * w.inner() + step, left, r * STRIDE, depth);
                }
                for (int c = 0; c < columns; c += Panels.WIDTH) {
                    ValueKernel.add(left, 0, count, depth, w.at(step, c), Panels.LINE, 2, o, o0 + c, columns);
                }
            }
            if (!whole) {
                System.arraycopy(o, 0, y, from * columns, count * columns);
            }
        }

        void addOuter(float[] x, int first, int inner, int row, Panels dy, int column, float[] gradient) {
            int rows = Math.min(ROWS, inner - row);
            int columns = Math.min(GROUP, dy.columns() - column);
            float[] o = room(ROWS * columns);
            for (int r = 0; r < rows; r++) {
                System.arraycopy(gradient, (row + r) * dy.columns() + column, o, r * columns, columns);
            }
            for (int step = 0; step < dy.inner(); step += DEPTH) {
                int depth = Math.min(DEPTH, dy.inner() - step);
                for (int i = 0; i < depth; i++) {
                    System.arraycopy(x, (first + step + i) * inner + row, outer, i * OuterKernel.STRIDE, rows);
                }
                for (int c = 0; c < columns; c += Panels.WIDTH) {
                    OuterKernel.add(outer, rows, depth, dy.at(step, column + c), o, c, columns);
                }
            }
            for (int r = 0; r < rows; r++) {
                System.arraycopy(o, r * columns, gradient, (row + r) * dy.columns() + column, columns);
            }
        }

        private float[] room(int length) {
            if (sums.length < length) {
                sums = new float[length];
            }
            return sums;
        }
    }
}
