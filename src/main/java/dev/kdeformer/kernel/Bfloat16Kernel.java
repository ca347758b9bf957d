package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Products of a few queries with groups of keys and values in bfloat16, which become floats in registers. The scalar
 * references are those of {@link NarrowNumbers}, for numbers of either width.
 */
final class Bfloat16Kernel {
    private static final int UPPER = 0xffff_0000;
    private static final long LINE = GROUP * 4L;

    private Bfloat16Kernel() {
    }

    private static FloatVector low(IntVector x) {
        return x.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static FloatVector high(IntVector x) {
        return x.and(UPPER).reinterpretAsFloats();
    }

    private static FloatVector of(float x) {
        return FloatVector.broadcast(FLOATS, x);
    }

    /** As {@link DecodeKernel#logits}, with two features in every one of {@code lines} lines. */
    static void logits(float[] q, int qStride, int rows, int lines, long keys, float[] s, int s0) {
        for (int c = 0; c < GROUP; c += 2 * LANES) {
            int r = 0;
            for (; r + 4 <= rows; r += 4) {
                logits4x2(q, r * qStride, qStride, lines, keys + c * 4L, s, s0 + r * STRIDE + c);
            }
            for (; r < rows; r++) {
                logits1x2(q, r * qStride, lines, keys + c * 4L, s, s0 + r * STRIDE + c);
            }
        }
    }

    /** Written out: where code grows long, what is no method of the vectors' own is called with vectors in objects. */
    private static void logits1x2(float[] q, int q0, int lines, long keys, float[] s, int s0) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, b0 = a0, b1 = a0;
        FloatVector y;
        for (int i = 0; i < lines; i++) {
            long line = keys + i * LINE;
            IntVector x0 = IntVector.fromMemorySegment(INTS, Memory.ALL, line, Memory.ORDER);
            IntVector x1 = IntVector.fromMemorySegment(INTS, Memory.ALL, line + VECTOR_BYTES, Memory.ORDER);
            FloatVector w = FloatVector.broadcast(FLOATS, q[q0 + 2 * i]);
            y = x0.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            a0 = FUSED ? w.fma(y, a0) : w.mul(y).add(a0);
            y = x1.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            a1 = FUSED ? w.fma(y, a1) : w.mul(y).add(a1);
            w = FloatVector.broadcast(FLOATS, q[q0 + 2 * i + 1]);
            y = x0.and(UPPER).reinterpretAsFloats();
            b0 = FUSED ? w.fma(y, b0) : w.mul(y).add(b0);
            y = x1.and(UPPER).reinterpretAsFloats();
            b1 = FUSED ? w.fma(y, b1) : w.mul(y).add(b1);
        }
        a0.add(b0).intoArray(s, s0);
        a1.add(b1).intoArray(s, s0 + LANES);
    }

