package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.kernel.Lanes.WIDE;
import static dev.kdeformer.kernel.Lanes.load;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;

/**
 * Logits of a tile of queries against one panel of packed keys: s = q · kᵀ + bias.
 *
 * <p>The query tile is row-major with the fixed row distance {@link Lanes#STRIDE}; a panel of keys is feature-major,
 * {@link Lanes#PANEL} keys to a line. A register tile of 6 queries × one panel stays in registers over all features;
 * the tiles are named by rows × vectors. The bias of the keys is what the accumulators start from, so it is free.
 */
public final class LogitKernel {
    /** Queries of one register tile. */
    public static final int ROWS = 6;

    private LogitKernel() {
    }

    /**
     * Writes the logits of {@code rows} queries, rounded up to a multiple of {@link #ROWS}, and one panel of keys.
     *
     * @param q    query tile, d ≤ {@link Lanes#DEPTH} features used
     * @param keys address of the panel, d × PANEL floats
     * @param bias address of PANEL floats, −∞ for keys that are only padding
     * @param s    receives the logits with row distance STRIDE from index {@code s0} on
     */
    public static void logits(float[] q, int rows, int d, long keys, long bias, float[] s, int s0) {
        logits(q, 0, rows, d, keys, bias, s, s0);
    }

    /**
     * Does the same with queries {@code from} to {@code to}, both of a whole tile, whose first logit is at {@code s0}.
     *
     * @param from a multiple of {@link #ROWS}
     */
    static void logits(float[] q, int from, int to, int d, long keys, long bias, float[] s, int s0) {
        if (!FUSED) {
            unfused(q, from, to, d, keys, bias, s, s0);
            return;
        }
        for (int r = from; r < to; r += ROWS) {
            if (WIDE) {
                logits6x4(q, r * STRIDE, d, keys, bias, s, s0 + r * STRIDE);
            } else if (d % 2 == 0) {
                NarrowTiles.logits6x2Pairs(q, r * STRIDE, d, keys, bias, s, s0 + r * STRIDE);
            } else {
                NarrowTiles.logits6x2(q, r * STRIDE, d, keys, bias, s, s0 + r * STRIDE);
            }
        }
    }

    /**
     * In two steps where there is no fused multiply-add, a vector at a time: a choice inside the register tiles costs
     * those that have it a fourteenth of their speed.
     */
    private static void unfused(float[] q, int from, int to, int d, long keys, long bias, float[] s, int s0) {
        for (int r = from; r < to; r++) {
            for (int c = 0; c < Lanes.PANEL; c += LANES) {
                FloatVector sum = load(bias + c * 4L);
                for (int i = 0; i < d; i++) {
                    sum = load(keys + ((long) i * Lanes.PANEL + c) * 4).mul(q[r * STRIDE + i]).add(sum);
                }
                sum.intoArray(s, s0 + r * STRIDE + c);
            }
        }
    }

