package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;
import static dev.kdeformer.runtime.MultiplyAdd.fma;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Products of a few queries with groups of keys and values in bytes, which become floats in registers. The scalar
 * references are those of {@link NarrowNumbers}, for numbers of either width.
 *
 * <p>A byte becomes a float from the top of an int, which takes an operation less than from its low end and makes it
 * 2²⁴ times too large: callers multiply queries and weights by {@link #UNIT} before.
 */
final class ByteKernel {
    /** What takes back the factor of all products. */
    static final float UNIT = 0x1p-24f;

    private static final long LINE = GROUP * 4L;
    private static final int TOP = 0xff00_0000;

    private ByteKernel() {
    }

    /** Byte 0 of every int. */
    private static FloatVector byte0(IntVector x) {
        return (FloatVector) x.lanewise(LSHL, 24).convert(I2F, 0);
    }

    private static FloatVector byte1(IntVector x) {
        return floats(x.lanewise(LSHL, 16));
    }

    private static FloatVector byte2(IntVector x) {
        return floats(x.lanewise(LSHL, 8));
    }

    /** The uppermost byte of every int. */
    private static FloatVector floats(IntVector x) {
        return (FloatVector) x.and(TOP).convert(I2F, 0);
    }

    private static FloatVector of(float x) {
        return FloatVector.broadcast(FLOATS, x);
    }

    /** As {@link DecodeKernel#logits}, with four features in every one of {@code lines} lines, not yet scaled. */
    static void logits(float[] q, int qStride, int rows, int lines, long keys, float[] s, int s0) {
        int four = rows / 4 * 4;
        for (int c = 0; c < GROUP; c += LANES) {
            for (int r = 0; r < four; r += 4) {
                logits4x1(q, r * qStride, qStride, lines, keys + c * 4L, s, s0 + r * STRIDE + c);
            }
        }
        for (int c = 0; c < GROUP; c += 2 * LANES) {
            for (int r = four; r < rows; r++) {
                logits1x2(q, r * qStride, lines, keys + c * 4L, s, s0 + r * STRIDE + c);
            }
        }
    }

    /** Written out: where code grows long, what is no method of the vectors' own is called with vectors in objects. */
    private static void logits1x2(float[] q, int q0, int lines, long keys, float[] s, int s0) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        FloatVector y;
        for (int i = 0; i < lines; i++) {
            long line = keys + i * LINE;
            int a = q0 + 4 * i;
            IntVector x0 = IntVector.fromMemorySegment(INTS, Memory.ALL, line, Memory.ORDER);
            IntVector x1 = IntVector.fromMemorySegment(INTS, Memory.ALL, line + VECTOR_BYTES, Memory.ORDER);
            FloatVector w = FloatVector.broadcast(FLOATS, q[a]);
            y = (FloatVector) x0.lanewise(LSHL, 24).convert(I2F, 0);
            a0 = FUSED ? w.fma(y, a0) : w.mul(y).add(a0);
            y = (FloatVector) x1.lanewise(LSHL, 24).convert(I2F, 0);
            b0 = FUSED ? w.fma(y, b0) : w.mul(y).add(b0);
            w = FloatVector.broadcast(FLOATS, q[a + 1]);
            y = (FloatVector) x0.lanewise(LSHL, 16).and(TOP).convert(I2F, 0);
            a1 = FUSED ? w.fma(y, a1) : w.mul(y).add(a1);
            y = (FloatVector) x1.lanewise(LSHL, 16).and(TOP).convert(I2F, 0);
            b1 = FUSED ? w.fma(y, b1) : w.mul(y).add(b1);
            w = FloatVector.broadcast(FLOATS, q[a + 2]);
            y = (FloatVector) x0.lanewise(LSHL, 8).and(TOP).convert(I2F, 0);
            a2 = FUSED ? w.fma(y, a2) : w.mul(y).add(a2);
            y = (FloatVector) x1.lanewise(LSHL, 8).and(TOP).convert(I2F, 0);
            b2 = FUSED ? w.fma(y, b2) : w.mul(y).add(b2);
            w = FloatVector.broadcast(FLOATS, q[a + 3]);
            y = (FloatVector) x0.and(TOP).convert(I2F, 0);
            a3 = FUSED ? w.fma(y, a3) : w.mul(y).add(a3);
            y = (FloatVector) x1.and(TOP).convert(I2F, 0);
            b3 = FUSED ? w.fma(y, b3) : w.mul(y).add(b3);
        }
        a0.add(a1).add(a2.add(a3)).intoArray(s, s0);
        b0.add(b1).add(b2.add(b3)).intoArray(s, s0 + LANES);
    }

    private static void logits4x1(float[] q, int q0, int qStride, int lines, long keys, float[] s, int s0) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (int i = 0; i < lines; i++) {
            IntVector x = Lanes.loadInts(keys + i * LINE);
            FloatVector y0 = byte0(x), y1 = byte1(x), y2 = byte2(x), y3 = floats(x);
            int a = q0 + 4 * i;
            a0 = fma(of(q[a + 2]), y2, fma(of(q[a]), y0, a0));
            b0 = fma(of(q[a + 3]), y3, fma(of(q[a + 1]), y1, b0));
            a += qStride;
            a1 = fma(of(q[a + 2]), y2, fma(of(q[a]), y0, a1));
            b1 = fma(of(q[a + 3]), y3, fma(of(q[a + 1]), y1, b1));
            a += qStride;
            a2 = fma(of(q[a + 2]), y2, fma(of(q[a]), y0, a2));
            b2 = fma(of(q[a + 3]), y3, fma(of(q[a + 1]), y1, b2));
            a += qStride;
            a3 = fma(of(q[a + 2]), y2, fma(of(q[a]), y0, a3));
            b3 = fma(of(q[a + 3]), y3, fma(of(q[a + 1]), y1, b3));
        }
        a0.add(b0).intoArray(s, s0);
        a1.add(b1).intoArray(s, s0 + STRIDE);
        a2.add(b2).intoArray(s, s0 + 2 * STRIDE);
        a3.add(b3).intoArray(s, s0 + 3 * STRIDE);
    }

    /** As {@link Bfloat16Kernel#values}, with four columns in an int. */
    static void values(float[] p, int p0, int rows, int keys, long values, int ints, float[] o, int stride) {
        int r = 0;
        for (; r + 2 <= rows; r += 2) {
            for (int v = 0; v < ints; v += LANES) {
                values2x1(p, p0 + r * STRIDE, keys, values + v * 4L, ints, o, r * stride, v, stride);
            }
        }
        for (; r < rows; r++) {
            int v = 0;
            for (; v + 2 * LANES <= ints; v += 2 * LANES) {
                values1x2(p, p0 + r * STRIDE, keys, values + v * 4L, ints, o, r * stride, v, stride);
            }
            for (; v < ints; v += LANES) {
                values1x1(p, p0 + r * STRIDE, keys, values + v * 4L, ints, o, r * stride, v, stride);
            }
        }
    }

    /** Whole rows of most sizes at once, so that memory is read in order. */
    private static void values1x2(float[] p, int p0, int keys, long values, int ints, float[] o, int o0, int column,
            int stride) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        FloatVector y;
        for (int j = 0; j < keys; j++) {
            long row = values + j * (ints * 4L);
            IntVector x0 = IntVector.fromMemorySegment(INTS, Memory.ALL, row, Memory.ORDER);
            IntVector x1 = IntVector.fromMemorySegment(INTS, Memory.ALL, row + VECTOR_BYTES, Memory.ORDER);
            FloatVector w = FloatVector.broadcast(FLOATS, p[p0 + j]);
            y = (FloatVector) x0.lanewise(LSHL, 24).convert(I2F, 0);
            a0 = FUSED ? w.fma(y, a0) : w.mul(y).add(a0);
            y = (FloatVector) x1.lanewise(LSHL, 24).convert(I2F, 0);
            b0 = FUSED ? w.fma(y, b0) : w.mul(y).add(b0);
            y = (FloatVector) x0.lanewise(LSHL, 16).and(TOP).convert(I2F, 0);
            a1 = FUSED ? w.fma(y, a1) : w.mul(y).add(a1);
            y = (FloatVector) x1.lanewise(LSHL, 16).and(TOP).convert(I2F, 0);
            b1 = FUSED ? w.fma(y, b1) : w.mul(y).add(b1);
            y = (FloatVector) x0.lanewise(LSHL, 8).and(TOP).convert(I2F, 0);
            a2 = FUSED ? w.fma(y, a2) : w.mul(y).add(a2);
            y = (FloatVector) x1.lanewise(LSHL, 8).and(TOP).convert(I2F, 0);
            b2 = FUSED ? w.fma(y, b2) : w.mul(y).add(b2);
            y = (FloatVector) x0.and(TOP).convert(I2F, 0);
            a3 = FUSED ? w.fma(y, a3) : w.mul(y).add(a3);
            y = (FloatVector) x1.and(TOP).convert(I2F, 0);
            b3 = FUSED ? w.fma(y, b3) : w.mul(y).add(b3);
        }
        // Not by put: the compiler then keeps the sums in objects, and all of decoding took twice as long.
        int at = o0 + column;
        if (column < stride) {
            FloatVector.fromArray(FLOATS, o, at).add(a0).intoArray(o, at);
        }
        if (column + LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + LANES).add(b0).intoArray(o, at + LANES);
        }
        if (column + ints < stride) {
            FloatVector.fromArray(FLOATS, o, at + ints).add(a1).intoArray(o, at + ints);
        }
        if (column + ints + LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + ints + LANES).add(b1).intoArray(o, at + ints + LANES);
        }
        if (column + 2 * ints < stride) {
            FloatVector.fromArray(FLOATS, o, at + 2 * ints).add(a2).intoArray(o, at + 2 * ints);
        }
        if (column + 2 * ints + LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + 2 * ints + LANES).add(b2).intoArray(o, at + 2 * ints + LANES);
        }
        if (column + 3 * ints < stride) {
            FloatVector.fromArray(FLOATS, o, at + 3 * ints).add(a3).intoArray(o, at + 3 * ints);
        }
        if (column + 3 * ints + LANES < stride) {
            FloatVector.fromArray(FLOATS, o, at + 3 * ints + LANES).add(b3).intoArray(o, at + 3 * ints + LANES);
        }
    }

    private static void values1x1(float[] p, int p0, int keys, long values, int ints, float[] o, int o0, int column,
            int stride) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        long rowBytes = ints * 4L;
        int j = 0;
        for (; j + 2 <= keys; j += 2) {
            IntVector x = Lanes.loadInts(values + j * rowBytes);
            FloatVector w = of(p[p0 + j]);
            a0 = fma(w, byte0(x), a0);
            a1 = fma(w, byte1(x), a1);
            a2 = fma(w, byte2(x), a2);
            a3 = fma(w, floats(x), a3);
            IntVector y = Lanes.loadInts(values + (j + 1) * rowBytes);
            FloatVector u = of(p[p0 + j + 1]);
            b0 = fma(u, byte0(y), b0);
            b1 = fma(u, byte1(y), b1);
            b2 = fma(u, byte2(y), b2);
            b3 = fma(u, floats(y), b3);
        }
        if (j < keys) {
            IntVector x = Lanes.loadInts(values + j * rowBytes);
            FloatVector w = of(p[p0 + j]);
            a0 = fma(w, byte0(x), a0);
            a1 = fma(w, byte1(x), a1);
            a2 = fma(w, byte2(x), a2);
            a3 = fma(w, floats(x), a3);
        }
        put(a0.add(b0), a1.add(b1), a2.add(b2), a3.add(b3), o, o0, column, ints, stride);
    }

    /** Two rows and no more: the compiler's budget for what it puts in place ends there. */
    private static void values2x1(float[] p, int p0, int keys, long values, int ints, float[] o, int o0, int column,
            int stride) {
        FloatVector a0 = FloatVector.zero(FLOATS), a1 = a0, a2 = a0, a3 = a0;
        FloatVector b0 = a0, b1 = a0, b2 = a0, b3 = a0;
        for (int j = 0; j < keys; j++) {
            IntVector x = Lanes.loadInts(values + j * (ints * 4L));
            FloatVector y0 = byte0(x), y1 = byte1(x), y2 = byte2(x), y3 = floats(x);
            FloatVector w = of(p[p0 + j]);
            a0 = fma(w, y0, a0);
            a1 = fma(w, y1, a1);
            a2 = fma(w, y2, a2);
            a3 = fma(w, y3, a3);
            FloatVector u = of(p[p0 + STRIDE + j]);
            b0 = fma(u, y0, b0);
            b1 = fma(u, y1, b1);
            b2 = fma(u, y2, b2);
            b3 = fma(u, y3, b3);
        }
        put(a0, a1, a2, a3, o, o0, column, ints, stride);
        put(b0, b1, b2, b3, o, o0 + stride, column, ints, stride);
    }

    private static void put(FloatVector x0, FloatVector x1, FloatVector x2, FloatVector x3, float[] o, int o0,
            int column, int ints, int stride) {
        Bfloat16Kernel.put(x0, o, o0, column, stride);
        Bfloat16Kernel.put(x1, o, o0, column + ints, stride);
        Bfloat16Kernel.put(x2, o, o0, column + 2 * ints, stride);
        Bfloat16Kernel.put(x3, o, o0, column + 3 * ints, stride);
    }
}