    private static void logits4x2(float[] q, int q0, int qStride, int lines, long keys, float[] s, int s0) {
        FloatVector a00 = FloatVector.zero(FLOATS), a01 = a00, a10 = a00, a11 = a00;
        FloatVector a20 = a00, a21 = a00, a30 = a00, a31 = a00;
        for (int i = 0; i < lines; i++) {
            IntVector x = Lanes.loadInts(keys + i * LINE);
            IntVector y = Lanes.loadInts(keys + i * LINE + VECTOR_BYTES);
            int a = q0 + 2 * i;
            FloatVector l0 = low(x), l1 = low(y), h0 = high(x), h1 = high(y);
            a00 = fma(of(q[a + 1]), h0, fma(of(q[a]), l0, a00));
            a01 = fma(of(q[a + 1]), h1, fma(of(q[a]), l1, a01));
            a += qStride;
            a10 = fma(of(q[a + 1]), h0, fma(of(q[a]), l0, a10));
            a11 = fma(of(q[a + 1]), h1, fma(of(q[a]), l1, a11));
            a += qStride;
            a20 = fma(of(q[a + 1]), h0, fma(of(q[a]), l0, a20));
            a21 = fma(of(q[a + 1]), h1, fma(of(q[a]), l1, a21));
            a += qStride;
            a30 = fma(of(q[a + 1]), h0, fma(of(q[a]), l0, a30));
            a31 = fma(of(q[a + 1]), h1, fma(of(q[a]), l1, a31));
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
     * Adds p · v for rows of weights and {@code keys} value rows of {@code ints} ints each: summed from zero, then
     * added as a whole.
     *
     * @param stride floats from row to row of {@code o}; columns beyond are left out
     */
    static void values(float[] p, int p0, int rows, int keys, long values, int ints, float[] o, int stride) {
        int r = 0;
        for (; r + 4 <= rows; r += 4) {
            for (int v = 0; v < ints; v += LANES) {
                values4x1(p, p0 + r * STRIDE, keys, values + v * 4L, ints, o, r * stride, v, stride);
            }
        }
        for (; r < rows; r++) {
            int v = 0;
            for (; v + 4 * LANES <= ints; v += 4 * LANES) {
                values1x4(p, p0 + r * STRIDE, keys, values + v * 4L, ints, o, r * stride, v, stride);
            }
            for (; v + 2 * LANES <= ints; v += 2 * LANES) {
                values1x2(p, p0 + r * STRIDE, keys, values + v * 4L, ints, o, r * stride, v, stride);
            }
            for (; v < ints; v += LANES) {
                values1x1(p, p0 + r * STRIDE, keys, values + v * 4L, ints, o, r * stride, v, stride);
            }
        }
    }

    /** Whole rows of many sizes at once, so that memory is read in order. */
    private static void values1x4(float[] p, int p0, int keys, long values, int ints, float[] o, int o0, int column,
            int stride) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        FloatVector y;
        for (int j = 0; j < keys; j++) {
            long row = values + j * (ints * 4L);
            FloatVector w = FloatVector.broadcast(FLOATS, p[p0 + j]);
            IntVector x = IntVector.fromMemorySegment(INTS, Memory.ALL, row, Memory.ORDER);
            y = x.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            a0 = FUSED ? w.fma(y, a0) : w.mul(y).add(a0);
            y = x.and(UPPER).reinterpretAsFloats();
            b0 = FUSED ? w.fma(y, b0) : w.mul(y).add(b0);
            x = IntVector.fromMemorySegment(INTS, Memory.ALL, row + VECTOR_BYTES, Memory.ORDER);
            y = x.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            a1 = FUSED ? w.fma(y, a1) : w.mul(y).add(a1);
            y = x.and(UPPER).reinterpretAsFloats();
            b1 = FUSED ? w.fma(y, b1) : w.mul(y).add(b1);
            x = IntVector.fromMemorySegment(INTS, Memory.ALL, row + 2 * VECTOR_BYTES, Memory.ORDER);
            y = x.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            a2 = FUSED ? w.fma(y, a2) : w.mul(y).add(a2);
            y = x.and(UPPER).reinterpretAsFloats();
            b2 = FUSED ? w.fma(y, b2) : w.mul(y).add(b2);
            x = IntVector.fromMemorySegment(INTS, Memory.ALL, row + 3 * VECTOR_BYTES, Memory.ORDER);
            y = x.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            a3 = FUSED ? w.fma(y, a3) : w.mul(y).add(a3);
            y = x.and(UPPER).reinterpretAsFloats();
            b3 = FUSED ? w.fma(y, b3) : w.mul(y).add(b3);
        }
        // Not by put: the compiler then keeps the sums in objects, and all of decoding took a twentieth longer.
        int at = o0 + column;
        if (column < stride) {
            FloatVector.fromArray(FLOATS, o, at).add(a0).intoArray(o, at);
        }
        if (column + LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + LANES).add(a1).intoArray(o, at + LANES);
        }
        if (column + 2 * LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + 2 * LANES).add(a2).intoArray(o, at + 2 * LANES);
        }
        if (column + 3 * LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + 3 * LANES).add(a3).intoArray(o, at + 3 * LANES);
        }
        if (column + ints < stride) {
            FloatVector.fromArray(FLOATS, o, at + ints).add(b0).intoArray(o, at + ints);
        }
        if (column + ints + LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + ints + LANES).add(b1).intoArray(o, at + ints + LANES);
        }
        if (column + ints + 2 * LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + ints + 2 * LANES).add(b2).intoArray(o, at + ints + 2 * LANES);
        }
        if (column + ints + 3 * LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + ints + 3 * LANES).add(b3).intoArray(o, at + ints + 3 * LANES);
        }
    }

    private static void values1x2(float[] p, int p0, int keys, long values, int ints, float[] o, int o0, int column,
            int stride) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, b0 = a0, b1 = a0;
        for (int j = 0; j < keys; j++) {
            long row = values + j * (ints * 4L);
            IntVector x = Lanes.loadInts(row);
            IntVector y = Lanes.loadInts(row + VECTOR_BYTES);
            FloatVector w = of(p[p0 + j]);
            a0 = fma(w, low(x), a0);
            b0 = fma(w, high(x), b0);
            a1 = fma(w, low(y), a1);
            b1 = fma(w, high(y), b1);
        }
        put(a0, o, o0, column, stride);
        put(a1, o, o0, column + LANES, stride);
        put(b0, o, o0, column + ints, stride);
        put(b1, o, o0, column + ints + LANES, stride);
    }

    private static void values1x1(float[] p, int p0, int keys, long values, int ints, float[] o, int o0, int column,
            int stride) {
        FloatVector a = FloatVector.zero(FLOATS), b = a;
        for (int j = 0; j < keys; j++) {
            IntVector x = Lanes.loadInts(values + j * (ints * 4L));
            FloatVector w = of(p[p0 + j]);
            a = fma(w, low(x), a);
            b = fma(w, high(x), b);
        }
        put(a, o, o0, column, stride);
        put(b, o, o0, column + ints, stride);
    }

    private static void values4x1(float[] p, int p0, int keys, long values, int ints, float[] o, int o0, int column,
            int stride) {
        FloatVector a = FloatVector.zero(FLOATS), b = a, c = a, d = a;
        FloatVector e = a, f = a, g = a, h = a;
        for (int j = 0; j < keys; j++) {
            IntVector x = Lanes.loadInts(values + j * (ints * 4L));
            FloatVector low = low(x), high = high(x);
            FloatVector w = of(p[p0 + j]);
            a = fma(w, low, a);
            b = fma(w, high, b);
            w = of(p[p0 + STRIDE + j]);
            c = fma(w, low, c);
            d = fma(w, high, d);
            w = of(p[p0 + 2 * STRIDE + j]);
            e = fma(w, low, e);
            f = fma(w, high, f);
            w = of(p[p0 + 3 * STRIDE + j]);
            g = fma(w, low, g);
            h = fma(w, high, h);
        }
        put(a, o, o0, column, stride);
        put(b, o, o0, column + ints, stride);
        put(c, o, o0 + stride, column, stride);
        put(d, o, o0 + stride, column + ints, stride);
        put(e, o, o0 + 2 * stride, column, stride);
        put(f, o, o0 + 2 * stride, column + ints, stride);
        put(g, o, o0 + 3 * stride, column, stride);
        put(h, o, o0 + 3 * stride, column + ints, stride);
    }

    /** Adds sums to a row, unless the columns are all padding. */
    static void put(FloatVector sums, float[] o, int o0, int column, int stride) {
        if (column < stride) {
            FloatVector.fromArray(FLOATS, o, o0 + column).add(sums).intoArray(o, o0 + column);
        }
    }
}
