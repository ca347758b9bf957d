package dev.kdeformer.linalg;

import java.util.Arrays;

/**
 * Sums x xᵀ over rows x. Rows are taken up in groups of four, so that an element of the sum is loaded and stored once
 * for four products. The result depends on the order of the rows only by rounding. For one thread at a time.
 */
public final class Gram {
    private static final int GROUP = 4;

    private final int columns;
    private final double[] sum;
    private final double[][] rows;
    private int held;

    /**
     * A sum of nothing.
     *
     * @param columns length of the rows
     */
    public Gram(int columns) {
        this.columns = columns;
        this.sum = new double[Math.multiplyExact(columns, columns)];
        this.rows = new double[GROUP][columns];
    }

    /** An array to put the next row in; {@link #add} then takes it up. */
    public double[] next() {
        return rows[held];
    }

    /** Takes up the row that was put in {@link #next}. */
    public void add() {
        if (++held == GROUP) {
            flush();
        }
    }

    /** Adds another sum, in place. */
    public void add(Gram other) {
        other.flush();
        for (int i = 0; i < sum.length; i++) {
            sum[i] += other.sum[i];
        }
    }

    /** The sum, a symmetric columns × columns matrix; a new array. */
    public double[] matrix() {
        flush();
        double[] full = sum.clone();
        for (int i = 0; i < columns; i++) {
            for (int j = 0; j < i; j++) {
                full[i * columns + j] = full[j * columns + i];
            }
        }
        return full;
    }

    /** The sum of the squares of all elements of all rows. */
    public double trace() {
        flush();
        double trace = 0;
        for (int i = 0; i < columns; i++) {
            trace += sum[i * columns + i];
        }
        return trace;
    }

    /** Adds the rows held to the upper triangle. */
    private void flush() {
        if (held == 0) {
            return;
        }
        for (int r = held; r < GROUP; r++) {
            Arrays.fill(rows[r], 0);
        }
        held = 0;
        double[] a = rows[0];
        double[] b = rows[1];
        double[] c = rows[2];
        double[] d = rows[3];
        for (int i = 0; i < columns; i++) {
            double ai = a[i];
            double bi = b[i];
            double ci = c[i];
            double di = d[i];
            int start = i * columns;
            for (int j = i; j < columns; j++) {
                sum[start + j] += ai * a[j] + bi * b[j] + (ci * c[j] + di * d[j]);
            }
        }
    }
}
