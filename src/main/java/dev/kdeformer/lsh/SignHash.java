package dev.kdeformer.lsh;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.ProjectionKernel.ROWS;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.ProjectionKernel;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * An angular hash: the signs of the products with r random Gaussian directions (Charikar 2002), read as a codeword of
 * the reflected Gray code and replaced by its rank there, so that ranks which follow each other differ in one sign.
 * Sorting by the rank puts vectors of similar direction next to each other, across the borders of the buckets too
 * (KDEformer, Zandieh, Han, Daliri and Karbasi 2023, section 4).
 *
 * <p>A row's rank depends on that row alone, not on the rows around it or on the vector width. Immutable; may be used
 * by many threads.
 */
public final class SignHash {
    /** Most signs of a code. */
    public static final int MAX_BITS = 30;

    /** Floats of the caller's rows that are copied at a time, to be read again from the first-level cache. */
    private static final int CHUNK = 1 << 12;

    private final int d;
    private final int bits;
    /** In the layout of the projection; directions that only fill a vector are zeros. */
    private final float[] directions;
    /** What the sums start from, zeros. */
    private final float[] starts;

    private SignHash(int d, int bits, float[] directions) {
        this.d = d;
        this.bits = bits;
        this.directions = directions;
        this.starts = new float[ProjectionKernel.pad(bits)];
    }

    /**
     * A hash with directions of its own.
     *
     * @param random a stream that is used for nothing else
     * @param d      features of the rows to hash
     * @param bits   number of signs r, from 1 to {@link #MAX_BITS}
     * @throws IllegalArgumentException if {@code bits} is out of range
     */
    public static SignHash of(CounterRandom random, int d, int bits) {
        if (bits < 1 || bits > MAX_BITS) {
            throw new IllegalArgumentException("bits must be between 1 and " + MAX_BITS + ", got " + bits);
        }
        float[] directions = new float[ProjectionKernel.pad(bits) * d];
        for (int b = 0; b < bits; b++) {
            for (int i = 0; i < d; i++) {
                directions[ProjectionKernel.index(b, i, d)] = (float) random.gaussian((long) b * d + i);
            }
        }
        return new SignHash(d, bits, directions);
    }

    /** Number of signs r; ranks lie below 2^r. */
    public int bits() {
        return bits;
    }

    /**
     * Hashes rows [from, to).
     *
     * @param rows    matrix of d columns
     * @param ranks   address of ints; the rank of row i goes to the i-th, counted from row 0
     * @param scratch memory of the running thread
     */
    public void hash(Matrix rows, int from, int to, long ranks, Scratch scratch) {
        int chunk = Math.max(1, CHUNK / (ROWS * d)) * ROWS;
        float[] buffer = scratch.keep(Buffer.class, Buffer::new).room(chunk * d);
        float[] sums = new float[ROWS * starts.length];
        for (int first = from; first < to; first += chunk) {
            int present = Math.min(chunk, to - first);
            rows.readRows(first, first + present, buffer, 0, d);
            // The last tile may reach over the rows that are present; what it finds there is not stored.
            for (int r = 0; r < present; r += ROWS) {
                ProjectionKernel.project(buffer, r * d, d, directions, starts, sums);
                for (int i = 0; i < Math.min(ROWS, present - r); i++) {
                    int rank = grayRank(code(sums, i * starts.length));
                    Memory.putInt(ranks + (long) (first + r + i) * Integer.BYTES, rank);
                }
            }
        }
    }

    /** The signs of a row's sums as bits; directions that only fill a vector have sums of 0 and add nothing. */
    private int code(float[] sums, int at) {
        int code = 0;
        for (int b = 0; b < starts.length; b += LANES) {
            code |= (int) FloatVector.fromArray(FLOATS, sums, at + b).compare(VectorOperators.GT, 0f).toLong() << b;
        }
        return code;
    }

    /** The position of a codeword in the reflected Gray code: the rank's bit b is the parity of the bits from b up. */
    static int grayRank(int code) {
        int rank = code ^ code >>> 1;
        rank ^= rank >>> 2;
        rank ^= rank >>> 4;
        rank ^= rank >>> 8;
        return rank ^ rank >>> 16;
    }

    /** The scalar reference of {@link #hash} for one row. */
    int rankScalar(Matrix rows, int row) {
        int code = 0;
        for (int b = 0; b < bits; b++) {
            float sum = 0;
            for (int i = 0; i < d; i++) {
                sum = fma(rows.get(row, i), directions[ProjectionKernel.index(b, i, d)], sum);
            }
            code |= sum > 0 ? 1 << b : 0;
        }
        return grayRank(code);
    }

    /** A thread's copy of rows. */
    private static final class Buffer {
        private float[] floats = new float[0];

        float[] room(int length) {
            if (floats.length < length) {
                floats = new float[length];
            }
            return floats;
        }
    }
}
