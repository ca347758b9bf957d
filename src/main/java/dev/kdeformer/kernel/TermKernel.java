package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Bends logits by a soft cap, and adds biases to them. */
final class TermKernel {
    private static final FloatVector INFINITE = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    private static final float MAGIC = 12_582_912f;
    /** Below this, the hyperbolic tangent comes from its series, above from the exponential. */
    private static final float SMALL = 0.35f;
    /** From here on it is 1 to the last bit. */
    private static final float LARGE = 9.5f;

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
                FloatVector t = tanh(x);
                t.mul(cap).intoArray(s, c);
                if (slopes != null) {
                    one.sub(t.mul(t)).intoArray(slopes, c);
                }
            }
        }
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
     * @param bias    row-major from index {@code b0} on, {@code stride} floats from row to row
     */
    static void add(float[] s, int s0, int rows, int columns, float[] bias, int b0, int stride,
            float unit) {
        FloatVector units = FloatVector.broadcast(FLOATS, unit);
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            for (int c = 0; c < columns; c += LANES) {
                FloatVector b = FloatVector.fromArray(FLOATS, bias, b0 + r * stride + c);
                FloatVector.fromArray(FLOATS, s, a + c).add(b.mul(units))
                        .blend(INFINITE, b.compare(VectorOperators.LE, LogitTerms.HIDING_BIAS))
                        .intoArray(s, a + c);
            }
        }
    }

    /** The scalar reference of {@link #add}. */
    static void addScalar(float[] s, int s0, int rows, int columns, float[] bias, int b0, int stride,
            float unit) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                float b = bias[b0 + r * stride + c];
                int i = s0 + r * STRIDE + c;
                s[i] = b <= LogitTerms.HIDING_BIAS ? Float.NEGATIVE_INFINITY : s[i] + b * unit;
            }
        }
    }
}
