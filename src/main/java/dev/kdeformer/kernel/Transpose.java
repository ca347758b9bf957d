package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.load;
import static dev.kdeformer.kernel.Lanes.store;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Transposes square blocks of LANES rows by exchanging halves between pairs of vectors, at distances 1, 2, 4 and 8:
 * several times faster than gathers of single floats. Four vectors at a time, with one small array in between, so that
 * every width has short loops that stay in registers. Kept per thread.
 */
final class Transpose {
    private static final VectorMask<Float> ODD1 = odd(1);
    private static final VectorMask<Float> ODD2 = odd(2);
    private static final VectorMask<Float> ODD4 = odd(4);
    private static final VectorMask<Float> ODD8 = odd(8);
    private static final VectorShuffle<Float> UP1 = turned(-1);
    private static final VectorShuffle<Float> UP2 = turned(-2);
    private static final VectorShuffle<Float> UP4 = turned(-4);
    private static final VectorShuffle<Float> UP8 = turned(-8);
    private static final VectorShuffle<Float> DOWN1 = turned(1);
    private static final VectorShuffle<Float> DOWN2 = turned(2);
    private static final VectorShuffle<Float> DOWN4 = turned(4);
    private static final VectorShuffle<Float> DOWN8 = turned(8);

    private final float[] block = new float[LANES * LANES];

    private static VectorMask<Float> odd(int distance) {
        return VectorMask.fromLong(FLOATS, bits(distance));
    }

    private static long bits(int distance) {
        long bits = 0;
        for (int lane = 0; lane < LANES; lane++) {
            bits |= (lane & distance) != 0 ? 1L << lane : 0;
        }
        return bits;
    }

    private static VectorShuffle<Float> turned(int distance) {
        return VectorShuffle.fromOp(FLOATS, lane -> lane + distance & LANES - 1);
    }

    /**
     * Writes LANES rows as a column block of a feature-major panel.
     *
     * @param index  the rows, from {@code first} on; LANES of them
     * @param source address of the rows, whole vectors to a row
     * @param stride floats from row to row
     * @param d      features to take
     * @param target address of the block in the first line of the panel, lines PANEL floats apart
     */
    void rows(int[] index, int first, long source, int stride, int d, long target) {
        for (int c = 0; c < d; c += LANES) {
            for (int r = 0; r < LANES; r += 4) {
                quarter(source + c * 4L, index[first + r] * (stride * 4L), index[first + r + 1] * (stride * 4L),
                        index[first + r + 2] * (stride * 4L), index[first + r + 3] * (stride * 4L), r * LANES);
            }
            int features = Math.min(LANES, d - c);
            long line = target + (long) c * PANEL * 4;
            for (int k = 0; k < 4; k++) {
                if (LANES == 16) {
                    join4(k, features, line);
                } else if (LANES == 8) {
                    join2(k, features, line);
                } else if (k < features) {
                    store(FloatVector.fromArray(FLOATS, block, k * LANES), line + k * (PANEL * 4L));
                }
            }
        }
    }

    /** Vector k of the result has feature 4 q + k of the four rows in its lanes 4 q to 4 q + 3. */
    private void quarter(long source, long row0, long row1, long row2, long row3, int at) {
        FloatVector a0 = load(source + row0);
        FloatVector a1 = load(source + row1);
        FloatVector a2 = load(source + row2);
        FloatVector a3 = load(source + row3);
        FloatVector b0 = a0.blend(a1.rearrange(UP1), ODD1);
        FloatVector b1 = a0.rearrange(DOWN1).blend(a1, ODD1);
        FloatVector b2 = a2.blend(a3.rearrange(UP1), ODD1);
        FloatVector b3 = a2.rearrange(DOWN1).blend(a3, ODD1);
        b0.blend(b2.rearrange(UP2), ODD2).intoArray(block, at);
        b1.blend(b3.rearrange(UP2), ODD2).intoArray(block, at + LANES);
        b0.rearrange(DOWN2).blend(b2, ODD2).intoArray(block, at + 2 * LANES);
        b1.rearrange(DOWN2).blend(b3, ODD2).intoArray(block, at + 3 * LANES);
    }

    private void join4(int k, int features, long line) {
        FloatVector a0 = FloatVector.fromArray(FLOATS, block, k * LANES);
        FloatVector a1 = FloatVector.fromArray(FLOATS, block, (4 + k) * LANES);
        FloatVector a2 = FloatVector.fromArray(FLOATS, block, (8 + k) * LANES);
        FloatVector a3 = FloatVector.fromArray(FLOATS, block, (12 + k) * LANES);
        FloatVector b0 = a0.blend(a1.rearrange(UP4), ODD4);
        FloatVector b1 = a0.rearrange(DOWN4).blend(a1, ODD4);
        FloatVector b2 = a2.blend(a3.rearrange(UP4), ODD4);
        FloatVector b3 = a2.rearrange(DOWN4).blend(a3, ODD4);
        if (k < features) {
            store(b0.blend(b2.rearrange(UP8), ODD8), line + k * (PANEL * 4L));
        }
        if (k + 4 < features) {
            store(b1.blend(b3.rearrange(UP8), ODD8), line + (k + 4) * (PANEL * 4L));
        }
        if (k + 8 < features) {
            store(b0.rearrange(DOWN8).blend(b2, ODD8), line + (k + 8) * (PANEL * 4L));
        }
        if (k + 12 < features) {
            store(b1.rearrange(DOWN8).blend(b3, ODD8), line + (k + 12) * (PANEL * 4L));
        }
    }

    private void join2(int k, int features, long line) {
        FloatVector a0 = FloatVector.fromArray(FLOATS, block, k * LANES);
        FloatVector a1 = FloatVector.fromArray(FLOATS, block, (4 + k) * LANES);
        if (k < features) {
            store(a0.blend(a1.rearrange(UP4), ODD4), line + k * (PANEL * 4L));
        }
        if (k + 4 < features) {
            store(a0.rearrange(DOWN4).blend(a1, ODD4), line + (k + 4) * (PANEL * 4L));
        }
    }
}
