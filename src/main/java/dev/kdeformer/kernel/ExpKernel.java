package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.MultiplyAdd;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Turns logits into weights: p = 2^(factor · s − m), with row sums and a watch on the largest exponent.
 *
 * <p>Exponents are in units of log 2 (see {@link LogitScale}), which makes the range reduction exact: 2^x = 2^k · 2^r
 * with k the nearest integer and r = x − k. As m is a whole number, k + m comes from one multiply-add and r from
 * another, rounded once; x itself is never formed, which costs fewer operations and an error less. 2^r comes from a
 * polynomial of degree 5 on [−½, ½], 1 at 0 (largest error 1.1 ulp, weighted least squares iterated towards the
 * minimax solution), and k is added to the exponent. The error stays below 2 ulp on [−126, 126]; below −126 the result
 * is exactly 0, which costs one comparison and spares every caller the denormals; −∞ gives 0 as well.
 */
public final class ExpKernel {
    /** Columns that one pass takes: four vectors, whose independent work hides the latency of the polynomial. */
    public static final int COLUMNS = 4 * LANES;

    /** Largest magnitude of a reference that {@link #exp} takes as it is: sums with an exponent stay exact. */
    public static final float FARTHEST = 0x1p21f;

    /** Exponents below this give exactly 0. */
    static final float LOWEST = -126;

    /** 1.5 · 2²³: adding it leaves the nearest integer in the low mantissa bits. */
    private static final float MAGIC = 12_582_912f;
    private static final float C1 = 0.6931468f;
    private static final float C2 = 0.24022236f;
    private static final float C3 = 0.055508915f;
    private static final float C4 = 0.009671763f;
    private static final float C5 = 0.0013225707f;

    private ExpKernel() {
    }

    /**
     * Replaces {@code rows} rows of {@link #COLUMNS} logits by weights and adds them to the row sums.
     *
     * @param s      logits in, weights out; row distance STRIDE, from index {@code s0} on
     * @param factor what logits are multiplied by, positive
     * @param max    what to subtract from each row then: a whole number of magnitude up to {@link #FARTHEST}, for
     *               others see {@link #relate}; or below −2¹⁰⁰ for rows of −∞ alone
     * @param sums   row sums, one vector a row, to be reduced by the caller
     * @return the largest exponent, rounded to a whole number; weights are meaningless if it is above 126
     */
    public static float exp(float[] s, int s0, int rows, float factor, float[] max, float[] sums) {
        return exp(s, s0, 0, rows, factor, max, sums);
    }

