package dev.kdeformer.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class MatrixTest {
    private static final int ROWS = 5;
    private static final int COLUMNS = 3;
    /** Strides of batch, head, row and column: packed, padded rows, every second column, transposed, interleaved. */
    private static final long[][] STRIDES = {{30, 15, 3, 1}, {60, 25, 4, 1}, {80, 40, 7, 2}, {30, 15, 1, 5},
        {1, 2, 12, 4}};

    private final float[] memory = new float[300];

    private Matrix matrix(long[] s) {
        for (int i = 0; i < memory.length; i++) {
            memory[i] = i;
        }
        Tensor tensor = Tensor.of(MemorySegment.ofArray(memory), Shape.of(2, 2, ROWS, COLUMNS), s[0], s[1], s[2], s[3]);
        return tensor.matrix(1, 1);
    }

    private static float expected(long[] s, int row, int column) {
        return s[0] + s[1] + row * s[2] + column * s[3];
    }

    @Test
    void readsRows() {
        for (long[] s : STRIDES) {
            Matrix matrix = matrix(s);
            assertEquals(ROWS, matrix.rows());
            assertEquals(COLUMNS, matrix.columns());
            float[] target = new float[COLUMNS + 4];
            for (int r = 0; r < ROWS; r++) {
                Arrays.fill(target, -1);
                matrix.readRow(r, target, 2);
                assertArrayEquals(new float[] {-1, -1, expected(s, r, 0), expected(s, r, 1), expected(s, r, 2), -1, -1},
                        target);
            }
        }
    }

    @Test
    void readsRunsOfRows() {
        for (long[] s : STRIDES) {
            Matrix matrix = matrix(s);
            for (int stride : new int[] {COLUMNS, COLUMNS + 2}) {
                float[] target = new float[40];
                Arrays.fill(target, -1);
                matrix.readRows(1, 4, target, 5, stride);
                for (int i = 0; i < target.length; i++) {
                    int row = (i - 5) / stride;
                    int column = (i - 5) % stride;
                    boolean inside = i >= 5 && row < 3 && column < COLUMNS;
                    assertEquals(inside ? expected(s, row + 1, column) : -1, target[i], "index " + i);
                }
                matrix.readRows(2, 2, new float[0], 0, stride);
            }
        }
    }

    @Test
    void writesRowsAndNothingElse() {
        for (long[] s : STRIDES) {
            Matrix matrix = matrix(s);
            float[] before = memory.clone();
            matrix.writeRow(3, new float[] {-1, -2, -3, -4, -5}, 1);
            for (int c = 0; c < COLUMNS; c++) {
                assertEquals(-2 - c, matrix.get(3, c));
                before[(int) expected(s, 3, c)] = -2 - c;
            }
            assertArrayEquals(before, memory);
            matrix.set(0, 2, 1000);
            before[(int) expected(s, 0, 2)] = 1000;
            assertArrayEquals(before, memory);
        }
    }

    @Test
    void copiesAll() {
        for (long[] s : STRIDES) {
            Matrix matrix = matrix(s);
            float[] all = matrix.toArray();
            assertEquals(ROWS * COLUMNS, all.length);
            for (int i = 0; i < all.length; i++) {
                assertEquals(expected(s, i / COLUMNS, i % COLUMNS), all[i]);
            }
        }
    }

    @Test
    void neverLeavesTheMemory() {
        Matrix matrix = Tensor.of(MemorySegment.ofArray(new float[15]), Shape.of(ROWS, COLUMNS)).matrix(0, 0);
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.get(5, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.get(-1, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.set(Integer.MAX_VALUE, 0, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.readRow(5, new float[3], 0));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.readRow(0, new float[3], 1));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.readRows(4, 6, new float[6], 0, 3));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.writeRow(5, new float[3], 0));
        assertThrows(IndexOutOfBoundsException.class, () -> matrix.writeRow(0, new float[3], 1));
    }
}
