package dev.kdeformer.linalg;

/**
 * Sums x xᵀ over rows x. Rows are gathered in a block, whose sum is one matrix product. The result depends on the order
 * of the rows only by rounding. For one thread at a time.
 */
public final class Gram {
    private static final int ROWS = 32;

    private final int columns;
    private final int width;
    private final double[] sum;
    private final double[] row;
    private final double[] block;
    private final double[] transposed;
    private int held;

    /**
     * A sum of nothing.
     *
     * @param columns length of the rows
     */
    public Gram(int columns) {
        this.columns = columns;
        this.width = Product.pad(columns);
        this.sum = new double[Math.multiplyExact(columns, width)];
        this.row = new double[columns];
        this.block = new double[ROWS * width];
        this.transposed = new double[columns * ROWS];
    }

    /** An array of {@code columns} elements to put the next row in; {@link #add()} then takes it up. */
    public double[] next() {
        return row;
    }

    /** Takes up the row that was put in {@link #next}. */
    public void add() {
        System.arraycopy(row, 0, block, held * width, columns);
        for (int c = 0; c < columns; c++) {
            transposed[c * ROWS + held] = row[c];
        }
        if (++held == ROWS) {
            flush();
        }
    }

    /** Adds another sum, in place. */
    public void add(Gram other) {
        flush();
        other.flush();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += other.sum[i];
        }
    }

    /** The sum, a symmetric columns × columns matrix; a new array. */
    public double[] matrix() {
        flush();
        double[] matrix = new double[columns * columns];
        for (int i = 0; i < columns; i++) {
            System.arraycopy(sum, i * width, matrix, i * columns, columns);
        }
        return matrix;
    }

    /** The sum of the squares of all elements of all rows. */
    public double trace() {
        flush();
        double trace = 0;
        for (int i = 0; i < columns; i++) {
            trace += sum[i * width + i];
        }
        return trace;
    }

    private void flush() {
        new Product(block, held, width).add(transposed, 0, ROWS, sum, 0, columns);
        held = 0;
    }
}