    /** Does the same with rows [from, to) alone. */
    static float exp(float[] s, int s0, int from, int to, float factor, float[] max, float[] sums) {
        final FloatVector magic = FloatVector.broadcast(FLOATS, MAGIC);
        final FloatVector inverse = FloatVector.broadcast(FLOATS, 1 / factor);
        final FloatVector low = FloatVector.broadcast(FLOATS, LOWEST / factor);
        final FloatVector f = FloatVector.broadcast(FLOATS, factor);
        final FloatVector c5 = FloatVector.broadcast(FLOATS, C5);
        final FloatVector c4 = FloatVector.broadcast(FLOATS, C4);
        final FloatVector c3 = FloatVector.broadcast(FLOATS, C3);
        final FloatVector c2 = FloatVector.broadcast(FLOATS, C2);
        final FloatVector c1 = FloatVector.broadcast(FLOATS, C1);
        final FloatVector one = FloatVector.broadcast(FLOATS, 1);
        final FloatVector zero = FloatVector.zero(FLOATS);
        IntVector top = IntVector.broadcast(INTS, Integer.MIN_VALUE);
        // Written out for four vectors: as a helper method the four copies exceed the compiler's inlining budget and
        // every one becomes a call with boxed vectors.
        for (int r = from; r < to; r++) {
            int a = s0 + r * STRIDE;
            FloatVector reference = FloatVector.broadcast(FLOATS, max[r]);
            FloatVector m = magic.sub(reference);
            FloatVector lowest = FUSED ? reference.fma(inverse, low) : reference.mul(inverse).add(low);
            FloatVector x0 = FloatVector.fromArray(FLOATS, s, a);
            FloatVector x1 = FloatVector.fromArray(FLOATS, s, a + LANES);
            FloatVector x2 = FloatVector.fromArray(FLOATS, s, a + 2 * LANES);
            FloatVector x3 = FloatVector.fromArray(FLOATS, s, a + 3 * LANES);
            FloatVector t0 = FUSED ? x0.fma(f, m) : x0.mul(f).add(m);
            FloatVector t1 = FUSED ? x1.fma(f, m) : x1.mul(f).add(m);
            FloatVector t2 = FUSED ? x2.fma(f, m) : x2.mul(f).add(m);
            FloatVector t3 = FUSED ? x3.fma(f, m) : x3.mul(f).add(m);
            // As signed ints, positive floats compare like floats and all negative ones are below them.
            top = top.max(t0.reinterpretAsInts());
            top = top.max(t1.reinterpretAsInts());
            top = top.max(t2.reinterpretAsInts());
            top = top.max(t3.reinterpretAsInts());
            FloatVector r0 = FUSED ? x0.fma(f, m.sub(t0)) : x0.mul(f).add(m.sub(t0));
            FloatVector r1 = FUSED ? x1.fma(f, m.sub(t1)) : x1.mul(f).add(m.sub(t1));
            FloatVector r2 = FUSED ? x2.fma(f, m.sub(t2)) : x2.mul(f).add(m.sub(t2));
            FloatVector r3 = FUSED ? x3.fma(f, m.sub(t3)) : x3.mul(f).add(m.sub(t3));
            FloatVector p0 = FUSED ? r0.fma(c5, c4) : r0.mul(c5).add(c4);
            FloatVector p1 = FUSED ? r1.fma(c5, c4) : r1.mul(c5).add(c4);
            FloatVector p2 = FUSED ? r2.fma(c5, c4) : r2.mul(c5).add(c4);
            FloatVector p3 = FUSED ? r3.fma(c5, c4) : r3.mul(c5).add(c4);
            p0 = FUSED ? p0.fma(r0, c3) : p0.mul(r0).add(c3);
            p1 = FUSED ? p1.fma(r1, c3) : p1.mul(r1).add(c3);
            p2 = FUSED ? p2.fma(r2, c3) : p2.mul(r2).add(c3);
            p3 = FUSED ? p3.fma(r3, c3) : p3.mul(r3).add(c3);
            p0 = FUSED ? p0.fma(r0, c2) : p0.mul(r0).add(c2);
            p1 = FUSED ? p1.fma(r1, c2) : p1.mul(r1).add(c2);
            p2 = FUSED ? p2.fma(r2, c2) : p2.mul(r2).add(c2);
            p3 = FUSED ? p3.fma(r3, c2) : p3.mul(r3).add(c2);
            p0 = FUSED ? p0.fma(r0, c1) : p0.mul(r0).add(c1);
            p1 = FUSED ? p1.fma(r1, c1) : p1.mul(r1).add(c1);
            p2 = FUSED ? p2.fma(r2, c1) : p2.mul(r2).add(c1);
            p3 = FUSED ? p3.fma(r3, c1) : p3.mul(r3).add(c1);
            p0 = FUSED ? p0.fma(r0, one) : p0.mul(r0).add(one);
            p1 = FUSED ? p1.fma(r1, one) : p1.mul(r1).add(one);
            p2 = FUSED ? p2.fma(r2, one) : p2.mul(r2).add(one);
            p3 = FUSED ? p3.fma(r3, one) : p3.mul(r3).add(one);
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
        return Float.intBitsToFloat(top.reduceLanes(VectorOperators.MAX)) - MAGIC;
    }

    /** The scalar reference of {@link #exp}. */
    static float expScalar(float[] s, int s0, int rows, float factor, float[] max, float[] sums) {
        float top = Float.NEGATIVE_INFINITY;
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < COLUMNS; c++) {
                double x = (double) s[s0 + r * STRIDE + c] * factor - max[r];
                top = Math.max(top, (float) Math.rint(x));
                float p = x < LOWEST ? 0 : (float) Math.pow(2, x);
                s[s0 + r * STRIDE + c] = p;
                sums[r * LANES + c % LANES] += p;
            }
        }
        return top;
    }

    /**
     * Replaces {@link #COLUMNS} logits of each row by exponents relative to any reference: factor · s − (high + low).
     * {@link #exp} takes them with a factor of 1 and references of 0. Where a logit comes near its reference, nothing
     * is rounded but the result.
     *
     * @param from first row
     * @param to   row after the last
     * @param high the reference of each row, rounded to a float
     * @param low  what is missing to it
     */
    static void relate(float[] s, int s0, int from, int to, float factor, float[] high, float[] low) {
        if (!MultiplyAdd.FUSED) {
            relateScalar(s, s0, from, to, factor, high, low);
            return;
        }
        for (int r = from; r < to; r++) {
            FloatVector h = FloatVector.broadcast(FLOATS, -high[r]);
            for (int c = s0 + r * STRIDE; c < s0 + r * STRIDE + COLUMNS; c += LANES) {
                fma(FloatVector.fromArray(FLOATS, s, c), FloatVector.broadcast(FLOATS, factor), h).sub(low[r])
                        .intoArray(s, c);
            }
        }
    }

    /** The scalar reference of {@link #relate}, and what does its work where a product would be rounded. */
    static void relateScalar(float[] s, int s0, int from, int to, float factor, float[] high, float[] low) {
        for (int r = from; r < to; r++) {
            for (int c = s0 + r * STRIDE; c < s0 + r * STRIDE + COLUMNS; c++) {
                s[c] = (float) ((double) s[c] * factor - high[r] - low[r]);
            }
        }
    }

    /**
     * Replaces logits by exponents that depend on row and column: factor · (s + bias) + rest + rowBias. Where a logit
     * comes near minus its bias, nothing is rounded before the last two sums.
     *
     * @param columns a multiple of LANES
     * @param bias    address of one float for every column
     * @param rest    address of one float for every column, in units of exponents
     * @param rowBias one for every row, in units of exponents; −∞ hides the row
     */
    static void relate(float[] s, int rows, int columns, float factor, long bias, long rest, float[] rowBias) {
        for (int r = 0; r < rows; r++) {
            int a = r * STRIDE;
            for (int c = 0; c < columns; c += LANES) {
                FloatVector logit = FloatVector.fromArray(FLOATS, s, a + c).add(Lanes.load(bias + c * 4L));
                fma(logit, FloatVector.broadcast(FLOATS, factor), Lanes.load(rest + c * 4L)).add(rowBias[r])
                        .intoArray(s, a + c);
            }
        }
    }

    /** The scalar reference of {@link #relate(float[], int, int, float, long, long, float[])}. */
    static void relateScalar(float[] s, int rows, int columns, float factor, long bias, long rest, float[] rowBias) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                double logit = s[r * STRIDE + c] + (double) Memory.getFloat(bias + c * 4L);
                s[r * STRIDE + c] = (float) (logit * factor + Memory.getFloat(rest + c * 4L) + rowBias[r]);
            }
        }
    }

    /**
     * A reference exponent for a largest exponent, in units of log 2: rounded up to a whole number where {@link #exp}
     * takes that as it is, and beyond {@link #FARTHEST} the exponent itself. There a float has no digits after the
     * point, and no whole float need lie within 126 of the exponent.
     */
    static double reference(double largest) {
        return Math.abs(largest) <= FARTHEST ? Math.ceil(largest) : largest;
    }

    /**
     * The largest of {@code columns} logits in every row.
     *
     * @param columns a multiple of LANES
     */
    static void rowMax(float[] s, int s0, int rows, int columns, float[] max) {
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            FloatVector top = FloatVector.fromArray(FLOATS, s, a);
            for (int c = LANES; c < columns; c += LANES) {
                FloatVector x = FloatVector.fromArray(FLOATS, s, a + c);
                top = top.blend(x, x.compare(VectorOperators.GT, top));
            }
            // As ints in the order of floats, whose lanes reduce in a fraction of the operations.
            IntVector bits = top.reinterpretAsInts();
            bits = bits.lanewise(VectorOperators.XOR, bits.lanewise(VectorOperators.ASHR, 31).and(Integer.MAX_VALUE));
            int largest = bits.reduceLanes(VectorOperators.MAX);
            max[r] = Float.intBitsToFloat(largest ^ largest >> 31 & Integer.MAX_VALUE);
        }
    }

    /** The scalar reference of {@link #rowMax}. */
    static void rowMaxScalar(float[] s, int s0, int rows, int columns, float[] max) {
        for (int r = 0; r < rows; r++) {
            max[r] = s[s0 + r * STRIDE];
            for (int c = 1; c < columns; c++) {
                max[r] = Math.max(max[r], s[s0 + r * STRIDE + c]);
            }
        }
    }
}
