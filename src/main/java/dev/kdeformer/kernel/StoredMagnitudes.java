package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** How large the elements of stored keys and values are, to refuse what is not finite. */
final class StoredMagnitudes {
    private static final int MAGNITUDE = 0x7fff_ffff;
    private static final int UPPER_MAGNITUDE = 0x7fff_0000;
    private static final int INFINITE = 0x7f80_0000;

    /** A byte is never larger than this many steps. */
    private static final float STEPS = 128;

    private StoredMagnitudes() {
    }

    /**
     * The largest magnitude of floats or pairs of bfloat16, +∞ where one is not finite.
     *
     * @param ints a multiple of 16
     */
    static float largest(long address, long ints, int pack) {
        IntVector top = IntVector.zero(INTS);
        for (long i = 0; i < ints; i += LANES) {
            IntVector x = Lanes.loadInts(address + i * 4);
            top = pack == 1 ? top.max(x.and(MAGNITUDE))
                    : top.max(x.and(UPPER_MAGNITUDE)).max(x.lanewise(VectorOperators.LSHL, 16).and(UPPER_MAGNITUDE));
        }
        int bits = top.reduceLanes(VectorOperators.MAX);
        return bits >= INFINITE ? Float.POSITIVE_INFINITY : Float.intBitsToFloat(bits);
    }

    /** The largest magnitude that GROUP scales allow, +∞ where one is negative or not finite. */
    static float largestOfBytes(long scales) {
        float largest = 0;
        for (int j = 0; j < GROUP; j++) {
            float scale = Memory.getFloat(scales + j * 4L);
            if (!(scale >= 0)) {
                return Float.POSITIVE_INFINITY;
            }
            largest = Math.max(largest, scale * STEPS);
        }
        return largest;
    }
}
