package dev.kdeformer.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ShapeTest {
    private static final int MAX = Integer.MAX_VALUE;

    @Test
    void countsElements() {
        assertEquals(210, Shape.of(2, 3, 5, 7).elements());
        assertEquals(15, Shape.of(3, 5).elements());
        assertEquals(new Shape(1, 1, 3, 5), Shape.of(3, 5));
        assertEquals(MAX, Shape.of(1, 1, 1, MAX).elements());
        assertEquals(1L << 60, Shape.of(1 << 15, 1 << 15, 1 << 15, 1 << 15).elements());
        assertEquals("(2, 3, 5, 7)", Shape.of(2, 3, 5, 7).toString());
        assertEquals(Shape.of(2, 3, 5, 11), Shape.of(2, 3, 5, 7).withColumns(11));
        assertNotEquals(Shape.of(2, 3, 5, 7), Shape.of(2, 3, 7, 5));
    }

    @Test
    void refusesSizesThatAreTooSmall() {
        refused("batch must be at least 1, got 0", 0, 1, 1, 1);
        refused("heads must be at least 1, got -1", 1, -1, 1, 1);
        refused("rows must be at least 0, got -1", 1, 1, -1, 1);
        refused("columns must be at least 0, got -2147483648", 1, 1, 1, Integer.MIN_VALUE);
        assertThrows(IllegalArgumentException.class, () -> Shape.of(2, 3).withColumns(-1));
        refused("shape (4097, 4096, 0, 3) has more than 2^24 heads without elements", 4097, 4096, 0, 3);
    }

    @Test
    void refusesMoreElementsThanCanBeAddressed() {
        int[][] shapes = {{1, 1, MAX, MAX}, {MAX, MAX, 1, 1}, {MAX, MAX, MAX, MAX},
            {1 << 15, 1 << 15, 1 << 15, (1 << 15) + 1}, {1 << 30, 1 << 30, 1 << 2, 1},
            {1 << 30, 1 << 2, 1 << 30, 1}, {1 << 16, 1 << 16, 1 << 16, 1 << 16},
            {1 << 16, 1 << 16, 1 << 16, 1 << 15}, {1, 2, MAX, 1 << 30}};
        for (int[] s : shapes) {
            refused("shape (" + s[0] + ", " + s[1] + ", " + s[2] + ", " + s[3] + ") has more than 2^60 elements",
                    s[0], s[1], s[2], s[3]);
        }
    }

    private static void refused(String message, int batch, int heads, int rows, int columns) {
        assertEquals(message, assertThrows(IllegalArgumentException.class,
                () -> Shape.of(batch, heads, rows, columns)).getMessage());
    }
}
