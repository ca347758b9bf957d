package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Turns logits into weights: p = 2^(factor · s − m), with row sums and a watch on the largest exponent.
 *
 * <p>Exponents are in units of log 2 (see {@link LogitScale}), which makes the range reduction exact: 2^x = 2^k · 2^r with k the nearest integer and r = x − k without rounding. 2^r comes from a polynomial of
 * degree 6 on [−½, ½] (relative error 2·10⁻⁹, weighted least squares iterated towards the minimax solution), and k
 * is added to the exponent. The error stays below 2 ulp on [−126, 126]; below −126 the result is exactly 0, which
 * costs one comparison and spares every caller the denormals; −∞ gives 0 as well.
 */
public final class ExpKernel {
    /** Columns that one pass takes: four vectors, whose independent work hides the latency of the polynomial. */
    public static final int COLUMNS = 4 * LANES;

    /** Exponents below this give exactly 0. */
    static final float LOWEST = -126;

    /** 1.5 · 2²³: adding it leaves the nearest integer in the low mantissa bits. */
    private static final float MAGIC = 12_582_912f;
    private static final float C1 = 0.6931472f;
    private static final float C2 = 0.24022648f;
    private static final float C3 = 0.055503324f;
    private static final float C4 = 0.009618437f;
    private static final float C5 = 0.0013398874f;
    private static final float C6 = 0.00015353362f;

    private ExpKernel() {
    }

