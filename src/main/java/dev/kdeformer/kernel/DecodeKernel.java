package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.kernel.Lanes.load;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;

/**
 * Products of one or a few queries with groups of {@link #GROUP} keys. With so few rows every product waits for memory,
 * so the tiles are low and each reads its right operand once, in order.
 *
 * <p>A group of keys is feature-major, GROUP keys to a line, whatever the machine's vectors; a group of values is
 * key-major with rows of {@link Lanes#padColumns} floats.
 */
public final class DecodeKernel {
    /** Keys in a group; a multiple of two vectors of any width. */
    public static final int GROUP = 32;

    private static final long LINE = GROUP * 4L;

    private DecodeKernel() {
    }

    /**
     * Writes the logits of {@code rows} queries and one group of keys.
     *
     * @param q    queries, {@code qStride} floats from row to row
     * @param keys address of the group, d × GROUP floats
     * @param s    receives the logits with row distance STRIDE from index {@code s0} on
     */
    public static void logits(float[] q, int qStride, int rows, int d, long keys, float[] s, int s0) {
        for (int c = 0; c < GROUP; c += 2 * LANES) {
            int r = 0;
            for (; r + 4 <= rows; r += 4) {
                logits4x2(q, r * qStride, qStride, d, keys + c * 4L, s, s0 + r * STRIDE + c);
            }
            for (; r < rows; r++) {
                logits1x2(q, r * qStride, d, keys + c * 4L, s, s0 + r * STRIDE + c);
            }
        }
    }

