package dev.kdeformer.lsh;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

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

    /** Rows of one register tile: as many sums as hide the latency of a multiply-add on two units. */
    private static final int ROWS = 8;

    /** Floats of the caller's rows that are copied at a time, to be read again from the first-level cache. */
    private static final int CHUNK = 1 << 12;

    private final int d;
    private final int bits;
    private final int vectors;
    /** Direction b's feature i at [b / LANES][i][b mod LANES]; directions that only fill a vector are zeros. */
    private final float[] directions;
    /** What the sums start from: minus the products of the centre. */
    private final float[] starts;

    private SignHash(int d, int bits, float[] directions, float[] starts) {
        this.d = d;
        this.bits = bits;
        this.vectors = starts.length / LANES;
        this.directions = directions;
        this.starts = starts;
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
        int vectors = (bits + LANES - 1) / LANES;
        float[] directions = new float[vectors * d * LANES];
        for (int b = 0; b < bits; b++) {
            for (int i = 0; i < d; i++) {
                directions[(b / LANES * d + i) * LANES + b % LANES] = (float) random.gaussian((long) b * d + i);
            }
        }
        return new SignHash(d, bits, directions, new float[vectors * LANES]);
    }

    /**
     * The same directions seen from another point: rows are hashed as if {@code centre} had been subtracted from
     * them. Hash queries and keys from the same point; where they are alike, moving only one of them pulls apart what
     * belongs together.
     *
     * @param centre d floats
     */
    public SignHash around(float[] centre) {
        float[] moved = new float[starts.length];
        for (int b = 0; b < bits; b++) {
            double dot = 0;
            for (int i = 0; i < d; i++) {
                dot += (double) directions[(b / LANES * d + i) * LANES + b % LANES] * centre[i];
            }
            moved[b] = (float) -dot;
        }
        return new SignHash(d, bits, directions, moved);
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
        int[] codes = new int[ROWS];
        for (int first = from; first < to; first += chunk) {
            int present = Math.min(chunk, to - first);
            rows.readRows(first, first + present, buffer, 0, d);
            // The last tile may reach over the rows that are present; what it finds there is not stored.
            for (int r = 0; r < present; r += ROWS) {
                codes(buffer, r * d, codes);
                for (int i = 0; i < Math.min(ROWS, present - r); i++) {
                    Memory.putInt(ranks + (long) (first + r + i) * Integer.BYTES, grayRank(codes[i]));
                }
            }
        }
    }

    /** The position of a codeword in the reflected Gray code: the rank's bit b is the parity of the bits from b up. */
    static int grayRank(int code) {
        int rank = code ^ code >>> 1;
        rank ^= rank >>> 2;
        rank ^= rank >>> 4;
        rank ^= rank >>> 8;
        return rank ^ rank >>> 16;
    }

    /** The codes of {@link #ROWS} rows that follow each other from index {@code x0} on. */
    void codes(float[] x, int x0, int[] codes) {
        for (int v = 0; v < vectors; v++) {
            codes(x, x0, v, codes);
        }
    }

    private void codes(float[] x, int x0, int vector, int[] codes) {
        FloatVector start = FloatVector.fromArray(FLOATS, starts, vector * LANES);
        FloatVector s0 = start, s1 = start, s2 = start, s3 = start, s4 = start, s5 = start, s6 = start, s7 = start;
        int at = vector * d * LANES;
        for (int i = 0; i < d; i++) {
            FloatVector g = FloatVector.fromArray(FLOATS, directions, at + i * LANES);
            int a = x0 + i;
            s0 = FloatVector.broadcast(FLOATS, x[a]).fma(g, s0);
            s1 = FloatVector.broadcast(FLOATS, x[a + d]).fma(g, s1);
            s2 = FloatVector.broadcast(FLOATS, x[a + 2 * d]).fma(g, s2);
            s3 = FloatVector.broadcast(FLOATS, x[a + 3 * d]).fma(g, s3);
            s4 = FloatVector.broadcast(FLOATS, x[a + 4 * d]).fma(g, s4);
            s5 = FloatVector.broadcast(FLOATS, x[a + 5 * d]).fma(g, s5);
            s6 = FloatVector.broadcast(FLOATS, x[a + 6 * d]).fma(g, s6);
            s7 = FloatVector.broadcast(FLOATS, x[a + 7 * d]).fma(g, s7);
        }
        int shift = vector * LANES;
        // Vectors beyond the first add their signs to what the ones before them have put there.
        int keep = vector == 0 ? 0 : -1;
        codes[0] = codes[0] & keep | signs(s0) << shift;
        codes[1] = codes[1] & keep | signs(s1) << shift;
        codes[2] = codes[2] & keep | signs(s2) << shift;
        codes[3] = codes[3] & keep | signs(s3) << shift;
        codes[4] = codes[4] & keep | signs(s4) << shift;
        codes[5] = codes[5] & keep | signs(s5) << shift;
        codes[6] = codes[6] & keep | signs(s6) << shift;
        codes[7] = codes[7] & keep | signs(s7) << shift;
    }

    private static int signs(FloatVector sums) {
        return (int) sums.compare(VectorOperators.GT, 0f).toLong();
    }

    /** The scalar reference of {@link #codes}. */
    void codesScalar(float[] x, int x0, int[] codes) {
        for (int r = 0; r < ROWS; r++) {
            codes[r] = 0;
            for (int b = 0; b < bits; b++) {
                float sum = starts[b];
                for (int i = 0; i < d; i++) {
                    sum = Math.fma(x[x0 + r * d + i], directions[(b / LANES * d + i) * LANES + b % LANES], sum);
                }
                codes[r] |= sum > 0 ? 1 << b : 0;
            }
        }
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
