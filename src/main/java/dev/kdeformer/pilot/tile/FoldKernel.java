package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.kernel.Lanes.WIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.pilot.keys.Rows;
import jdk.incubator.vector.FloatVector;

/**
 * Weighted sums of rows picked by index: what folding keys into groups is made of. Up to {@link #NODES} nodes weigh the
 * same rows, so that a row is loaded once for all of them. Every sum is that of its terms one after another, whatever
 * the other nodes are.
 *
 * <p>Register tiles are named by nodes × vectors.
 */
public final class FoldKernel {
    /** Nodes that share the rows. */
    public static final int NODES = 4;

    /** Most rows that one call takes. */
    public static final int BLOCK = 128;

    /** Distance of the nodes' weights: compressed vectors are stored whole, and lines keep out of each other's sets. */
    public static final int ROOM = BLOCK + 2 * LANES;

    private FoldKernel() {
    }

    /**
     * sum += Σ w_j x_j, and squares += Σ w_j x_j².
     *
     * @param index   the rows
     * @param weights of node i from index {@code from + i · ROOM} on
     * @param nodes   1, or more for all {@link #NODES}
     * @param sums    of node i from index {@code i · width} on: those of rows at {@code at}, of squares one stride later
     */
    public static void moments(Rows x, int[] index, float[] weights, int from, int nodes, int count, float[] sums, int at,
            int width) {
        long rowBytes = x.stride() * 4L;
        for (int c = 0; c < x.stride();) {
            long column = x.address() + c * 4L;
            int to = at + c;
            int squares = to + x.stride();
            boolean pair = c + 2 * LANES <= x.stride();
            if (nodes == 1 && pair) {
                moments1x2(column, rowBytes, index, weights, from, count, sums, to, squares);
            } else if (nodes == 1) {
                moments1x1(column, rowBytes, index, weights, from, count, sums, to, squares);
            } else if (WIDE && pair) {
                moments4x2(column, rowBytes, index, weights, from, count, sums, to, squares, width);
            } else {
                moments4x1(column, rowBytes, index, weights, from, count, sums, to, squares, width);
                pair = false;
            }
            c += pair ? 2 * LANES : LANES;
        }
    }

    /** sum += Σ w_j x_j; arguments as for {@link #moments}. */
    public static void sum(Rows x, int[] index, float[] weights, int from, int nodes, int count, float[] sums, int at,
            int width) {
        long rowBytes = x.stride() * 4L;
        for (int c = 0; c < x.stride();) {
            long column = x.address() + c * 4L;
            boolean pair = c + 2 * LANES <= x.stride();
            if (nodes == 1 && pair) {
                sum1x2(column, rowBytes, index, weights, from, count, sums, at + c);
            } else if (nodes == 1) {
                sum1x1(column, rowBytes, index, weights, from, count, sums, at + c);
            } else if (pair) {
                sum4x2(column, rowBytes, index, weights, from, count, sums, at + c, width);
            } else {
                sum4x1(column, rowBytes, index, weights, from, count, sums, at + c, width);
            }
            c += pair ? 2 * LANES : LANES;
        }
    }

    /** The scalar reference of {@link #moments} and {@link #sum}: row j to the power {@code power}. */
    public static void scalar(Rows x, int power, int[] index, float[] weights, int from, int nodes, int count, float[] sums,
            int at, int width) {
        for (int i = 0; i < nodes; i++) {
            for (int c = 0; c < x.stride(); c++) {
                double sum = sums[i * width + at + c];
                for (int j = 0; j < count; j++) {
                    sum += weights[from + i * ROOM + j] * Math.pow(x.get(index[j], c), power);
                }
                sums[i * width + at + c] = (float) sum;
            }
        }
    }

