package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Element-wise work on the candidates of a node, in arrays padded to whole vectors. The polynomials are good to about
 * 10⁻⁴, which is plenty for a choice of keys, and give the same bits whether compiled or not.
 */
public final class ScoreKernel {
    private static final float LOG2E = (float) (1 / Math.log(2));
    private static final float LN2 = (float) Math.log(2);
    private static final float LN6 = (float) Math.log(6);
    private static final float MAGIC = 12_582_912f;

    /** A spread must have a logarithm. */
    private static final float LEAST_SPREAD = 1e-12f;
    /** From this spread on e^s is all that counts of e^s − 1 − s − s²/2, but for a third. */
    private static final float LARGE_SPREAD = 4;
    private static final float LARGE_SHIFT = 0.3f;
    /** Logarithms of weights below this are taken for those of 0. */
    private static final float LOWEST = -80;

    private ScoreKernel() {
    }

    /**
     * The logarithm of the expected squared error, over a node's queries, of folding a key instead of evaluating it,
     * where first and second order are captured by the far field's expansion. For a key whose logit is by u above the
     * logarithm of all weights and has the variance s, that is 2 u + log(e^s − 1 − s − s²/2).
     *
     * <p>A weight is at most all of a softmax, though. The expectation of such a square over a normal logit comes from
     * about s above its mean; where that is beyond −u, so that queries there have no other key, what counts is how
     * likely a query finds the key worth anything, and the score is −u²/s. So a key far from all of a node's queries
     * is not taken for the more important the further away it is.
     *
     * @param logMass logarithm of the sum of all weights
     * @return the largest
     */
    public static float scores(float[] logits, float[] spreads, int count, float logMass, float[] scores) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector e = logThirdOrder(FloatVector.fromArray(FLOATS, spreads, i));
            FloatVector u = FloatVector.fromArray(FLOATS, logits, i).sub(logMass);
            fma(u, FloatVector.broadcast(FLOATS, 2), e).intoArray(scores, i);
        }
        return bound(logits, spreads, count, logMass, scores);
    }

    /**
     * Lowers scores to what no weight can exceed; returns the largest. It is a loop of its own, because the compiler
     * takes in only so much of one.
     */
    private static float bound(float[] logits, float[] spreads, int count, float logMass, float[] scores) {
        FloatVector top = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < count; i += LANES) {
            FloatVector s = FloatVector.fromArray(FLOATS, spreads, i).max(LEAST_SPREAD);
            // Rounded, the weight of a key that holds all of it may be more.
            FloatVector u = FloatVector.fromArray(FLOATS, logits, i).sub(logMass).min(0);
            FloatVector score = FloatVector.fromArray(FLOATS, scores, i);
            FloatVector likely = score.blend(u.mul(u).div(s).neg(), u.add(s).compare(VectorOperators.GT, 0));
            score = score.blend(likely, likely.compare(VectorOperators.LT, score));
            score.intoArray(scores, i);
            top = top.blend(score, score.compare(VectorOperators.GT, top));
        }
        return top.reduceLanes(VectorOperators.MAX);
    }

    /**
     * log(e^s − 1 − s − s²/2) for spreads s, by its series below 4 and by s − 0.3 above (off by less than a third): the
     * terms of third order and above, since expansions have the first and the second.
     */
    public static FloatVector logThirdOrder(FloatVector spreads) {
        FloatVector s = spreads.max(LEAST_SPREAD);
        FloatVector small = fma(s.mul(3f / 160).add(1f / 4), s, log(s).mul(3).sub(LN6));
        return s.sub(LARGE_SHIFT).blend(small, s.compare(VectorOperators.LT, LARGE_SPREAD));
    }

    /** The same for one spread. */
    public static double logThirdOrder(double spread) {
        double s = Math.max(spread, LEAST_SPREAD);
        return s < LARGE_SPREAD ? 3 * Math.log(s) - LN6 + s * (0.25 + s * 3 / 160) : s - LARGE_SHIFT;
    }

    /** Number of entries, padding included, that are not at or below {@code limit}. */
    public static int above(float[] x, int count, float limit) {
        int below = 0;
        for (int i = 0; i < count; i += LANES) {
            below += FloatVector.fromArray(FLOATS, x, i).compare(VectorOperators.LE, limit).trueCount();
        }
        return Lanes.roundUp(count, LANES) - below;
    }

    /**
     * weights = exp(logits − top), 0 below e^−80.
     *
     * @param lanes room for one vector
     * @return their sum
     */
    public static float weights(float[] logits, int count, float top, float[] weights, float[] lanes) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < count; i += LANES) {
            FloatVector x = FloatVector.fromArray(FLOATS, logits, i).sub(top);
            FloatVector w = exp(x.blend(LOWEST, x.compare(VectorOperators.LT, LOWEST)))
                    .blend(0, x.compare(VectorOperators.LT, LOWEST));
            w.intoArray(weights, i);
            sum = sum.add(w);
        }
        sum.intoArray(lanes, 0);
        return Lanes.sum(lanes, 0);
    }

    /** The largest element. */
    public static float largest(float[] x, int count) {
        FloatVector top = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, i);
            top = top.blend(v, v.compare(VectorOperators.GT, top));
        }
        return top.reduceLanes(VectorOperators.MAX);
    }

    /** e^x for x between −80 and 80. */
    public static FloatVector exp(FloatVector x) {
        FloatVector y = x.mul(LOG2E);
        FloatVector t = y.add(MAGIC);
        FloatVector r = y.sub(t.sub(MAGIC));
        FloatVector p = fma(r.mul(0.00967151f).add(0.05550734f), r, FloatVector.broadcast(FLOATS, 0.24022242f));
        p = fma(fma(p, r, FloatVector.broadcast(FLOATS, 0.693147f)), r, FloatVector.broadcast(FLOATS, 1f));
        IntVector e = t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        return p.reinterpretAsInts().add(e).reinterpretAsFloats();
    }

    /** For positive normal numbers. */
    private static FloatVector log(FloatVector x) {
        IntVector bits = x.reinterpretAsInts();
        // Exponent and mantissa about √½, so that the mantissa lies around 1.
        IntVector shifted = bits.sub(0x3f35_04f3);
        IntVector exponent = shifted.lanewise(VectorOperators.ASHR, 23);
        FloatVector f = bits.sub(exponent.lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().sub(1);
        FloatVector p = fma(f.mul(0.2f).sub(0.25f), f, FloatVector.broadcast(FLOATS, 1f / 3));
        p = fma(fma(p, f, FloatVector.broadcast(FLOATS, -0.5f)), f, FloatVector.broadcast(FLOATS, 1f)).mul(f);
        FloatVector whole = (FloatVector) exponent.convert(VectorOperators.I2F, 0);
        return fma(whole, FloatVector.broadcast(FLOATS, LN2), p);
    }
}
