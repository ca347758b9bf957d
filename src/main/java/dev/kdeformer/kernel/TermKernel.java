package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/** Bends logits by a soft cap, and adds biases to them. */
final class TermKernel {
    private static final FloatVector INFINITE = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    private static final float MAGIC = 12_582_912f;
    /** Below this, the hyperbolic tangent comes from its series, above from the exponential. */
    private static final float SMALL = 0.35f;
    /** From here on it is 1 to the last bit. */
    private static final float LARGE = 9.5f;

    /** From here on the quotient is taken for 1 but for rounding. */
    private static final float FAR = 8;
    private static final FloatVector ONE = FloatVector.broadcast(FLOATS, 1);
    private static final FloatVector P1 = FloatVector.broadcast(FLOATS, 0.134445056f);
    private static final FloatVector P2 = FloatVector.broadcast(FLOATS, 0.00357160647f);
    private static final FloatVector P3 = FloatVector.broadcast(FLOATS, 2.18947989e-05f);
    private static final FloatVector P4 = FloatVector.broadcast(FLOATS, 1.52306097e-08f);
    private static final FloatVector Q1 = FloatVector.broadcast(FLOATS, 0.467778325f);
    private static final FloatVector Q2 = FloatVector.broadcast(FLOATS, 0.026164474f);
    private static final FloatVector Q3 = FloatVector.broadcast(FLOATS, 0.000341130566f);
    private static final FloatVector Q4 = FloatVector.broadcast(FLOATS, 8.52252469e-07f);

    private TermKernel() {
    }

    /**
     * Replaces logits s by cap · tanh(s / cap).
     *
     * @param columns a multiple of LANES
     * @param cap     positive, in the units of the logits
     * @param slopes  receives the derivatives 1 − tanh² at the same places, or null
     */
    static void bend(float[] s, int s0, int rows, int columns, float cap, float[] slopes) {
        FloatVector one = FloatVector.broadcast(FLOATS, 1);
        float inverse = 1 / cap;
        for (int r = 0; r < rows; r++) {
            for (int c = s0 + r * STRIDE; c < s0 + r * STRIDE + columns; c += LANES) {
                FloatVector x = FloatVector.fromArray(FLOATS, s, c).mul(inverse);
                FloatVector t = slopes == null ? quotient(x) : tanh(x);
                t.mul(cap).intoArray(s, c);
                if (slopes != null) {
                    one.sub(t.mul(t)).intoArray(slopes, c);
                }
            }
        }
    }

    /**
     * The hyperbolic tangent as x P(x²) / Q(x²), P and Q of the degree 4 that come nearest to it, within 7e-9 of its
     * size up to 8; the rest is rounding of a few units in the last place. Slopes from it would lose a digit near the
     * cap.
     */
    private static FloatVector quotient(FloatVector x) {
        FloatVector a = x.max(-FAR).min(FAR);
        FloatVector q = a.mul(a);
        FloatVector p = fma(q, P4, P3);
        FloatVector d = fma(q, Q4, Q3);
        p = fma(p, q, P2);
        d = fma(d, q, Q2);
        p = fma(p, q, P1);
        d = fma(d, q, Q1);
        p = fma(p, q, ONE);
        d = fma(d, q, ONE);
        return a.mul(p).div(d);
    }

    private static FloatVector tanh(FloatVector x) {
        FloatVector a = x.abs();
        FloatVector q = x.mul(x);
        FloatVector series = q.mul(-0.00886323553f).add(0.0218694885f).mul(q).add(-0.0539682540f).mul(q)
                .add(0.133333333f).mul(q).add(-0.333333333f).mul(q).mul(a).add(a);
        // 1 − 2 / (2^e + 1) with e = 2 a log₂e
        FloatVector e = a.min(LARGE).mul(2.8853901f);
        FloatVector t = e.add(MAGIC);
        FloatVector r = e.sub(t.sub(MAGIC));
        FloatVector p = r.mul(0.00132257f).add(0.009671763f).mul(r).add(0.055508915f).mul(r).add(0.24022236f).mul(r)
                .add(0.6931468f).mul(r).add(1);
        IntVector power = t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        p = p.reinterpretAsInts().add(power).reinterpretAsFloats();
        FloatVector far = FloatVector.broadcast(FLOATS, 1).sub(FloatVector.broadcast(FLOATS, 2).div(p.add(1)));
        FloatVector result = far.blend(series, a.lt(SMALL));
        return result.blend(result.neg(), x.lt(0));
    }