    private static void moments4x2(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at, int squares, int width) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector q01 = FloatVector.fromArray(FLOATS, sums, squares + LANES);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector q10 = FloatVector.fromArray(FLOATS, sums, squares + width);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + width + LANES);
        FloatVector q11 = FloatVector.fromArray(FLOATS, sums, squares + width + LANES);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector q20 = FloatVector.fromArray(FLOATS, sums, squares + 2 * width);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * width + LANES);
        FloatVector q21 = FloatVector.fromArray(FLOATS, sums, squares + 2 * width + LANES);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        FloatVector q30 = FloatVector.fromArray(FLOATS, sums, squares + 3 * width);
        FloatVector s31 = FloatVector.fromArray(FLOATS, sums, at + 3 * width + LANES);
        FloatVector q31 = FloatVector.fromArray(FLOATS, sums, squares + 3 * width + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector x1 = v1.mul(v1);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
            q00 = w0.fma(x0, q00);
            s01 = w0.fma(v1, s01);
            q01 = w0.fma(x1, q01);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = w1.fma(v0, s10);
            q10 = w1.fma(x0, q10);
            s11 = w1.fma(v1, s11);
            q11 = w1.fma(x1, q11);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = w2.fma(v0, s20);
            q20 = w2.fma(x0, q20);
            s21 = w2.fma(v1, s21);
            q21 = w2.fma(x1, q21);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = w3.fma(v0, s30);
            q30 = w3.fma(x0, q30);
            s31 = w3.fma(v1, s31);
            q31 = w3.fma(x1, q31);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
        s01.intoArray(sums, at + LANES);
        q01.intoArray(sums, squares + LANES);
        s10.intoArray(sums, at + width);
        q10.intoArray(sums, squares + width);
        s11.intoArray(sums, at + width + LANES);
        q11.intoArray(sums, squares + width + LANES);
        s20.intoArray(sums, at + 2 * width);
        q20.intoArray(sums, squares + 2 * width);
        s21.intoArray(sums, at + 2 * width + LANES);
        q21.intoArray(sums, squares + 2 * width + LANES);
        s30.intoArray(sums, at + 3 * width);
        q30.intoArray(sums, squares + 3 * width);
        s31.intoArray(sums, at + 3 * width + LANES);
        q31.intoArray(sums, squares + 3 * width + LANES);
    }

    private static void moments4x1(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at, int squares, int width) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector q10 = FloatVector.fromArray(FLOATS, sums, squares + width);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector q20 = FloatVector.fromArray(FLOATS, sums, squares + 2 * width);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        FloatVector q30 = FloatVector.fromArray(FLOATS, sums, squares + 3 * width);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
            q00 = w0.fma(x0, q00);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = w1.fma(v0, s10);
            q10 = w1.fma(x0, q10);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = w2.fma(v0, s20);
            q20 = w2.fma(x0, q20);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = w3.fma(v0, s30);
            q30 = w3.fma(x0, q30);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
        s10.intoArray(sums, at + width);
        q10.intoArray(sums, squares + width);
        s20.intoArray(sums, at + 2 * width);
        q20.intoArray(sums, squares + 2 * width);
        s30.intoArray(sums, at + 3 * width);
        q30.intoArray(sums, squares + 3 * width);
    }

    private static void moments1x2(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at, int squares) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector q01 = FloatVector.fromArray(FLOATS, sums, squares + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector x1 = v1.mul(v1);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
            q00 = w0.fma(x0, q00);
            s01 = w0.fma(v1, s01);
            q01 = w0.fma(x1, q01);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
        s01.intoArray(sums, at + LANES);
        q01.intoArray(sums, squares + LANES);
    }

    private static void moments1x1(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at, int squares) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector q00 = FloatVector.fromArray(FLOATS, sums, squares);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector x0 = v0.mul(v0);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
            q00 = w0.fma(x0, q00);
        }
        s00.intoArray(sums, at);
        q00.intoArray(sums, squares);
    }

    private static void sum4x2(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at, int width) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector s11 = FloatVector.fromArray(FLOATS, sums, at + width + LANES);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector s21 = FloatVector.fromArray(FLOATS, sums, at + 2 * width + LANES);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        FloatVector s31 = FloatVector.fromArray(FLOATS, sums, at + 3 * width + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
            s01 = w0.fma(v1, s01);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = w1.fma(v0, s10);
            s11 = w1.fma(v1, s11);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = w2.fma(v0, s20);
            s21 = w2.fma(v1, s21);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = w3.fma(v0, s30);
            s31 = w3.fma(v1, s31);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + LANES);
        s10.intoArray(sums, at + width);
        s11.intoArray(sums, at + width + LANES);
        s20.intoArray(sums, at + 2 * width);
        s21.intoArray(sums, at + 2 * width + LANES);
        s30.intoArray(sums, at + 3 * width);
        s31.intoArray(sums, at + 3 * width + LANES);
    }

    private static void sum4x1(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at, int width) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s10 = FloatVector.fromArray(FLOATS, sums, at + width);
        FloatVector s20 = FloatVector.fromArray(FLOATS, sums, at + 2 * width);
        FloatVector s30 = FloatVector.fromArray(FLOATS, sums, at + 3 * width);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
            FloatVector w1 = FloatVector.broadcast(FLOATS, weights[from + ROOM + j]);
            s10 = w1.fma(v0, s10);
            FloatVector w2 = FloatVector.broadcast(FLOATS, weights[from + 2 * ROOM + j]);
            s20 = w2.fma(v0, s20);
            FloatVector w3 = FloatVector.broadcast(FLOATS, weights[from + 3 * ROOM + j]);
            s30 = w3.fma(v0, s30);
        }
        s00.intoArray(sums, at);
        s10.intoArray(sums, at + width);
        s20.intoArray(sums, at + 2 * width);
        s30.intoArray(sums, at + 3 * width);
    }

    private static void sum1x2(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        FloatVector s01 = FloatVector.fromArray(FLOATS, sums, at + LANES);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector v1 = Lanes.load(row + VECTOR_BYTES);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
            s01 = w0.fma(v1, s01);
        }
        s00.intoArray(sums, at);
        s01.intoArray(sums, at + LANES);
    }

    private static void sum1x1(long column, long rowBytes, int[] index, float[] weights, int from, int count,
            float[] sums, int at) {
        FloatVector s00 = FloatVector.fromArray(FLOATS, sums, at);
        for (int j = 0; j < count; j++) {
            long row = column + index[j] * rowBytes;
            FloatVector v0 = Lanes.load(row);
            FloatVector w0 = FloatVector.broadcast(FLOATS, weights[from + j]);
            s00 = w0.fma(v0, s00);
        }
        s00.intoArray(sums, at);
    }
}
