package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import jdk.incubator.vector.FloatVector;

/**
 * Products of many rows with a few columns, such as directions to hash by or queries to try keys on: out = start +
 * x · columns. Lanes are columns, so the rows need no packing: they are read once, in the order they have.
 *
 * <p>Columns are stored in vectors: element i of column c is at {@code [c / LANES][i][c mod LANES]}. A register tile
 * of 8 rows × one vector has as many independent sums as hide the latency of a multiply-add on two units. Every sum
 * is taken in the order of the elements, so it does not depend on the vector width or on the other rows.
 */
public final class ProjectionKernel {
    /** Rows of one call. */
    public static final int ROWS = 8;

    private ProjectionKernel() {
    }

    /** Index of element {@code i} of column {@code c} among columns of d elements. */
    public static int index(int c, int i, int d) {
        return (c / LANES * d + i) * LANES + c % LANES;
    }

    /** Columns rounded up to whole vectors. */
    public static int pad(int columns) {
        return Lanes.roundUp(columns, LANES);
    }

    /**
     * Projects {@link #ROWS} rows.
     *
     * @param x       rows of d elements that follow each other from index {@code x0} on
     * @param columns the columns, padded to whole vectors
     * @param starts  what every column's sums start from; its length is the padded number of columns
     * @param out     receives ROWS rows of as many sums
     */
    public static void project(float[] x, int x0, int d, float[] columns, float[] starts, float[] out) {
        for (int c = 0; c < starts.length; c += LANES) {
            project8x1(x, x0, d, columns, starts, c, out);
        }
    }

    private static void project8x1(float[] x, int x0, int d, float[] columns, float[] starts, int c,
            float[] out) {
        int at = c * d;
        int stride = starts.length;
        FloatVector start = FloatVector.fromArray(FLOATS, starts, c);
        FloatVector s0 = start, s1 = start, s2 = start, s3 = start, s4 = start, s5 = start, s6 = start, s7 = start;
        for (int i = 0; i < d; i++) {
            FloatVector g = FloatVector.fromArray(FLOATS, columns, at + i * LANES);
            int a = x0 + i;
            s0 = fma(FloatVector.broadcast(FLOATS, x[a]), g, s0);
            s1 = fma(FloatVector.broadcast(FLOATS, x[a + d]), g, s1);
            s2 = fma(FloatVector.broadcast(FLOATS, x[a + 2 * d]), g, s2);
            s3 = fma(FloatVector.broadcast(FLOATS, x[a + 3 * d]), g, s3);
            s4 = fma(FloatVector.broadcast(FLOATS, x[a + 4 * d]), g, s4);
            s5 = fma(FloatVector.broadcast(FLOATS, x[a + 5 * d]), g, s5);
            s6 = fma(FloatVector.broadcast(FLOATS, x[a + 6 * d]), g, s6);
            s7 = fma(FloatVector.broadcast(FLOATS, x[a + 7 * d]), g, s7);
        }
        s0.intoArray(out, c);
        s1.intoArray(out, c + stride);
        s2.intoArray(out, c + 2 * stride);
        s3.intoArray(out, c + 3 * stride);
        s4.intoArray(out, c + 4 * stride);
        s5.intoArray(out, c + 5 * stride);
        s6.intoArray(out, c + 6 * stride);
        s7.intoArray(out, c + 7 * stride);
    }

    /** The scalar reference of {@link #project}, which gives the same bits. */
    static void projectScalar(float[] x, int x0, int d, float[] columns, float[] starts, float[] out) {
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < starts.length; c++) {
                float sum = starts[c];
                for (int i = 0; i < d; i++) {
                    sum = fma(x[x0 + r * d + i], columns[index(c, i, d)], sum);
                }
                out[r * starts.length + c] = sum;
            }
        }
    }
}
