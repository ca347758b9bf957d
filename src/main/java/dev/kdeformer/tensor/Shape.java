package dev.kdeformer.tensor;

/**
 * The shape of an attention tensor: (batch, heads, rows, columns). Rows are sequence positions (n queries or m keys),
 * columns are the features of one head (d or d_v).
 *
 * @param batch   number of independent items, at least 1
 * @param heads   number of heads of an item, at least 1
 * @param rows    sequence length, at least 1
 * @param columns features of a row, at least 1
 */
public record Shape(int batch, int heads, int rows, int columns) {
    /**
     * Checks the four sizes.
     *
     * @throws IllegalArgumentException if a size is below 1 or the tensor would have more than 2⁶⁰ elements
     */
    public Shape {
        positive("batch", batch);
        positive("heads", heads);
        positive("rows", rows);
        positive("columns", columns);
        if (Math.multiplyHigh((long) batch * heads, (long) rows * columns) != 0
                || (long) batch * heads * ((long) rows * columns) > 1L << 60
                || (long) batch * heads * ((long) rows * columns) < 0) {
            throw new IllegalArgumentException("shape (" + batch + ", " + heads + ", " + rows + ", " + columns
                    + ") has more than 2^60 elements");
        }
    }

    /** The shape of a single matrix: batch and heads are 1. */
    public static Shape of(int rows, int columns) {
        return new Shape(1, 1, rows, columns);
    }

    /** The shape (batch, heads, rows, columns). */
    public static Shape of(int batch, int heads, int rows, int columns) {
        return new Shape(batch, heads, rows, columns);
    }

    /** Number of elements, batch · heads · rows · columns. */
    public long elements() {
        return (long) batch * heads * ((long) rows * columns);
    }

    /** The same batch, heads and rows with another number of columns. */
    public Shape withColumns(int newColumns) {
        return new Shape(batch, heads, rows, newColumns);
    }

    @Override
    public String toString() {
        return "(" + batch + ", " + heads + ", " + rows + ", " + columns + ")";
    }

    private static void positive(String name, int value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be at least 1, got " + value);
        }
    }
}
