package dev.kdeformer.runtime;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/**
 * a · b + c, in one instruction where the virtual machine has one and in two where it does not: there
 * {@link FloatVector#fma(FloatVector, FloatVector) Java's own} computes every lane by big decimals, ten thousand times
 * slower. In two steps the product is rounded as well, so that last bits differ between the two kinds of machines; a
 * kernel that needs the product unrounded asks {@link #FUSED}.
 *
 * <p>Large bodies of hot loops write the choice out: so many calls more, small as they are, exceed the
 * compiler's inlining budget, and those beyond it would box their vectors.
 */
public final class MultiplyAdd {
    /** Whether the sum alone is rounded. A constant to the compiler, which drops the other way. */
    public static final boolean FUSED = VectorSupport.isFused();

    private MultiplyAdd() {
    }

    /** a · b + c. */
    public static FloatVector fma(FloatVector a, FloatVector b, FloatVector c) {
        return FUSED ? a.fma(b, c) : a.mul(b).add(c);
    }

    /** a · b + c. */
    public static DoubleVector fma(DoubleVector a, DoubleVector b, DoubleVector c) {
        return FUSED ? a.fma(b, c) : a.mul(b).add(c);
    }

    /** a · b + c with the bits that a lane of a vector has. */
    public static float fma(float a, float b, float c) {
        return FUSED ? Math.fma(a, b, c) : a * b + c;
    }
}
