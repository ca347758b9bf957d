package dev.kdeformer.tensor;

/**
 * The shape of an attention tensor: (batch, heads, rows, columns). Rows are sequence positions (n queries or m keys),
 * columns are the features of one head (d or d_v). A tensor without rows or columns has no elements.
 *
 * @param batch   number of independent items, at least 1
 * @param heads   number of heads of an item, at least 1
 * @param rows    sequence length, 0 or more
 * @param columns features of a row, 0 or more
 */
public record Shape(int batch, int heads, int rows, int columns) {
    /** Heads cost time to walk through even where no memory has set them a limit. */
    private static final int MOST_EMPTY_HEADS = 1 << 24;

    /**
     * Checks the four sizes.
     *
     * @throws IllegalArgumentException if there is no batch item or head, a size is negative, or the tensor would
     *                                  have more than 2⁶⁰ elements, or none and more than 2²⁴ heads
     */
    public Shape {
        atLeast(1, "batch", batch);
        atLeast(1, "heads", heads);
        atLeast(0, "rows", rows);
        atLeast(0, "columns", columns);
        if (Math.multiplyHigh((long) batch * heads, (long) rows * columns) != 0
                || (long) batch * heads * ((long) rows * columns) > 1L << 60
                || (long) batch * heads * ((long) rows * columns) < 0) {
            throw new IllegalArgumentException("shape (" + batch + ", " + heads + ", " + rows + ", " + columns
                    + ") has more than 2^60 elements");
        }
        if ((rows == 0 || columns == 0) && (long) batch * heads > MOST_EMPTY_HEADS) {
            throw new IllegalArgumentException("shape (" + batch + ", " + heads + ", " + rows + ", " + columns
                    + ") has more than 2^24 heads without elements");
        }
    }

    /** Returns the shape of a single matrix, with one batch item of one head. */
    public static Shape of(int rows, int columns) {
        return new Shape(1, 1, rows, columns);
    }

    /** Returns the shape (batch, heads, rows, columns). */
    public static Shape of(int batch, int heads, int rows, int columns) {
        return new Shape(batch, heads, rows, columns);
    }

    /** Returns the number of elements, batch · heads · rows · columns. */
    public long elements() {
        return (long) batch * heads * ((long) rows * columns);
    }

    /**
     * Returns a shape with the same batch, heads and rows and another number of columns.
     *
     * @throws IllegalArgumentException if the number is negative, or too large for the elements to be counted
     */
    public Shape withColumns(int newColumns) {
        return new Shape(batch, heads, rows, newColumns);
    }

    @Override
    public String toString() {
        return "(" + batch + ", " + heads + ", " + rows + ", " + columns + ")";
    }

    private static void atLeast(int least, String name, int value) {
        if (value < least) {
            throw new IllegalArgumentException(name + " must be at least " + least + ", got " + value);
        }
    }
}