    /** The scalar reference of {@link #logits}. */
    static void logitsScalar(float[] q, int qStride, int rows, int d, long keys, float[] s, int s0) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < GROUP; j++) {
                double sum = 0;
                for (int i = 0; i < d; i++) {
                    sum += (double) q[r * qStride + i] * Memory.getFloat(keys + i * LINE + j * 4L);
                }
                s[s0 + r * STRIDE + j] = (float) sum;
            }
        }
    }

    private static void logits1x2(float[] q, int q0, int d, long keys, float[] s, int s0) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, b0 = a0, b1 = a0;
        int i = 0;
        for (; i + 2 <= d; i += 2) {
            long k = keys + i * LINE;
            FloatVector x = FloatVector.broadcast(FLOATS, q[q0 + i]);
            a0 = fma(x, load(k), a0);
            a1 = fma(x, load(k + VECTOR_BYTES), a1);
            FloatVector y = FloatVector.broadcast(FLOATS, q[q0 + i + 1]);
            b0 = fma(y, load(k + LINE), b0);
            b1 = fma(y, load(k + LINE + VECTOR_BYTES), b1);
        }
        if (i < d) {
            FloatVector x = FloatVector.broadcast(FLOATS, q[q0 + i]);
            a0 = fma(x, load(keys + i * LINE), a0);
            a1 = fma(x, load(keys + i * LINE + VECTOR_BYTES), a1);
        }
        a0.add(b0).intoArray(s, s0);
        a1.add(b1).intoArray(s, s0 + LANES);
    }

    private static void logits4x2(float[] q, int q0, int qStride, int d, long keys, float[] s, int s0) {
        FloatVector a00 = FloatVector.zero(FLOATS), a01 = a00, a10 = a00, a11 = a00;
        FloatVector a20 = a00, a21 = a00, a30 = a00, a31 = a00;
        for (int i = 0; i < d; i++) {
            long k = keys + i * LINE;
            int a = q0 + i;
            FloatVector b0 = load(k);
            FloatVector b1 = load(k + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, q[a]);
            a00 = FUSED ? x0.fma(b0, a00) : x0.mul(b0).add(a00);
            a01 = FUSED ? x0.fma(b1, a01) : x0.mul(b1).add(a01);
            FloatVector x1 = FloatVector.broadcast(FLOATS, q[a + qStride]);
            a10 = FUSED ? x1.fma(b0, a10) : x1.mul(b0).add(a10);
            a11 = FUSED ? x1.fma(b1, a11) : x1.mul(b1).add(a11);
            FloatVector x2 = FloatVector.broadcast(FLOATS, q[a + 2 * qStride]);
            a20 = FUSED ? x2.fma(b0, a20) : x2.mul(b0).add(a20);
            a21 = FUSED ? x2.fma(b1, a21) : x2.mul(b1).add(a21);
            FloatVector x3 = FloatVector.broadcast(FLOATS, q[a + 3 * qStride]);
            a30 = FUSED ? x3.fma(b0, a30) : x3.mul(b0).add(a30);
            a31 = FUSED ? x3.fma(b1, a31) : x3.mul(b1).add(a31);
        }
        a00.intoArray(s, s0);
        a01.intoArray(s, s0 + LANES);
        a10.intoArray(s, s0 + STRIDE);
        a11.intoArray(s, s0 + STRIDE + LANES);
        a20.intoArray(s, s0 + 2 * STRIDE);
        a21.intoArray(s, s0 + 2 * STRIDE + LANES);
        a30.intoArray(s, s0 + 3 * STRIDE);
        a31.intoArray(s, s0 + 3 * STRIDE + LANES);
    }

    /**
     * Adds p · v for one row of weights and {@code keys} value rows: summed from zero, then added as a whole.
     *
     * @param p       weights from index {@code p0} on
     * @param values  address of the first value row, {@code vectors} whole vectors to a row
     * @param o       sums from index {@code o0} on
     */
    public static void values(float[] p, int p0, int keys, long values, int vectors, float[] o, int o0) {
        long rowBytes = vectors * VECTOR_BYTES;
        int v = 0;
        for (; v + 4 <= vectors; v += 4) {
            values1x4(p, p0, keys, values + v * VECTOR_BYTES, rowBytes, o, o0 + v * LANES);
        }
        for (; v < vectors; v++) {
            values1x1(p, p0, keys, values + v * VECTOR_BYTES, rowBytes, o, o0 + v * LANES);
        }
    }

    /** The scalar reference of {@link #values}. */
    static void valuesScalar(float[] p, int p0, int keys, long values, int vectors, float[] o, int o0) {
        for (int c = 0; c < vectors * LANES; c++) {
            double sum = o[o0 + c];
            for (int j = 0; j < keys; j++) {
                sum += (double) p[p0 + j] * Memory.getFloat(values + j * (vectors * VECTOR_BYTES) + c * 4L);
            }
            o[o0 + c] = (float) sum;
        }
    }

    private static void values1x4(float[] p, int p0, int keys, long values, long rowBytes, float[] o, int o0) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        for (int j = 0; j < keys; j++) {
            long b = values + j * rowBytes;
            FloatVector x = FloatVector.broadcast(FLOATS, p[p0 + j]);
            a0 = fma(x, load(b), a0);
            a1 = fma(x, load(b + VECTOR_BYTES), a1);
            a2 = fma(x, load(b + 2 * VECTOR_BYTES), a2);
            a3 = fma(x, load(b + 3 * VECTOR_BYTES), a3);
        }
        FloatVector.fromArray(FLOATS, o, o0).add(a0).intoArray(o, o0);
        FloatVector.fromArray(FLOATS, o, o0 + LANES).add(a1).intoArray(o, o0 + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * LANES).add(a2).intoArray(o, o0 + 2 * LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * LANES).add(a3).intoArray(o, o0 + 3 * LANES);
    }

    private static void values1x1(float[] p, int p0, int keys, long values, long rowBytes, float[] o, int o0) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        int j = 0;
        for (; j + 4 <= keys; j += 4) {
            long b = values + j * rowBytes;
            a0 = fma(FloatVector.broadcast(FLOATS, p[p0 + j]), load(b), a0);
            a1 = fma(FloatVector.broadcast(FLOATS, p[p0 + j + 1]), load(b + rowBytes), a1);
            a2 = fma(FloatVector.broadcast(FLOATS, p[p0 + j + 2]), load(b + 2 * rowBytes), a2);
            a3 = fma(FloatVector.broadcast(FLOATS, p[p0 + j + 3]), load(b + 3 * rowBytes), a3);
        }
        for (; j < keys; j++) {
            a0 = fma(FloatVector.broadcast(FLOATS, p[p0 + j]), load(values + j * rowBytes), a0);
        }
        FloatVector.fromArray(FLOATS, o, o0).add(a0.add(a1).add(a2.add(a3))).intoArray(o, o0);
    }
}