    /** The scalar reference of {@link #logits}. */
    static void logitsScalar(float[] q, int rows, int d, long keys, long bias, float[] s, int s0) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < Lanes.PANEL; j++) {
                double sum = Memory.getFloat(bias + j * 4L);
                for (int i = 0; i < d; i++) {
                    sum += (double) q[r * STRIDE + i] * Memory.getFloat(keys + ((long) i * Lanes.PANEL + j) * 4);
                }
                s[s0 + r * STRIDE + j] = (float) sum;
            }
        }
    }

    private static void logits6x4(float[] q, int q0, int d, long keys, long bias, float[] s, int s0) {
        FloatVector b0 = load(bias);
        FloatVector b1 = load(bias + 1 * VECTOR_BYTES);
        FloatVector b2 = load(bias + 2 * VECTOR_BYTES);
        FloatVector b3 = load(bias + 3 * VECTOR_BYTES);
        FloatVector a00 = b0, a01 = b1, a02 = b2, a03 = b3;
        FloatVector a10 = b0, a11 = b1, a12 = b2, a13 = b3;
        FloatVector a20 = b0, a21 = b1, a22 = b2, a23 = b3;
        FloatVector a30 = b0, a31 = b1, a32 = b2, a33 = b3;
        FloatVector a40 = b0, a41 = b1, a42 = b2, a43 = b3;
        FloatVector a50 = b0, a51 = b1, a52 = b2, a53 = b3;
        for (int i = 0; i < d; i++) {
            long k = keys + (long) i * (4 * VECTOR_BYTES);
            int a = q0 + i;
            b0 = load(k);
            b1 = load(k + 1 * VECTOR_BYTES);
            b2 = load(k + 2 * VECTOR_BYTES);
            b3 = load(k + 3 * VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, q[a]);
            a00 = x0.fma(b0, a00);
            a01 = x0.fma(b1, a01);
            a02 = x0.fma(b2, a02);
            a03 = x0.fma(b3, a03);
            FloatVector x1 = FloatVector.broadcast(FLOATS, q[a + 1 * STRIDE]);
            a10 = x1.fma(b0, a10);
            a11 = x1.fma(b1, a11);
            a12 = x1.fma(b2, a12);
            a13 = x1.fma(b3, a13);
            FloatVector x2 = FloatVector.broadcast(FLOATS, q[a + 2 * STRIDE]);
            a20 = x2.fma(b0, a20);
            a21 = x2.fma(b1, a21);
            a22 = x2.fma(b2, a22);
            a23 = x2.fma(b3, a23);
            FloatVector x3 = FloatVector.broadcast(FLOATS, q[a + 3 * STRIDE]);
            a30 = x3.fma(b0, a30);
            a31 = x3.fma(b1, a31);
            a32 = x3.fma(b2, a32);
            a33 = x3.fma(b3, a33);
            FloatVector x4 = FloatVector.broadcast(FLOATS, q[a + 4 * STRIDE]);
            a40 = x4.fma(b0, a40);
            a41 = x4.fma(b1, a41);
            a42 = x4.fma(b2, a42);
            a43 = x4.fma(b3, a43);
            FloatVector x5 = FloatVector.broadcast(FLOATS, q[a + 5 * STRIDE]);
            a50 = x5.fma(b0, a50);
            a51 = x5.fma(b1, a51);
            a52 = x5.fma(b2, a52);
            a53 = x5.fma(b3, a53);
        }
        a00.intoArray(s, s0);
        a01.intoArray(s, s0 + 1 * LANES);
        a02.intoArray(s, s0 + 2 * LANES);
        a03.intoArray(s, s0 + 3 * LANES);
        a10.intoArray(s, s0 + 1 * STRIDE);
        a11.intoArray(s, s0 + 1 * STRIDE + 1 * LANES);
        a12.intoArray(s, s0 + 1 * STRIDE + 2 * LANES);
        a13.intoArray(s, s0 + 1 * STRIDE + 3 * LANES);
        a20.intoArray(s, s0 + 2 * STRIDE);
        a21.intoArray(s, s0 + 2 * STRIDE + 1 * LANES);
        a22.intoArray(s, s0 + 2 * STRIDE + 2 * LANES);
        a23.intoArray(s, s0 + 2 * STRIDE + 3 * LANES);
        a30.intoArray(s, s0 + 3 * STRIDE);
        a31.intoArray(s, s0 + 3 * STRIDE + 1 * LANES);
        a32.intoArray(s, s0 + 3 * STRIDE + 2 * LANES);
        a33.intoArray(s, s0 + 3 * STRIDE + 3 * LANES);
        a40.intoArray(s, s0 + 4 * STRIDE);
        a41.intoArray(s, s0 + 4 * STRIDE + 1 * LANES);
        a42.intoArray(s, s0 + 4 * STRIDE + 2 * LANES);
        a43.intoArray(s, s0 + 4 * STRIDE + 3 * LANES);
        a50.intoArray(s, s0 + 5 * STRIDE);
        a51.intoArray(s, s0 + 5 * STRIDE + 1 * LANES);
        a52.intoArray(s, s0 + 5 * STRIDE + 2 * LANES);
        a53.intoArray(s, s0 + 5 * STRIDE + 3 * LANES);
    }
}