    /** The scalar reference of {@link #bend}. */
    static void bendScalar(float[] s, int s0, int rows, int columns, float cap, float[] slopes) {
        for (int r = 0; r < rows; r++) {
            for (int c = s0 + r * STRIDE; c < s0 + r * STRIDE + columns; c++) {
                double t = Math.tanh(s[c] / (double) cap);
                s[c] = (float) (cap * t);
                slopes[c] = (float) (1 - t * t);
            }
        }
    }

    /** Adds one bias a column, from an address on, to all rows. */
    static void addColumns(float[] s, int s0, int rows, int columns, long bias) {
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            for (int c = 0; c < columns; c += LANES) {
                FloatVector.fromArray(FLOATS, s, a + c).add(Lanes.load(bias + c * 4L)).intoArray(s, a + c);
            }
        }
    }

    /** The scalar reference of {@link #addColumns}. */
    static void addColumnsScalar(float[] s, int s0, int rows, int columns, long bias) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                s[s0 + r * STRIDE + c] += Memory.getFloat(bias + c * 4L);
            }
        }
    }

    /**
     * Adds biases times a unit; biases that hide make a logit −∞.
     *
     * @param columns a multiple of LANES
     * @param bias    a row for every row of logits
     */
    static void add(float[] s, int s0, int rows, int columns, BiasRows bias, float unit) {
        FloatVector units = FloatVector.broadcast(FLOATS, unit);
        float[] biases = bias.data();
        int b0 = bias.at();
        int stride = bias.stride();
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            for (int c = 0; c < columns; c += LANES) {
                FloatVector b = FloatVector.fromArray(FLOATS, biases, b0 + r * stride + c);
                FloatVector.fromArray(FLOATS, s, a + c).add(b.mul(units))
                        .blend(INFINITE, b.compare(VectorOperators.LE, LogitTerms.HIDING_BIAS))
                        .intoArray(s, a + c);
            }
        }
    }

    /** The scalar reference of {@link #add}. */
    static void addScalar(float[] s, int s0, int rows, int columns, BiasRows bias, float unit) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                float b = bias.data()[bias.at() + r * bias.stride() + c];
                int i = s0 + r * STRIDE + c;
                s[i] = b <= LogitTerms.HIDING_BIAS ? Float.NEGATIVE_INFINITY : s[i] + b * unit;
            }
        }
    }

    /** Multiplies biases by a unit, in place; those that hide become −∞. */
    static void scale(float[] bias, int count, float unit) {
        for (int i = 0; i < count; i++) {
            bias[i] = bias[i] <= LogitTerms.HIDING_BIAS ? Float.NEGATIVE_INFINITY : bias[i] * unit;
        }
    }

    /**
     * Adds scaled biases that move on by one from a row to the next.
     *
     * @param columns a multiple of LANES
     * @param bias    that of row r and column c is at {@code b0 − r + c}
     */
    static void addSliding(float[] s, int s0, int rows, int columns, float[] bias, int b0) {
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            for (int c = 0; c < columns; c += LANES) {
                FloatVector.fromArray(FLOATS, s, a + c).add(FloatVector.fromArray(FLOATS, bias, b0 - r + c))
                        .intoArray(s, a + c);
            }
        }
    }

    /** The scalar reference of {@link #addSliding}. */
    static void addSlidingScalar(float[] s, int s0, int rows, int columns, float[] bias, int b0) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                s[s0 + r * STRIDE + c] += bias[b0 - r + c];
            }
        }
    }

    /**
     * Adds biases that are a sum of a row's and a column's part over a grid to one pass of the exponential in rows
     * [from, to).
     *
     * @param s0     index of the first column of row 0
     * @param from   first row
     * @param to     row after the last
     * @param parts  the parts of all rows
     * @param places where each vector finds its parts
     */
    static void addGrid(float[] s, int s0, int from, int to, float unit, GridParts parts, GridPass places) {
        FloatVector units = FloatVector.broadcast(FLOATS, unit);
        float[] rowParts = parts.rows();
        float[] columnParts = parts.columns();
        VectorShuffle<Float> take0 = places.lanes(0);
        VectorShuffle<Float> take1 = places.lanes(1);
        VectorShuffle<Float> take2 = places.lanes(2);
        VectorShuffle<Float> take3 = places.lanes(3);
        int x0 = places.column(0);
        int x1 = places.column(1);
        int x2 = places.column(2);
        int x3 = places.column(3);
        int y0 = places.row(0);
        int y1 = places.row(1);
        int y2 = places.row(2);
        int y3 = places.row(3);
        for (int r = from; r < to; r++) {
            int a = s0 + r * STRIDE;
            int x = r * parts.columnStride();
            int y = r * parts.rowStride();
            FloatVector b0 = FloatVector.fromArray(FLOATS, columnParts, x + x0)
                    .add(FloatVector.fromArray(FLOATS, rowParts, y + y0).rearrange(take0));
            FloatVector b1 = FloatVector.fromArray(FLOATS, columnParts, x + x1)
                    .add(FloatVector.fromArray(FLOATS, rowParts, y + y1).rearrange(take1));
            FloatVector b2 = FloatVector.fromArray(FLOATS, columnParts, x + x2)
                    .add(FloatVector.fromArray(FLOATS, rowParts, y + y2).rearrange(take2));
            FloatVector b3 = FloatVector.fromArray(FLOATS, columnParts, x + x3)
                    .add(FloatVector.fromArray(FLOATS, rowParts, y + y3).rearrange(take3));
            FloatVector.fromArray(FLOATS, s, a).add(b0.mul(units))
                    .blend(INFINITE, b0.compare(VectorOperators.LE, LogitTerms.HIDING_BIAS)).intoArray(s, a);
            FloatVector.fromArray(FLOATS, s, a + LANES).add(b1.mul(units))
                    .blend(INFINITE, b1.compare(VectorOperators.LE, LogitTerms.HIDING_BIAS)).intoArray(s, a + LANES);
            FloatVector.fromArray(FLOATS, s, a + 2 * LANES).add(b2.mul(units))
                    .blend(INFINITE, b2.compare(VectorOperators.LE, LogitTerms.HIDING_BIAS))
                    .intoArray(s, a + 2 * LANES);
            FloatVector.fromArray(FLOATS, s, a + 3 * LANES).add(b3.mul(units))
                    .blend(INFINITE, b3.compare(VectorOperators.LE, LogitTerms.HIDING_BIAS))
                    .intoArray(s, a + 3 * LANES);
        }
    }

    /** The scalar reference of {@link #addGrid}. */
    static void addGridScalar(float[] s, int s0, int from, int to, float unit, GridParts parts, GridPass places) {
        for (int r = from; r < to; r++) {
            for (int c = 0; c < ExpKernel.COLUMNS; c++) {
                int vector = c / LANES;
                int row = places.row(vector) + places.lanes(vector).laneSource(c % LANES);
                float b = parts.columns()[r * parts.columnStride() + places.column(vector) + c % LANES]
                        + parts.rows()[r * parts.rowStride() + row];
                int i = s0 + r * STRIDE + c;
                s[i] = b <= LogitTerms.HIDING_BIAS ? Float.NEGATIVE_INFINITY : s[i] + b * unit;
            }
        }
    }
}
