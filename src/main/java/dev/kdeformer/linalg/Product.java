package dev.kdeformer.linalg;

import static dev.kdeformer.runtime.MultiplyAdd.fma;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Matrix products in double precision, for the few places where single precision is not exact enough. Tiles of four
 * rows and two vectors stay in registers along the whole inner dimension.
 */
public final class Product {
    private static final VectorSpecies<Double> SPECIES = DoubleVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();
    private static final int WIDTH = 2 * LANES;

    private final double[] b;
    private final int inner;
    private final int columns;

    /**
     * Makes products with a right factor B.
     *
     * @param b       B, inner × columns, row-major from its first element on; read when a product is taken
     * @param columns a number that {@link #pad} returned
     */
    public Product(double[] b, int inner, int columns) {
        this.b = b;
        this.inner = inner;
        this.columns = columns;
    }

    /** The least number of columns of B and C, not below {@code columns}, that {@link #add} takes. */
    public static int pad(int columns) {
        return Math.ceilDiv(columns, WIDTH) * WIDTH;
    }

    /**
     * Adds A·B to C. Each element of C gets the same bits whatever the number of rows.
     *
     * @param a A, rows × inner, row-major from element {@code aStart} on, {@code aStride} elements from row to row
     * @param c C, rows × columns, row-major from element {@code cStart} on
     */
    public void add(double[] a, int aStart, int aStride, double[] c, int cStart, int rows) {
        for (int j = 0; j < columns; j += WIDTH) {
            int i = 0;
            for (; i + 4 <= rows; i += 4) {
                four(a, aStart + i * aStride, aStride, j, c, cStart + i * columns + j);
            }
            for (; i < rows; i++) {
                one(a, aStart + i * aStride, j, c, cStart + i * columns + j);
            }
        }
    }

    private void four(double[] a, int from, int aStride, int column, double[] c, int to) {
        int to1 = to + columns;
        int to2 = to1 + columns;
        int to3 = to2 + columns;
        DoubleVector c00 = DoubleVector.fromArray(SPECIES, c, to);
        DoubleVector c01 = DoubleVector.fromArray(SPECIES, c, to + LANES);
        DoubleVector c10 = DoubleVector.fromArray(SPECIES, c, to1);
        DoubleVector c11 = DoubleVector.fromArray(SPECIES, c, to1 + LANES);
        DoubleVector c20 = DoubleVector.fromArray(SPECIES, c, to2);
        DoubleVector c21 = DoubleVector.fromArray(SPECIES, c, to2 + LANES);
        DoubleVector c30 = DoubleVector.fromArray(SPECIES, c, to3);
        DoubleVector c31 = DoubleVector.fromArray(SPECIES, c, to3 + LANES);
        for (int k = 0; k < inner; k++) {
            DoubleVector b0 = DoubleVector.fromArray(SPECIES, b, k * columns + column);
            DoubleVector b1 = DoubleVector.fromArray(SPECIES, b, k * columns + column + LANES);
            DoubleVector a0 = DoubleVector.broadcast(SPECIES, a[from + k]);
            c00 = fma(a0, b0, c00);
            c01 = fma(a0, b1, c01);
            DoubleVector a1 = DoubleVector.broadcast(SPECIES, a[from + aStride + k]);
            c10 = fma(a1, b0, c10);
            c11 = fma(a1, b1, c11);
            DoubleVector a2 = DoubleVector.broadcast(SPECIES, a[from + 2 * aStride + k]);
            c20 = fma(a2, b0, c20);
            c21 = fma(a2, b1, c21);
            DoubleVector a3 = DoubleVector.broadcast(SPECIES, a[from + 3 * aStride + k]);
            c30 = fma(a3, b0, c30);
            c31 = fma(a3, b1, c31);
        }
        c00.intoArray(c, to);
        c01.intoArray(c, to + LANES);
        c10.intoArray(c, to1);
        c11.intoArray(c, to1 + LANES);
        c20.intoArray(c, to2);
        c21.intoArray(c, to2 + LANES);
        c30.intoArray(c, to3);
        c31.intoArray(c, to3 + LANES);
    }

    private void one(double[] a, int from, int column, double[] c, int to) {
        DoubleVector c0 = DoubleVector.fromArray(SPECIES, c, to);
        DoubleVector c1 = DoubleVector.fromArray(SPECIES, c, to + LANES);
        for (int k = 0; k < inner; k++) {
            DoubleVector x = DoubleVector.broadcast(SPECIES, a[from + k]);
            c0 = fma(x, DoubleVector.fromArray(SPECIES, b, k * columns + column), c0);
            c1 = fma(x, DoubleVector.fromArray(SPECIES, b, k * columns + column + LANES), c1);
        }
        c0.intoArray(c, to);
        c1.intoArray(c, to + LANES);
    }
}
