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
 * Weighted sums of packed values: o += p · v for a tile of weights p.
 *
 * <p>The weights are row-major with the fixed row distance {@link Lanes#STRIDE}. The narrower a slice of the values,
 * the more rows a register tile takes, so that every tile has enough independent sums to hide the latency of a
 * multiply-add. The sum of one call starts from zero and is added to the earlier ones as a whole, which keeps their
 * digits. Tiles are named by rows × vectors; 6×4, as for logits, spills registers here and is a quarter slower
 * than two times 12×2.
 */
public final class ValueKernel {
    /** A multiple of the rows of every register tile: tiles of weights and sums are padded to it. */
    public static final int ROW_MULTIPLE = 24;

    /** Most vectors of a value row that one product takes. */
    public static final int WIDEST = WIDE ? 3 : 2;

    private ValueKernel() {
    }

    /**
     * Adds the product of {@code rows} rows of weights (rounded up to the register tile's height, at most to a
     * multiple of {@link #ROW_MULTIPLE}) and up to {@link #WIDEST} vectors of every value row.
     *
     * @param p        weights, row distance STRIDE, from index {@code p0} on, {@code keys} used
     * @param values   address of the first value row
     * @param rowBytes distance of value rows
     * @param vectors  vectors of each row to take, 1 to WIDEST
     * @param o        sums, row distance {@code oStride}, from index {@code o0} on
     */
    public static void add(float[] p, int p0, int rows, int keys, long values, long rowBytes, int vectors, float[] o,
            int o0, int oStride) {
        if (!FUSED) {
            unfused(p, p0, rows, keys, values, rowBytes, vectors, o, o0, oStride);
        } else if (vectors == 1) {
            for (int r = 0; r < rows; r += 12) {
                add12x1(p, p0 + r * STRIDE, keys, values, rowBytes, o, o0 + r * oStride, oStride);
            }
        } else if (vectors == 2 && rows <= 4) {
            add4x2(p, p0, keys, values, rowBytes, o, o0, oStride);
        } else if (vectors == 2 && WIDE) {
            for (int r = 0; r < rows; r += 12) {
                add12x2(p, p0 + r * STRIDE, keys, values, rowBytes, o, o0 + r * oStride, oStride);
            }
        } else if (vectors == 2) {
            boolean pairs = keys % 2 == 0 && rowBytes == 2 * VECTOR_BYTES;
            for (int r = 0; r < rows; r += 6) {
                if (pairs) {
                    NarrowTiles.add6x2Pairs(p, p0 + r * STRIDE, keys, values, o, o0 + r * oStride, oStride);
                } else {
                    NarrowTiles.add6x2(p, p0 + r * STRIDE, keys, values, rowBytes, o, o0 + r * oStride, oStride);
                }
            }
        } else {
            for (int r = 0; r < rows; r += 8) {
                add8x3(p, p0 + r * STRIDE, keys, values, rowBytes, o, o0 + r * oStride, oStride);
            }
        }
    }

    /**
     * In two steps where there is no fused multiply-add, a vector at a time: a choice inside the register tiles costs
     * those that have it a fourteenth of their speed.
     */
    private static void unfused(float[] p, int p0, int rows, int keys, long values, long rowBytes, int vectors,
            float[] o, int o0, int oStride) {
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int j = 0; j < keys; j++) {
                    sum = load(values + j * rowBytes + v * VECTOR_BYTES).mul(p[p0 + r * STRIDE + j]).add(sum);
                }
                int at = o0 + r * oStride + v * LANES;
                FloatVector.fromArray(FLOATS, o, at).add(sum).intoArray(o, at);
            }
        }
    }

    /** The scalar reference of {@link #add}. */
    static void addScalar(float[] p, int p0, int rows, int keys, long values, long rowBytes, int vectors, float[] o,
            int o0, int oStride) {
        int columns = vectors * LANES;
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                double sum = o[o0 + r * oStride + c];
                for (int j = 0; j < keys; j++) {
                    sum += (double) p[p0 + r * STRIDE + j] * Memory.getFloat(values + j * rowBytes + c * 4L);
                }
                o[o0 + r * oStride + c] = (float) sum;
            }
        }
    }

    private static void add8x3(float[] p, int p0, int keys, long values, long rowBytes, float[] o, int o0,
            int oStride) {
        FloatVector a0_0 = FloatVector.zero(FLOATS);
        FloatVector a0_1 = FloatVector.zero(FLOATS);
        FloatVector a0_2 = FloatVector.zero(FLOATS);
        FloatVector a1_0 = FloatVector.zero(FLOATS);
        FloatVector a1_1 = FloatVector.zero(FLOATS);
        FloatVector a1_2 = FloatVector.zero(FLOATS);
        FloatVector a2_0 = FloatVector.zero(FLOATS);
        FloatVector a2_1 = FloatVector.zero(FLOATS);
        FloatVector a2_2 = FloatVector.zero(FLOATS);
        FloatVector a3_0 = FloatVector.zero(FLOATS);
        FloatVector a3_1 = FloatVector.zero(FLOATS);
        FloatVector a3_2 = FloatVector.zero(FLOATS);
        FloatVector a4_0 = FloatVector.zero(FLOATS);
        FloatVector a4_1 = FloatVector.zero(FLOATS);
        FloatVector a4_2 = FloatVector.zero(FLOATS);
        FloatVector a5_0 = FloatVector.zero(FLOATS);
        FloatVector a5_1 = FloatVector.zero(FLOATS);
        FloatVector a5_2 = FloatVector.zero(FLOATS);
        FloatVector a6_0 = FloatVector.zero(FLOATS);
        FloatVector a6_1 = FloatVector.zero(FLOATS);
        FloatVector a6_2 = FloatVector.zero(FLOATS);
        FloatVector a7_0 = FloatVector.zero(FLOATS);
        FloatVector a7_1 = FloatVector.zero(FLOATS);
        FloatVector a7_2 = FloatVector.zero(FLOATS);
        int o1 = o0 + LANES;
        int o2 = o0 + 2 * LANES;
        for (int i = 0; i < keys; i++) {
            long b = values + i * rowBytes;
            int a = p0 + i;
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + 1 * VECTOR_BYTES);
            FloatVector b2 = load(b + 2 * VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, p[a]);
            a0_0 = x0.fma(b0, a0_0);
            a0_1 = x0.fma(b1, a0_1);
            a0_2 = x0.fma(b2, a0_2);
            FloatVector x1 = FloatVector.broadcast(FLOATS, p[a + 1 * STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            a1_1 = x1.fma(b1, a1_1);
            a1_2 = x1.fma(b2, a1_2);
            FloatVector x2 = FloatVector.broadcast(FLOATS, p[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            a2_1 = x2.fma(b1, a2_1);
            a2_2 = x2.fma(b2, a2_2);
            FloatVector x3 = FloatVector.broadcast(FLOATS, p[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            a3_1 = x3.fma(b1, a3_1);
            a3_2 = x3.fma(b2, a3_2);
            FloatVector x4 = FloatVector.broadcast(FLOATS, p[a + 4 * STRIDE]);
            a4_0 = x4.fma(b0, a4_0);
            a4_1 = x4.fma(b1, a4_1);
            a4_2 = x4.fma(b2, a4_2);
            FloatVector x5 = FloatVector.broadcast(FLOATS, p[a + 5 * STRIDE]);
            a5_0 = x5.fma(b0, a5_0);
            a5_1 = x5.fma(b1, a5_1);
            a5_2 = x5.fma(b2, a5_2);
            FloatVector x6 = FloatVector.broadcast(FLOATS, p[a + 6 * STRIDE]);
            a6_0 = x6.fma(b0, a6_0);
            a6_1 = x6.fma(b1, a6_1);
            a6_2 = x6.fma(b2, a6_2);
            FloatVector x7 = FloatVector.broadcast(FLOATS, p[a + 7 * STRIDE]);
            a7_0 = x7.fma(b0, a7_0);
            a7_1 = x7.fma(b1, a7_1);
            a7_2 = x7.fma(b2, a7_2);
        }
        FloatVector.fromArray(FLOATS, o, o0).add(a0_0).intoArray(o, o0);
        FloatVector.fromArray(FLOATS, o, o1).add(a0_1).intoArray(o, o1);
        FloatVector.fromArray(FLOATS, o, o2).add(a0_2).intoArray(o, o2);
        FloatVector.fromArray(FLOATS, o, o0 + oStride).add(a1_0).intoArray(o, o0 + oStride);
        FloatVector.fromArray(FLOATS, o, o1 + oStride).add(a1_1).intoArray(o, o1 + oStride);
        FloatVector.fromArray(FLOATS, o, o2 + oStride).add(a1_2).intoArray(o, o2 + oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride).add(a2_0).intoArray(o, o0 + 2 * oStride);
        FloatVector.fromArray(FLOATS, o, o1 + 2 * oStride).add(a2_1).intoArray(o, o1 + 2 * oStride);
        FloatVector.fromArray(FLOATS, o, o2 + 2 * oStride).add(a2_2).intoArray(o, o2 + 2 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride).add(a3_0).intoArray(o, o0 + 3 * oStride);
        FloatVector.fromArray(FLOATS, o, o1 + 3 * oStride).add(a3_1).intoArray(o, o1 + 3 * oStride);
        FloatVector.fromArray(FLOATS, o, o2 + 3 * oStride).add(a3_2).intoArray(o, o2 + 3 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride).add(a4_0).intoArray(o, o0 + 4 * oStride);
        FloatVector.fromArray(FLOATS, o, o1 + 4 * oStride).add(a4_1).intoArray(o, o1 + 4 * oStride);
        FloatVector.fromArray(FLOATS, o, o2 + 4 * oStride).add(a4_2).intoArray(o, o2 + 4 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride).add(a5_0).intoArray(o, o0 + 5 * oStride);
        FloatVector.fromArray(FLOATS, o, o1 + 5 * oStride).add(a5_1).intoArray(o, o1 + 5 * oStride);
        FloatVector.fromArray(FLOATS, o, o2 + 5 * oStride).add(a5_2).intoArray(o, o2 + 5 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 6 * oStride).add(a6_0).intoArray(o, o0 + 6 * oStride);
        FloatVector.fromArray(FLOATS, o, o1 + 6 * oStride).add(a6_1).intoArray(o, o1 + 6 * oStride);
        FloatVector.fromArray(FLOATS, o, o2 + 6 * oStride).add(a6_2).intoArray(o, o2 + 6 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 7 * oStride).add(a7_0).intoArray(o, o0 + 7 * oStride);
        FloatVector.fromArray(FLOATS, o, o1 + 7 * oStride).add(a7_1).intoArray(o, o1 + 7 * oStride);
        FloatVector.fromArray(FLOATS, o, o2 + 7 * oStride).add(a7_2).intoArray(o, o2 + 7 * oStride);
    }

    private static void add12x2(float[] p, int p0, int keys, long values, long rowBytes, float[] o, int o0,
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
        FloatVector a6_0 = FloatVector.zero(FLOATS);
        FloatVector a6_1 = FloatVector.zero(FLOATS);
        FloatVector a7_0 = FloatVector.zero(FLOATS);
        FloatVector a7_1 = FloatVector.zero(FLOATS);
        FloatVector a8_0 = FloatVector.zero(FLOATS);
        FloatVector a8_1 = FloatVector.zero(FLOATS);
        FloatVector a9_0 = FloatVector.zero(FLOATS);
        FloatVector a9_1 = FloatVector.zero(FLOATS);
        FloatVector a10_0 = FloatVector.zero(FLOATS);
        FloatVector a10_1 = FloatVector.zero(FLOATS);
        FloatVector a11_0 = FloatVector.zero(FLOATS);
        FloatVector a11_1 = FloatVector.zero(FLOATS);
        for (int i = 0; i < keys; i++) {
            long b = values + i * rowBytes;
            int a = p0 + i;
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + 1 * VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, p[a]);
            a0_0 = x0.fma(b0, a0_0);
            a0_1 = x0.fma(b1, a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, p[a + 1 * STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            a1_1 = x1.fma(b1, a1_1);
            FloatVector x2 = FloatVector.broadcast(FLOATS, p[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            a2_1 = x2.fma(b1, a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, p[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            a3_1 = x3.fma(b1, a3_1);
            FloatVector x4 = FloatVector.broadcast(FLOATS, p[a + 4 * STRIDE]);
            a4_0 = x4.fma(b0, a4_0);
            a4_1 = x4.fma(b1, a4_1);
            FloatVector x5 = FloatVector.broadcast(FLOATS, p[a + 5 * STRIDE]);
            a5_0 = x5.fma(b0, a5_0);
            a5_1 = x5.fma(b1, a5_1);
            FloatVector x6 = FloatVector.broadcast(FLOATS, p[a + 6 * STRIDE]);
            a6_0 = x6.fma(b0, a6_0);
            a6_1 = x6.fma(b1, a6_1);
            FloatVector x7 = FloatVector.broadcast(FLOATS, p[a + 7 * STRIDE]);
            a7_0 = x7.fma(b0, a7_0);
            a7_1 = x7.fma(b1, a7_1);
            FloatVector x8 = FloatVector.broadcast(FLOATS, p[a + 8 * STRIDE]);
            a8_0 = x8.fma(b0, a8_0);
            a8_1 = x8.fma(b1, a8_1);
            FloatVector x9 = FloatVector.broadcast(FLOATS, p[a + 9 * STRIDE]);
            a9_0 = x9.fma(b0, a9_0);
            a9_1 = x9.fma(b1, a9_1);
            FloatVector x10 = FloatVector.broadcast(FLOATS, p[a + 10 * STRIDE]);
            a10_0 = x10.fma(b0, a10_0);
            a10_1 = x10.fma(b1, a10_1);
            FloatVector x11 = FloatVector.broadcast(FLOATS, p[a + 11 * STRIDE]);
            a11_0 = x11.fma(b0, a11_0);
            a11_1 = x11.fma(b1, a11_1);
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
        FloatVector.fromArray(FLOATS, o, o0 + 6 * oStride).add(a6_0).intoArray(o, o0 + 6 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 6 * oStride + LANES).add(a6_1).intoArray(o, o0 + 6 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 7 * oStride).add(a7_0).intoArray(o, o0 + 7 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 7 * oStride + LANES).add(a7_1).intoArray(o, o0 + 7 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 8 * oStride).add(a8_0).intoArray(o, o0 + 8 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 8 * oStride + LANES).add(a8_1).intoArray(o, o0 + 8 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 9 * oStride).add(a9_0).intoArray(o, o0 + 9 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 9 * oStride + LANES).add(a9_1).intoArray(o, o0 + 9 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 10 * oStride).add(a10_0).intoArray(o, o0 + 10 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 10 * oStride + LANES).add(a10_1).intoArray(o, o0 + 10 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 11 * oStride).add(a11_0).intoArray(o, o0 + 11 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 11 * oStride + LANES).add(a11_1).intoArray(o, o0 + 11 * oStride + LANES);
    }

    private static void add4x2(float[] p, int p0, int keys, long values, long rowBytes, float[] o, int o0,
            int oStride) {
        FloatVector a0_0 = FloatVector.zero(FLOATS);
        FloatVector a0_1 = FloatVector.zero(FLOATS);
        FloatVector a1_0 = FloatVector.zero(FLOATS);
        FloatVector a1_1 = FloatVector.zero(FLOATS);
        FloatVector a2_0 = FloatVector.zero(FLOATS);
        FloatVector a2_1 = FloatVector.zero(FLOATS);
        FloatVector a3_0 = FloatVector.zero(FLOATS);
        FloatVector a3_1 = FloatVector.zero(FLOATS);
        for (int i = 0; i < keys; i++) {
            long b = values + i * rowBytes;
            int a = p0 + i;
            FloatVector b0 = load(b);
            FloatVector b1 = load(b + 1 * VECTOR_BYTES);
            FloatVector x0 = FloatVector.broadcast(FLOATS, p[a]);
            a0_0 = x0.fma(b0, a0_0);
            a0_1 = x0.fma(b1, a0_1);
            FloatVector x1 = FloatVector.broadcast(FLOATS, p[a + 1 * STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            a1_1 = x1.fma(b1, a1_1);
            FloatVector x2 = FloatVector.broadcast(FLOATS, p[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            a2_1 = x2.fma(b1, a2_1);
            FloatVector x3 = FloatVector.broadcast(FLOATS, p[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            a3_1 = x3.fma(b1, a3_1);
        }
        FloatVector.fromArray(FLOATS, o, o0).add(a0_0).intoArray(o, o0);
        FloatVector.fromArray(FLOATS, o, o0 + LANES).add(a0_1).intoArray(o, o0 + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + oStride).add(a1_0).intoArray(o, o0 + oStride);
        FloatVector.fromArray(FLOATS, o, o0 + oStride + LANES).add(a1_1).intoArray(o, o0 + oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride).add(a2_0).intoArray(o, o0 + 2 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride + LANES).add(a2_1).intoArray(o, o0 + 2 * oStride + LANES);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride).add(a3_0).intoArray(o, o0 + 3 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride + LANES).add(a3_1).intoArray(o, o0 + 3 * oStride + LANES);
    }

    private static void add12x1(float[] p, int p0, int keys, long values, long rowBytes, float[] o, int o0,
            int oStride) {
        FloatVector a0_0 = FloatVector.zero(FLOATS);
        FloatVector a1_0 = FloatVector.zero(FLOATS);
        FloatVector a2_0 = FloatVector.zero(FLOATS);
        FloatVector a3_0 = FloatVector.zero(FLOATS);
        FloatVector a4_0 = FloatVector.zero(FLOATS);
        FloatVector a5_0 = FloatVector.zero(FLOATS);
        FloatVector a6_0 = FloatVector.zero(FLOATS);
        FloatVector a7_0 = FloatVector.zero(FLOATS);
        FloatVector a8_0 = FloatVector.zero(FLOATS);
        FloatVector a9_0 = FloatVector.zero(FLOATS);
        FloatVector a10_0 = FloatVector.zero(FLOATS);
        FloatVector a11_0 = FloatVector.zero(FLOATS);
        for (int i = 0; i < keys; i++) {
            long b = values + i * rowBytes;
            int a = p0 + i;
            FloatVector b0 = load(b);
            FloatVector x0 = FloatVector.broadcast(FLOATS, p[a]);
            a0_0 = x0.fma(b0, a0_0);
            FloatVector x1 = FloatVector.broadcast(FLOATS, p[a + 1 * STRIDE]);
            a1_0 = x1.fma(b0, a1_0);
            FloatVector x2 = FloatVector.broadcast(FLOATS, p[a + 2 * STRIDE]);
            a2_0 = x2.fma(b0, a2_0);
            FloatVector x3 = FloatVector.broadcast(FLOATS, p[a + 3 * STRIDE]);
            a3_0 = x3.fma(b0, a3_0);
            FloatVector x4 = FloatVector.broadcast(FLOATS, p[a + 4 * STRIDE]);
            a4_0 = x4.fma(b0, a4_0);
            FloatVector x5 = FloatVector.broadcast(FLOATS, p[a + 5 * STRIDE]);
            a5_0 = x5.fma(b0, a5_0);
            FloatVector x6 = FloatVector.broadcast(FLOATS, p[a + 6 * STRIDE]);
            a6_0 = x6.fma(b0, a6_0);
            FloatVector x7 = FloatVector.broadcast(FLOATS, p[a + 7 * STRIDE]);
            a7_0 = x7.fma(b0, a7_0);
            FloatVector x8 = FloatVector.broadcast(FLOATS, p[a + 8 * STRIDE]);
            a8_0 = x8.fma(b0, a8_0);
            FloatVector x9 = FloatVector.broadcast(FLOATS, p[a + 9 * STRIDE]);
            a9_0 = x9.fma(b0, a9_0);
            FloatVector x10 = FloatVector.broadcast(FLOATS, p[a + 10 * STRIDE]);
            a10_0 = x10.fma(b0, a10_0);
            FloatVector x11 = FloatVector.broadcast(FLOATS, p[a + 11 * STRIDE]);
            a11_0 = x11.fma(b0, a11_0);
        }
        FloatVector.fromArray(FLOATS, o, o0).add(a0_0).intoArray(o, o0);
        FloatVector.fromArray(FLOATS, o, o0 + oStride).add(a1_0).intoArray(o, o0 + oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 2 * oStride).add(a2_0).intoArray(o, o0 + 2 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 3 * oStride).add(a3_0).intoArray(o, o0 + 3 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 4 * oStride).add(a4_0).intoArray(o, o0 + 4 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 5 * oStride).add(a5_0).intoArray(o, o0 + 5 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 6 * oStride).add(a6_0).intoArray(o, o0 + 6 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 7 * oStride).add(a7_0).intoArray(o, o0 + 7 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 8 * oStride).add(a8_0).intoArray(o, o0 + 8 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 9 * oStride).add(a9_0).intoArray(o, o0 + 9 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 10 * oStride).add(a10_0).intoArray(o, o0 + 10 * oStride);
        FloatVector.fromArray(FLOATS, o, o0 + 11 * oStride).add(a11_0).intoArray(o, o0 + 11 * oStride);
    }
}
