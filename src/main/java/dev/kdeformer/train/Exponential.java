package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The exponential of a vector: 2^k · 2^r with k the nearest integer to x / log 2, r found with a constant in two parts
 * (Cody and Waite 1980), and a polynomial of degree 5 for 2^r, the one of {@link dev.kdeformer.kernel.ExpKernel}.
 * Relative error below 4e-7; x is clamped to [−87, 88], where results are normal numbers.
 */
final class Exponential {
    private static final float PER_LOG2 = (float) (1 / Math.log(2));
    /** 1.5 · 2²³: adding it leaves the nearest integer in the low mantissa bits. */
    private static final float MAGIC = 12_582_912f;
    private static final float LOG2_HIGH = 0.693359375f;
    private static final float LOG2_LOW = -2.12194440e-4f;

    private Exponential() {
    }

    /** e^x. */
    static FloatVector of(FloatVector x) {
        FloatVector clamped = x.max(-87).min(88);
        FloatVector magic = FloatVector.broadcast(FLOATS, MAGIC);
        FloatVector t = fma(clamped, FloatVector.broadcast(FLOATS, PER_LOG2), magic);
        FloatVector k = t.sub(magic);
        FloatVector r = fma(k, FloatVector.broadcast(FLOATS, -LOG2_HIGH), clamped);
        r = fma(k, FloatVector.broadcast(FLOATS, -LOG2_LOW), r).mul(PER_LOG2);
        FloatVector p = fma(r, FloatVector.broadcast(FLOATS, 0.0013225707f), FloatVector.broadcast(FLOATS,
                0.009671763f));
        p = fma(p, r, FloatVector.broadcast(FLOATS, 0.055508915f));
        p = fma(p, r, FloatVector.broadcast(FLOATS, 0.24022236f));
        p = fma(p, r, FloatVector.broadcast(FLOATS, 0.6931468f));
        p = fma(p, r, FloatVector.broadcast(FLOATS, 1));
        return p.reinterpretAsInts().add(t.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                .reinterpretAsFloats();
    }
}