    /**
     * Replaces {@code rows} rows of {@link #COLUMNS} logits by weights and adds them to the row sums.
     *
     * @param s    logits in, weights out; row distance STRIDE, from index {@code s0} on
     * @param factor what logits are multiplied by
     * @param max  what to subtract from each row then
     * @param sums row sums, one vector a row, to be reduced by the caller
     * @return the raw bits, as an int, of the largest exponent among the positive ones, or a negative number if there
     *         is none; weights are meaningless if it stands for more than 126
     */
    public static int exp(float[] s, int s0, int rows, float factor, float[] max, float[] sums) {
        final FloatVector f = FloatVector.broadcast(FLOATS, factor);
        final FloatVector magic = FloatVector.broadcast(FLOATS, MAGIC);
        final FloatVector c6 = FloatVector.broadcast(FLOATS, C6);
        final FloatVector c5 = FloatVector.broadcast(FLOATS, C5);
        final FloatVector c4 = FloatVector.broadcast(FLOATS, C4);
        final FloatVector c3 = FloatVector.broadcast(FLOATS, C3);
        final FloatVector c2 = FloatVector.broadcast(FLOATS, C2);
        final FloatVector c1 = FloatVector.broadcast(FLOATS, C1);
        final FloatVector one = FloatVector.broadcast(FLOATS, 1);
        final FloatVector lowest = FloatVector.broadcast(FLOATS, LOWEST);
        final FloatVector zero = FloatVector.zero(FLOATS);
        IntVector top = IntVector.broadcast(INTS, Integer.MIN_VALUE);
        // Written out for four vectors: as a helper method the four copies exceed the compiler's inlining budget and
        // every one becomes a call with boxed vectors.
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            FloatVector m = FloatVector.broadcast(FLOATS, -max[r]);
            FloatVector x0 = FloatVector.fromArray(FLOATS, s, a).fma(f, m);
            FloatVector x1 = FloatVector.fromArray(FLOATS, s, a + LANES).fma(f, m);
            FloatVector x2 = FloatVector.fromArray(FLOATS, s, a + 2 * LANES).fma(f, m);
            FloatVector x3 = FloatVector.fromArray(FLOATS, s, a + 3 * LANES).fma(f, m);
            // As signed ints, positive floats compare like floats and all negative ones are below them.
            top = top.max(x0.reinterpretAsInts());
            top = top.max(x1.reinterpretAsInts());
            top = top.max(x2.reinterpretAsInts());
            top = top.max(x3.reinterpretAsInts());
            FloatVector t0 = x0.add(magic);
            FloatVector t1 = x1.add(magic);
            FloatVector t2 = x2.add(magic);
            FloatVector t3 = x3.add(magic);
            FloatVector r0 = x0.sub(t0.sub(magic));
            FloatVector r1 = x1.sub(t1.sub(magic));
            FloatVector r2 = x2.sub(t2.sub(magic));
            FloatVector r3 = x3.sub(t3.sub(magic));
            FloatVector p0 = r0.fma(c6, c5);
            FloatVector p1 = r1.fma(c6, c5);
            FloatVector p2 = r2.fma(c6, c5);
            FloatVector p3 = r3.fma(c6, c5);
            p0 = p0.fma(r0, c4);
            p1 = p1.fma(r1, c4);
            p2 = p2.fma(r2, c4);
            p3 = p3.fma(r3, c4);
            p0 = p0.fma(r0, c3);
            p1 = p1.fma(r1, c3);
            p2 = p2.fma(r2, c3);
            p3 = p3.fma(r3, c3);
            p0 = p0.fma(r0, c2);
            p1 = p1.fma(r1, c2);
            p2 = p2.fma(r2, c2);
            p3 = p3.fma(r3, c2);
            p0 = p0.fma(r0, c1);
            p1 = p1.fma(r1, c1);
            p2 = p2.fma(r2, c1);
            p3 = p3.fma(r3, c1);
            p0 = p0.fma(r0, one);
            p1 = p1.fma(r1, one);
            p2 = p2.fma(r2, one);
            p3 = p3.fma(r3, one);
            IntVector e0 = t0.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
            IntVector e1 = t1.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
            IntVector e2 = t2.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
            IntVector e3 = t3.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
            p0 = p0.reinterpretAsInts().add(e0).reinterpretAsFloats().blend(zero, x0.lt(lowest));
            p1 = p1.reinterpretAsInts().add(e1).reinterpretAsFloats().blend(zero, x1.lt(lowest));
            p2 = p2.reinterpretAsInts().add(e2).reinterpretAsFloats().blend(zero, x2.lt(lowest));
            p3 = p3.reinterpretAsInts().add(e3).reinterpretAsFloats().blend(zero, x3.lt(lowest));
            p0.intoArray(s, a);
            p1.intoArray(s, a + LANES);
            p2.intoArray(s, a + 2 * LANES);
            p3.intoArray(s, a + 3 * LANES);
            FloatVector sum = FloatVector.fromArray(FLOATS, sums, r * LANES);
            sum.add(p0.add(p1).add(p2.add(p3))).intoArray(sums, r * LANES);
        }
        return top.reduceLanes(VectorOperators.MAX);
    }

    /** The scalar reference of {@link #exp}. */
    static int expScalar(float[] s, int s0, int rows, float factor, float[] max, float[] sums) {
        int top = Integer.MIN_VALUE;
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < COLUMNS; c++) {
                float x = Math.fma(s[s0 + r * STRIDE + c], factor, -max[r]);
                top = Math.max(top, Float.floatToRawIntBits(x));
                float p = x < LOWEST ? 0 : (float) Math.pow(2, x);
                s[s0 + r * STRIDE + c] = p;
                sums[r * LANES + c % LANES] += p;
            }
        }
        return top;
    }

    /**
     * The largest of factor times {@code columns} logits in every row, and of what {@code max} held.
     *
     * @param factor  positive
     * @param columns a multiple of LANES
     */
    public static void rowMax(float[] s, int s0, int rows, int columns, float factor, float[] max) {
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            FloatVector top = FloatVector.fromArray(FLOATS, s, a);
            for (int c = LANES; c < columns; c += LANES) {
                FloatVector x = FloatVector.fromArray(FLOATS, s, a + c);
                top = top.blend(x, x.compare(VectorOperators.GT, top));
            }
            max[r] = Math.max(max[r], top.reduceLanes(VectorOperators.MAX) * factor);
        }
    }

    /** The scalar reference of {@link #rowMax}. */
    static void rowMaxScalar(float[] s, int s0, int rows, int columns, float factor, float[] max) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                max[r] = Math.max(max[r], s[s0 + r * STRIDE + c] * factor);
            }
        }
    }
}
