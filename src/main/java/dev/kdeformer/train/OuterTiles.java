package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.NOWHERE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.kernel.Lanes.load;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;
import static dev.kdeformer.train.OuterKernel.STRIDE;

import jdk.incubator.vector.FloatVector;

/**
 * The register tiles of {@link OuterKernel}, named by rows × vectors. That of pairs takes two rows of x
 * in each turn of the loop and wants an even number of them. Written by OuterBodies in the tests, which
 * is what to change.
 */
final class OuterTiles {
    private OuterTiles() {
    }

    static void add12x2(float[] x, int first, int inner, long right, float[] o, int o0, int oStride) {
        FloatVector a0_0 = FloatVector.fromArray(FLOATS, o, o0);
        FloatVector a0_1 = FloatVector.fromArray(FLOATS, o, o0 + LANES);
        FloatVector a1_0 = FloatVector.fromArray(FLOATS, o, o0 + oStride);
        FloatVector a1_1 = FloatVector.fromArray(FLOATS, o, o0 + oStride + LANES);
        FloatVector a2_0 = FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride);
        FloatVector a2_1 = FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride + LANES);
        FloatVector a3_0 = FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride);
        FloatVector a3_1 = FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride + LANES);
        FloatVector a4_0 = FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride);
        FloatVector a4_1 = FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride + LANES);
        FloatVector a5_0 = FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride);
        FloatVector a5_1 = FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride + LANES);
        FloatVector a6_0 = FloatVector.fromArray(FLOATS, o, o0 + 6 * oStride);
        FloatVector a6_1 = FloatVector.fromArray(FLOATS, o, o0 + 6 * oStride + LANES);
        FloatVector a7_0 = FloatVector.fromArray(FLOATS, o, o0 + 7 * oStride);
        FloatVector a7_1 = FloatVector.fromArray(FLOATS, o, o0 + 7 * oStride + LANES);
        FloatVector a8_0 = FloatVector.fromArray(FLOATS, o, o0 + 8 * oStride);
        FloatVector a8_1 = FloatVector.fromArray(FLOATS, o, o0 + 8 * oStride + LANES);
        FloatVector a9_0 = FloatVector.fromArray(FLOATS, o, o0 + 9 * oStride);
        FloatVector a9_1 = FloatVector.fromArray(FLOATS, o, o0 + 9 * oStride + LANES);
        FloatVector a10_0 = FloatVector.fromArray(FLOATS, o, o0 + 10 * oStride);
        FloatVector a10_1 = FloatVector.fromArray(FLOATS, o, o0 + 10 * oStride + LANES);
        FloatVector a11_0 = FloatVector.fromArray(FLOATS, o, o0 + 11 * oStride);
        FloatVector a11_1 = FloatVector.fromArray(FLOATS, o, o0 + 11 * oStride + LANES);
        for (int i = 0; i < inner; i++) {
            long b = right + i * Panels.LINE;
            int a = first + i * STRIDE;
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, x[a]);
            a0_0 = FUSED ? x0.fma(b0, a0_0) : x0.mul(b0).add(a0_0);
            a0_1 = FUSED ? x0.fma(b1, a0_1) : x0.mul(b1).add(a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, x[a + 1]);
            a1_0 = FUSED ? x1.fma(b0, a1_0) : x1.mul(b0).add(a1_0);
            a1_1 = FUSED ? x1.fma(b1, a1_1) : x1.mul(b1).add(a1_1);
            FloatVector x2 = FloatVector.broadcast(FLOATS, x[a + 2]);
            a2_0 = FUSED ? x2.fma(b0, a2_0) : x2.mul(b0).add(a2_0);
            a2_1 = FUSED ? x2.fma(b1, a2_1) : x2.mul(b1).add(a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, x[a + 3]);
            a3_0 = FUSED ? x3.fma(b0, a3_0) : x3.mul(b0).add(a3_0);
            a3_1 = FUSED ? x3.fma(b1, a3_1) : x3.mul(b1).add(a3_1);
            FloatVector x4 = FloatVector.broadcast(FLOATS, x[a + 4]);
            a4_0 = FUSED ? x4.fma(b0, a4_0) : x4.mul(b0).add(a4_0);
            a4_1 = FUSED ? x4.fma(b1, a4_1) : x4.mul(b1).add(a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, x[a + 5]);
            a5_0 = FUSED ? x5.fma(b0, a5_0) : x5.mul(b0).add(a5_0);
            a5_1 = FUSED ? x5.fma(b1, a5_1) : x5.mul(b1).add(a5_1);
            FloatVector x6 = FloatVector.broadcast(FLOATS, x[a + 6]);
            a6_0 = FUSED ? x6.fma(b0, a6_0) : x6.mul(b0).add(a6_0);
            a6_1 = FUSED ? x6.fma(b1, a6_1) : x6.mul(b1).add(a6_1);
            FloatVector x7 = FloatVector.broadcast(FLOATS, x[a + 7]);
            a7_0 = FUSED ? x7.fma(b0, a7_0) : x7.mul(b0).add(a7_0);
            a7_1 = FUSED ? x7.fma(b1, a7_1) : x7.mul(b1).add(a7_1);
            FloatVector x8 = FloatVector.broadcast(FLOATS, x[a + 8]);
            a8_0 = FUSED ? x8.fma(b0, a8_0) : x8.mul(b0).add(a8_0);
            a8_1 = FUSED ? x8.fma(b1, a8_1) : x8.mul(b1).add(a8_1);
            FloatVector x9 = FloatVector.broadcast(FLOATS, x[a + 9]);
            a9_0 = FUSED ? x9.fma(b0, a9_0) : x9.mul(b0).add(a9_0);
            a9_1 = FUSED ? x9.fma(b1, a9_1) : x9.mul(b1).add(a9_1);
            FloatVector x10 = FloatVector.broadcast(FLOATS, x[a + 10]);
            a10_0 = FUSED ? x10.fma(b0, a10_0) : x10.mul(b0).add(a10_0);
            a10_1 = FUSED ? x10.fma(b1, a10_1) : x10.mul(b1).add(a10_1);
            FloatVector x11 = FloatVector.broadcast(FLOATS, x[a + 11]);
            a11_0 = FUSED ? x11.fma(b0, a11_0) : x11.mul(b0).add(a11_0);
            a11_1 = FUSED ? x11.fma(b1, a11_1) : x11.mul(b1).add(a11_1);
        }
        a0_0.intoArray(o, o0);
        a0_1.intoArray(o, o0 + LANES);
        a1_0.intoArray(o, o0 + oStride);
        a1_1.intoArray(o, o0 + oStride + LANES);
        a2_0.intoArray(o, o0 + 2 * oStride);
        a2_1.intoArray(o, o0 + 2 * oStride + LANES);
        a3_0.intoArray(o, o0 + 3 * oStride);
        a3_1.intoArray(o, o0 + 3 * oStride + LANES);
        a4_0.intoArray(o, o0 + 4 * oStride);
        a4_1.intoArray(o, o0 + 4 * oStride + LANES);
        a5_0.intoArray(o, o0 + 5 * oStride);
        a5_1.intoArray(o, o0 + 5 * oStride + LANES);
        a6_0.intoArray(o, o0 + 6 * oStride);
        a6_1.intoArray(o, o0 + 6 * oStride + LANES);
        a7_0.intoArray(o, o0 + 7 * oStride);
        a7_1.intoArray(o, o0 + 7 * oStride + LANES);
        a8_0.intoArray(o, o0 + 8 * oStride);
        a8_1.intoArray(o, o0 + 8 * oStride + LANES);
        a9_0.intoArray(o, o0 + 9 * oStride);
        a9_1.intoArray(o, o0 + 9 * oStride + LANES);
        a10_0.intoArray(o, o0 + 10 * oStride);
        a10_1.intoArray(o, o0 + 10 * oStride + LANES);
        a11_0.intoArray(o, o0 + 11 * oStride);
        a11_1.intoArray(o, o0 + 11 * oStride + LANES);
    }

    static void add6x2(float[] x, int first, int inner, long right, float[] o, int o0, int oStride) {
        FloatVector a0_0 = FloatVector.fromArray(FLOATS, o, o0);
        FloatVector a0_1 = FloatVector.fromArray(FLOATS, o, o0 + LANES);
        FloatVector a1_0 = FloatVector.fromArray(FLOATS, o, o0 + oStride);
        FloatVector a1_1 = FloatVector.fromArray(FLOATS, o, o0 + oStride + LANES);
        FloatVector a2_0 = FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride);
        FloatVector a2_1 = FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride + LANES);
        FloatVector a3_0 = FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride);
        FloatVector a3_1 = FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride + LANES);
        FloatVector a4_0 = FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride);
        FloatVector a4_1 = FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride + LANES);
        FloatVector a5_0 = FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride);
        FloatVector a5_1 = FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride + LANES);
        for (int i = 0; i < inner; i++) {
            long b = right + i * Panels.LINE;
            int a = first + i * STRIDE;
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, x[a]);
            a0_0 = FUSED ? x0.fma(b0, a0_0) : x0.mul(b0).add(a0_0);
            a0_1 = FUSED ? x0.fma(b1, a0_1) : x0.mul(b1).add(a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, x[a + 1]);
            a1_0 = FUSED ? x1.fma(b0, a1_0) : x1.mul(b0).add(a1_0);
            a1_1 = FUSED ? x1.fma(b1, a1_1) : x1.mul(b1).add(a1_1);
            if (b < NOWHERE) {
                break;
            }
            FloatVector x2 = FloatVector.broadcast(FLOATS, x[a + 2]);
            a2_0 = FUSED ? x2.fma(b0, a2_0) : x2.mul(b0).add(a2_0);
            a2_1 = FUSED ? x2.fma(b1, a2_1) : x2.mul(b1).add(a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, x[a + 3]);
            a3_0 = FUSED ? x3.fma(b0, a3_0) : x3.mul(b0).add(a3_0);
            a3_1 = FUSED ? x3.fma(b1, a3_1) : x3.mul(b1).add(a3_1);
            if (b < 2 * NOWHERE) {
                break;
            }
            FloatVector x4 = FloatVector.broadcast(FLOATS, x[a + 4]);
            a4_0 = FUSED ? x4.fma(b0, a4_0) : x4.mul(b0).add(a4_0);
            a4_1 = FUSED ? x4.fma(b1, a4_1) : x4.mul(b1).add(a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, x[a + 5]);
            a5_0 = FUSED ? x5.fma(b0, a5_0) : x5.mul(b0).add(a5_0);
            a5_1 = FUSED ? x5.fma(b1, a5_1) : x5.mul(b1).add(a5_1);
        }
        a0_0.intoArray(o, o0);
        a0_1.intoArray(o, o0 + LANES);
        a1_0.intoArray(o, o0 + oStride);
        a1_1.intoArray(o, o0 + oStride + LANES);
        a2_0.intoArray(o, o0 + 2 * oStride);
        a2_1.intoArray(o, o0 + 2 * oStride + LANES);
        a3_0.intoArray(o, o0 + 3 * oStride);
        a3_1.intoArray(o, o0 + 3 * oStride + LANES);
        a4_0.intoArray(o, o0 + 4 * oStride);
        a4_1.intoArray(o, o0 + 4 * oStride + LANES);
        a5_0.intoArray(o, o0 + 5 * oStride);
        a5_1.intoArray(o, o0 + 5 * oStride + LANES);
    }

    static void add6x2Pairs(float[] x, int first, int inner, long right, float[] o, int o0, int oStride) {
        FloatVector a0_0 = FloatVector.fromArray(FLOATS, o, o0);
        FloatVector a0_1 = FloatVector.fromArray(FLOATS, o, o0 + LANES);
        FloatVector a1_0 = FloatVector.fromArray(FLOATS, o, o0 + oStride);
        FloatVector a1_1 = FloatVector.fromArray(FLOATS, o, o0 + oStride + LANES);
        FloatVector a2_0 = FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride);
        FloatVector a2_1 = FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride + LANES);
        FloatVector a3_0 = FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride);
        FloatVector a3_1 = FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride + LANES);
        FloatVector a4_0 = FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride);
        FloatVector a4_1 = FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride + LANES);
        FloatVector a5_0 = FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride);
        FloatVector a5_1 = FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride + LANES);
        for (int i = 0; i < inner; i += 2) {
            long b = right + i * Panels.LINE;
            int a = first + i * STRIDE;
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, x[a]);
            a0_0 = FUSED ? x0.fma(b0, a0_0) : x0.mul(b0).add(a0_0);
            a0_1 = FUSED ? x0.fma(b1, a0_1) : x0.mul(b1).add(a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, x[a + 1]);
            a1_0 = FUSED ? x1.fma(b0, a1_0) : x1.mul(b0).add(a1_0);
            a1_1 = FUSED ? x1.fma(b1, a1_1) : x1.mul(b1).add(a1_1);
            if (b < NOWHERE) {
                break;
            }
            FloatVector x2 = FloatVector.broadcast(FLOATS, x[a + 2]);
            a2_0 = FUSED ? x2.fma(b0, a2_0) : x2.mul(b0).add(a2_0);
            a2_1 = FUSED ? x2.fma(b1, a2_1) : x2.mul(b1).add(a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, x[a + 3]);
            a3_0 = FUSED ? x3.fma(b0, a3_0) : x3.mul(b0).add(a3_0);
            a3_1 = FUSED ? x3.fma(b1, a3_1) : x3.mul(b1).add(a3_1);
            if (b < 2 * NOWHERE) {
                break;
            }
            FloatVector x4 = FloatVector.broadcast(FLOATS, x[a + 4]);
            a4_0 = FUSED ? x4.fma(b0, a4_0) : x4.mul(b0).add(a4_0);
            a4_1 = FUSED ? x4.fma(b1, a4_1) : x4.mul(b1).add(a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, x[a + 5]);
            a5_0 = FUSED ? x5.fma(b0, a5_0) : x5.mul(b0).add(a5_0);
            a5_1 = FUSED ? x5.fma(b1, a5_1) : x5.mul(b1).add(a5_1);
            if (b < 3 * NOWHERE) {
                break;
            }
            FloatVector b1_0 = load(b + Panels.LINE);
            FloatVector b1_1 = load(b + Panels.LINE + VECTOR_BYTES);
            FloatVector x1_0 = FloatVector.broadcast(FLOATS, x[a + STRIDE]);
            a0_0 = FUSED ? x1_0.fma(b1_0, a0_0) : x1_0.mul(b1_0).add(a0_0);
            a0_1 = FUSED ? x1_0.fma(b1_1, a0_1) : x1_0.mul(b1_1).add(a0_1);
            FloatVector x1_1 = FloatVector.broadcast(FLOATS, x[a + STRIDE + 1]);
            a1_0 = FUSED ? x1_1.fma(b1_0, a1_0) : x1_1.mul(b1_0).add(a1_0);
            a1_1 = FUSED ? x1_1.fma(b1_1, a1_1) : x1_1.mul(b1_1).add(a1_1);
            if (b < 4 * NOWHERE) {
                break;
            }
            FloatVector x1_2 = FloatVector.broadcast(FLOATS, x[a + STRIDE + 2]);
            a2_0 = FUSED ? x1_2.fma(b1_0, a2_0) : x1_2.mul(b1_0).add(a2_0);
            a2_1 = FUSED ? x1_2.fma(b1_1, a2_1) : x1_2.mul(b1_1).add(a2_1);
            FloatVector x1_3 = FloatVector.broadcast(FLOATS, x[a + STRIDE + 3]);
            a3_0 = FUSED ? x1_3.fma(b1_0, a3_0) : x1_3.mul(b1_0).add(a3_0);
            a3_1 = FUSED ? x1_3.fma(b1_1, a3_1) : x1_3.mul(b1_1).add(a3_1);
            if (b < 5 * NOWHERE) {
                break;
            }
            FloatVector x1_4 = FloatVector.broadcast(FLOATS, x[a + STRIDE + 4]);
            a4_0 = FUSED ? x1_4.fma(b1_0, a4_0) : x1_4.mul(b1_0).add(a4_0);
            a4_1 = FUSED ? x1_4.fma(b1_1, a4_1) : x1_4.mul(b1_1).add(a4_1);
            FloatVector x1_5 = FloatVector.broadcast(FLOATS, x[a + STRIDE + 5]);
            a5_0 = FUSED ? x1_5.fma(b1_0, a5_0) : x1_5.mul(b1_0).add(a5_0);
            a5_1 = FUSED ? x1_5.fma(b1_1, a5_1) : x1_5.mul(b1_1).add(a5_1);
        }
        a0_0.intoArray(o, o0);
        a0_1.intoArray(o, o0 + LANES);
        a1_0.intoArray(o, o0 + oStride);
        a1_1.intoArray(o, o0 + oStride + LANES);
        a2_0.intoArray(o, o0 + 2 * oStride);
        a2_1.intoArray(o, o0 + 2 * oStride + LANES);
        a3_0.intoArray(o, o0 + 3 * oStride);
        a3_1.intoArray(o, o0 + 3 * oStride + LANES);
        a4_0.intoArray(o, o0 + 4 * oStride);
        a4_1.intoArray(o, o0 + 4 * oStride + LANES);
        a5_0.intoArray(o, o0 + 5 * oStride);
        a5_1.intoArray(o, o0 + 5 * oStride + LANES);
    }
}
