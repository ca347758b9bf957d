package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.NOWHERE;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.kernel.Lanes.load;

import jdk.incubator.vector.FloatVector;

/**
 * The register tiles of {@link LogitKernel} and {@link ValueKernel} where there are 16 registers, named
 * by rows × vectors, with fused multiply-adds. Those of pairs take two features or keys in each turn of
 * the loop and want an even number of them: where another thread shares the core, what counts is how
 * many instructions there are. Written by NarrowBodies in the tests, which is what to change.
 */
final class NarrowTiles {
    private NarrowTiles() {
    }

    static void logits6x2(float[] q, int q0, int d, long keys, long bias, float[] s, int s0) {
        FloatVector a0_0 = load(bias);
        FloatVector a0_1 = load(bias + VECTOR_BYTES);
        FloatVector a1_0 = a0_0;
        FloatVector a1_1 = a0_1;
        FloatVector a2_0 = a0_0;
        FloatVector a2_1 = a0_1;
        FloatVector a3_0 = a0_0;
        FloatVector a3_1 = a0_1;
        FloatVector a4_0 = a0_0;
        FloatVector a4_1 = a0_1;
        FloatVector a5_0 = a0_0;
        FloatVector a5_1 = a0_1;
        for (int i = 0; i < d; i++) {
            int a = q0 + i;
            long b = keys + (long) i * (2 * VECTOR_BYTES);
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, q[a]);
            a0_0 = x0.fma(b0, a0_0);
            a0_1 = x0.fma(b1, a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, q[a + STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            a1_1 = x1.fma(b1, a1_1);
            if (b < NOWHERE) {
                break;
            }
            FloatVector x2 = FloatVector.broadcast(FLOATS, q[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            a2_1 = x2.fma(b1, a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, q[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            a3_1 = x3.fma(b1, a3_1);
            if (b < 2 * NOWHERE) {
                break;
            }
            FloatVector x4 = FloatVector.broadcast(FLOATS, q[a + 4 * STRIDE]);
            a4_0 = x4.fma(b0, a4_0);
            a4_1 = x4.fma(b1, a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, q[a + 5 * STRIDE]);
            a5_0 = x5.fma(b0, a5_0);
            a5_1 = x5.fma(b1, a5_1);
        }
        a0_0.intoArray(s, s0);
        a0_1.intoArray(s, s0 + LANES);
        a1_0.intoArray(s, s0 + STRIDE);
        a1_1.intoArray(s, s0 + STRIDE + LANES);
        a2_0.intoArray(s, s0 + 2 * STRIDE);
        a2_1.intoArray(s, s0 + 2 * STRIDE + LANES);
        a3_0.intoArray(s, s0 + 3 * STRIDE);
        a3_1.intoArray(s, s0 + 3 * STRIDE + LANES);
        a4_0.intoArray(s, s0 + 4 * STRIDE);
        a4_1.intoArray(s, s0 + 4 * STRIDE + LANES);
        a5_0.intoArray(s, s0 + 5 * STRIDE);
        a5_1.intoArray(s, s0 + 5 * STRIDE + LANES);
    }

    static void logits6x2Pairs(float[] q, int q0, int d, long keys, long bias, float[] s, int s0) {
        FloatVector a0_0 = load(bias);
        FloatVector a0_1 = load(bias + VECTOR_BYTES);
        FloatVector a1_0 = a0_0;
        FloatVector a1_1 = a0_1;
        FloatVector a2_0 = a0_0;
        FloatVector a2_1 = a0_1;
        FloatVector a3_0 = a0_0;
        FloatVector a3_1 = a0_1;
        FloatVector a4_0 = a0_0;
        FloatVector a4_1 = a0_1;
        FloatVector a5_0 = a0_0;
        FloatVector a5_1 = a0_1;
        for (int i = 0; i < d; i += 2) {
            int a = q0 + i;
            long b = keys + (long) i * (2 * VECTOR_BYTES);
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, q[a]);
            a0_0 = x0.fma(b0, a0_0);
            a0_1 = x0.fma(b1, a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, q[a + STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            a1_1 = x1.fma(b1, a1_1);
            if (b < NOWHERE) {
                break;
            }
            FloatVector x2 = FloatVector.broadcast(FLOATS, q[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            a2_1 = x2.fma(b1, a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, q[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            a3_1 = x3.fma(b1, a3_1);
            if (b < 2 * NOWHERE) {
                break;
            }
            FloatVector x4 = FloatVector.broadcast(FLOATS, q[a + 4 * STRIDE]);
            a4_0 = x4.fma(b0, a4_0);
            a4_1 = x4.fma(b1, a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, q[a + 5 * STRIDE]);
            a5_0 = x5.fma(b0, a5_0);
            a5_1 = x5.fma(b1, a5_1);
            if (b < 3 * NOWHERE) {
                break;
            }
            FloatVector b1_0 = load(b + (2 * VECTOR_BYTES));
            FloatVector b1_1 = load(b + (2 * VECTOR_BYTES) + VECTOR_BYTES);
            FloatVector x1_0 = FloatVector.broadcast(FLOATS, q[a + 1]);
            a0_0 = x1_0.fma(b1_0, a0_0);
            a0_1 = x1_0.fma(b1_1, a0_1);
            FloatVector x1_1 = FloatVector.broadcast(FLOATS, q[a + 1 + STRIDE]);
            a1_0 = x1_1.fma(b1_0, a1_0);
            a1_1 = x1_1.fma(b1_1, a1_1);
            if (b < 4 * NOWHERE) {
                break;
            }
            FloatVector x1_2 = FloatVector.broadcast(FLOATS, q[a + 1 + 2 * STRIDE]);
            a2_0 = x1_2.fma(b1_0, a2_0);
            a2_1 = x1_2.fma(b1_1, a2_1);
            FloatVector x1_3 = FloatVector.broadcast(FLOATS, q[a + 1 + 3 * STRIDE]);
            a3_0 = x1_3.fma(b1_0, a3_0);
            a3_1 = x1_3.fma(b1_1, a3_1);
            if (b < 5 * NOWHERE) {
                break;
            }
            FloatVector x1_4 = FloatVector.broadcast(FLOATS, q[a + 1 + 4 * STRIDE]);
            a4_0 = x1_4.fma(b1_0, a4_0);
            a4_1 = x1_4.fma(b1_1, a4_1);
            FloatVector x1_5 = FloatVector.broadcast(FLOATS, q[a + 1 + 5 * STRIDE]);
            a5_0 = x1_5.fma(b1_0, a5_0);
            a5_1 = x1_5.fma(b1_1, a5_1);
        }
        a0_0.intoArray(s, s0);
        a0_1.intoArray(s, s0 + LANES);
        a1_0.intoArray(s, s0 + STRIDE);
        a1_1.intoArray(s, s0 + STRIDE + LANES);
        a2_0.intoArray(s, s0 + 2 * STRIDE);
        a2_1.intoArray(s, s0 + 2 * STRIDE + LANES);
        a3_0.intoArray(s, s0 + 3 * STRIDE);
        a3_1.intoArray(s, s0 + 3 * STRIDE + LANES);
        a4_0.intoArray(s, s0 + 4 * STRIDE);
        a4_1.intoArray(s, s0 + 4 * STRIDE + LANES);
        a5_0.intoArray(s, s0 + 5 * STRIDE);
        a5_1.intoArray(s, s0 + 5 * STRIDE + LANES);
    }

    static void add6x2(float[] p, int p0, int keys, long values, long rowBytes, float[] o, int o0,
            int oStride) {
        FloatVector a0_0 = FloatVector.zero(FLOATS);
        FloatVector a0_1 = FloatVector.zero(FLOATS);
        FloatVector a1_0 = FloatVector.zero(FLOATS);
        FloatVector a1_1 = FloatVector.zero(FLOATS);
        FloatVector a2_0 = FloatVector.zero(FLOATS);
        FloatVector a2_1 = FloatVector.zero(FLOATS);
        FloatVector a3_0 = FloatVector.zero(FLOATS);
        FloatVector a3_1 = FloatVector.zero(FLOATS);
        FloatVector a4_0 = FloatVector.zero(FLOATS);
        FloatVector a4_1 = FloatVector.zero(FLOATS);
        FloatVector a5_0 = FloatVector.zero(FLOATS);
        FloatVector a5_1 = FloatVector.zero(FLOATS);
        for (int i = 0; i < keys; i++) {
            int a = p0 + i;
            long b = values + i * rowBytes;
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, p[a]);
            a0_0 = x0.fma(b0, a0_0);
            a0_1 = x0.fma(b1, a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, p[a + STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            a1_1 = x1.fma(b1, a1_1);
            if (b < NOWHERE) {
                break;
            }
            FloatVector x2 = FloatVector.broadcast(FLOATS, p[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            a2_1 = x2.fma(b1, a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, p[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            a3_1 = x3.fma(b1, a3_1);
            if (b < 2 * NOWHERE) {
                break;
            }
            FloatVector x4 = FloatVector.broadcast(FLOATS, p[a + 4 * STRIDE]);
            a4_0 = x4.fma(b0, a4_0);
            a4_1 = x4.fma(b1, a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, p[a + 5 * STRIDE]);
            a5_0 = x5.fma(b0, a5_0);
            a5_1 = x5.fma(b1, a5_1);
        }
        FloatVector.fromArray(FLOATS, o, o0).add(a0_0).intoArray(o, o0);
        FloatVector.fromArray(FLOATS, o, o0 + LANES).add(a0_1).intoArray(o, o0 + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + oStride).add(a1_0).intoArray(o, o0 + oStride);
        FloatVector.fromArray(FLOATS, o, o0 + oStride + LANES).add(a1_1).intoArray(o, o0 + oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride).add(a2_0).intoArray(o, o0 + 2 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride + LANES).add(a2_1).intoArray(o, o0 + 2 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride).add(a3_0).intoArray(o, o0 + 3 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride + LANES).add(a3_1).intoArray(o, o0 + 3 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride).add(a4_0).intoArray(o, o0 + 4 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride + LANES).add(a4_1).intoArray(o, o0 + 4 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride).add(a5_0).intoArray(o, o0 + 5 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride + LANES).add(a5_1).intoArray(o, o0 + 5 * oStride + LANES);
    }

    static void add6x2Pairs(float[] p, int p0, int keys, long values, float[] o, int o0,
            int oStride) {
        FloatVector a0_0 = FloatVector.zero(FLOATS);
        FloatVector a0_1 = FloatVector.zero(FLOATS);
        FloatVector a1_0 = FloatVector.zero(FLOATS);
        FloatVector a1_1 = FloatVector.zero(FLOATS);
        FloatVector a2_0 = FloatVector.zero(FLOATS);
        FloatVector a2_1 = FloatVector.zero(FLOATS);
        FloatVector a3_0 = FloatVector.zero(FLOATS);
        FloatVector a3_1 = FloatVector.zero(FLOATS);
        FloatVector a4_0 = FloatVector.zero(FLOATS);
        FloatVector a4_1 = FloatVector.zero(FLOATS);
        FloatVector a5_0 = FloatVector.zero(FLOATS);
        FloatVector a5_1 = FloatVector.zero(FLOATS);
        for (int i = 0; i < keys; i += 2) {
            int a = p0 + i;
            long b = values + (long) i * (2 * VECTOR_BYTES);
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, p[a]);
            a0_0 = x0.fma(b0, a0_0);
            a0_1 = x0.fma(b1, a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, p[a + STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            a1_1 = x1.fma(b1, a1_1);
            if (b < NOWHERE) {
                break;
            }
            FloatVector x2 = FloatVector.broadcast(FLOATS, p[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            a2_1 = x2.fma(b1, a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, p[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            a3_1 = x3.fma(b1, a3_1);
            if (b < 2 * NOWHERE) {
                break;
            }
            FloatVector x4 = FloatVector.broadcast(FLOATS, p[a + 4 * STRIDE]);
            a4_0 = x4.fma(b0, a4_0);
            a4_1 = x4.fma(b1, a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, p[a + 5 * STRIDE]);
            a5_0 = x5.fma(b0, a5_0);
            a5_1 = x5.fma(b1, a5_1);
            if (b < 3 * NOWHERE) {
                break;
            }
            FloatVector b1_0 = load(b + (2 * VECTOR_BYTES));
            FloatVector b1_1 = load(b + (2 * VECTOR_BYTES) + VECTOR_BYTES);
            FloatVector x1_0 = FloatVector.broadcast(FLOATS, p[a + 1]);
            a0_0 = x1_0.fma(b1_0, a0_0);
            a0_1 = x1_0.fma(b1_1, a0_1);
            FloatVector x1_1 = FloatVector.broadcast(FLOATS, p[a + 1 + STRIDE]);
            a1_0 = x1_1.fma(b1_0, a1_0);
            a1_1 = x1_1.fma(b1_1, a1_1);
            if (b < 4 * NOWHERE) {
                break;
            }
            FloatVector x1_2 = FloatVector.broadcast(FLOATS, p[a + 1 + 2 * STRIDE]);
            a2_0 = x1_2.fma(b1_0, a2_0);
            a2_1 = x1_2.fma(b1_1, a2_1);
            FloatVector x1_3 = FloatVector.broadcast(FLOATS, p[a + 1 + 3 * STRIDE]);
            a3_0 = x1_3.fma(b1_0, a3_0);
            a3_1 = x1_3.fma(b1_1, a3_1);
            if (b < 5 * NOWHERE) {
                break;
            }
            FloatVector x1_4 = FloatVector.broadcast(FLOATS, p[a + 1 + 4 * STRIDE]);
            a4_0 = x1_4.fma(b1_0, a4_0);
            a4_1 = x1_4.fma(b1_1, a4_1);
            FloatVector x1_5 = FloatVector.broadcast(FLOATS, p[a + 1 + 5 * STRIDE]);
            a5_0 = x1_5.fma(b1_0, a5_0);
            a5_1 = x1_5.fma(b1_1, a5_1);
        }
        FloatVector.fromArray(FLOATS, o, o0).add(a0_0).intoArray(o, o0);
        FloatVector.fromArray(FLOATS, o, o0 + LANES).add(a0_1).intoArray(o, o0 + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + oStride).add(a1_0).intoArray(o, o0 + oStride);
        FloatVector.fromArray(FLOATS, o, o0 + oStride + LANES).add(a1_1).intoArray(o, o0 + oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride).add(a2_0).intoArray(o, o0 + 2 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride + LANES).add(a2_1).intoArray(o, o0 + 2 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride).add(a3_0).intoArray(o, o0 + 3 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride + LANES).add(a3_1).intoArray(o, o0 + 3 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride).add(a4_0).intoArray(o, o0 + 4 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride + LANES).add(a4_1).intoArray(o, o0 + 4 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride).add(a5_0).intoArray(o, o0 + 5 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride + LANES).add(a5_1).intoArray(o, o0 + 5 * oStride + LANES);
    }
}
