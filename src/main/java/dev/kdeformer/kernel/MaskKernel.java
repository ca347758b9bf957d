package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Hides the keys that a causal rule forbids, on tiles that the diagonal crosses. */
public final class MaskKernel {
    private static final IntVector INDEX = IntVector.zero(INTS).addIndex(1);

    private MaskKernel() {
    }

    /**
     * Sets logit (r, c) to −∞ where c &gt; {@code last} + r.
     *
     * @param columns a multiple of LANES
     */
    public static void hideAfter(float[] s, int s0, int rows, int columns, int last) {
        final FloatVector hidden = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int r = 0; r < rows; r++) {
            int a = s0 + r * STRIDE;
            // Whole vectors before the first hidden column keep what they are.
            int from = Math.max(0, last + r + 1) / LANES * LANES;
            for (int c = from; c < columns; c += LANES) {
                FloatVector x = FloatVector.fromArray(FLOATS, s, a + c);
                x.blend(hidden, INDEX.compare(VectorOperators.GT, last + r - c).cast(FLOATS)).intoArray(s, a + c);
            }
        }
    }

    /**
     * Sets logit (r, c) to −∞ where c &lt; {@code first} + r.
     *
     * @param columns a multiple of LANES
     */
    public static void hideBefore(float[] s, int s0, int rows, int columns, int first) {
        final FloatVector hidden = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int r = Math.max(0, -first); r < rows; r++) {
            int a = s0 + r * STRIDE;
            int end = Math.min(columns, first + r);
            for (int c = 0; c < end; c += LANES) {
                FloatVector x = FloatVector.fromArray(FLOATS, s, a + c);
                x.blend(hidden, INDEX.compare(VectorOperators.LT, first + r - c).cast(FLOATS)).intoArray(s, a + c);
            }
        }
    }

    /**
     * Sets logit (r, c) to −∞ where key {@code key + r} lies outside of what query c sees: keys by queries.
     *
     * @param columns a multiple of LANES
     * @param first   first key of every query
     * @param end     key after the last one of every query
     */
    static void hideOutside(float[] s, int rows, int columns, int key, int[] first, int[] end) {
        final FloatVector hidden = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c += LANES) {
                int a = r * STRIDE + c;
                VectorMask<Integer> outside = IntVector.fromArray(INTS, first, c).compare(VectorOperators.GT, key + r)
                        .or(IntVector.fromArray(INTS, end, c).compare(VectorOperators.LE, key + r));
                FloatVector.fromArray(FLOATS, s, a).blend(hidden, outside.cast(FLOATS)).intoArray(s, a);
            }
        }
    }

    /** The scalar reference of {@link #hideOutside}. */
    static void hideOutsideScalar(float[] s, int rows, int columns, int key, int[] first, int[] end) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                if (key + r < first[c] || key + r >= end[c]) {
                    s[r * STRIDE + c] = Float.NEGATIVE_INFINITY;
                }
            }
        }
    }

    /** The scalar reference of {@link #hideBefore}. */
    static void hideBeforeScalar(float[] s, int s0, int rows, int columns, int first) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < Math.min(columns, first + r); c++) {
                s[s0 + r * STRIDE + c] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    /** The scalar reference of {@link #hideAfter}. */
    static void hideAfterScalar(float[] s, int s0, int rows, int columns, int last) {
        for (int r = 0; r < rows; r++) {
            for (int c = Math.max(0, last + r + 1); c < columns; c++) {
                s[s0 + r * STRIDE + c] = Float.NEGATIVE_INFINITY;
            }
        }
    }
}
