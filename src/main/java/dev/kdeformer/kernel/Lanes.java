package dev.kdeformer.kernel;

import static dev.kdeformer.runtime.MultiplyAdd.FUSED;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width and what follows from it: the one place where kernels learn how wide the machine is.
 *
 * <p>Right operands (keys, values) live off-heap, 64-byte aligned, and are read by address; left operands and results
 * (query tiles, logits, sums) live in small arrays that each thread keeps. Scalar reads of segments cost the compiler
 * so much of its inlining budget that a register tile with six of them ends in calls; array reads do not.
 */
public final class Lanes {
    /** Float vectors of the machine's preferred width. */
    public static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    /** Int vectors with as many lanes. */
    public static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

    /** Floats in a vector. */
    public static final int LANES = FLOATS.length();

    /** Bytes in a vector. */
    public static final long VECTOR_BYTES = LANES * 4L;

    /**
     * Whether there are 32 vector registers (AVX-512, NEON) for tiles of 24 sums, or 16 (AVX2, SSE) for tiles of 12.
     * 128-bit vectors on x86 have 16 registers; they run the wide tiles too, correctly but slowly.
     */
    public static final boolean WIDE = LANES != 8;

    /**
     * No operand has an address below this, nor below a hundred times it. With 16 registers, the rows of a register
     * tile of 12 sums stand between comparisons with multiples of it, branches that are never taken: without them C2
     * loads the left elements of all rows ahead, so that some of the sums go to memory and back at every step, which
     * takes half of the speed. It leaves out equal comparisons, and those with zero.
     */
    public static final long NOWHERE = 8;

    /** Vectors across a register tile. */
    public static final int WIDTH = WIDE ? 4 : 2;

    /** Keys in a panel. */
    public static final int PANEL = WIDTH * LANES;

    /** Keys that one step of the online softmax takes; a multiple of PANEL for every width. */
    public static final int STEP = 256;

    /** Features or keys that one product takes at a time. */
    public static final int DEPTH = STEP;

    /** Whether the machine compresses vectors in registers; elsewhere the library does it by slow scalar code. */
    public static final boolean COMPRESS = LANES == 16;

    /** Row distance of tiles. The extra line keeps rows of a tile out of each other's cache sets. */
    public static final int STRIDE = STEP + 16;

    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(FLOATS, 8 % LANES, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(FLOATS, 4 % LANES, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(FLOATS, 2 % LANES, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(FLOATS, 1, 1, true);

    private Lanes() {
    }

    /** The vector at an address of scratch memory. */
    public static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(FLOATS, Memory.ALL, address, Memory.ORDER);
    }

    /** The vector of ints at an address of scratch memory. */
    static IntVector loadInts(long address) {
        return IntVector.fromMemorySegment(INTS, Memory.ALL, address, Memory.ORDER);
    }

    /** Stores a vector at an address of scratch memory. */
    public static void store(FloatVector vector, long address) {
        vector.intoMemorySegment(Memory.ALL, address, Memory.ORDER);
    }

    /** The sum of a vector's lanes, in an order that does not change when the code around it is compiled. */
    public static float sum(float[] x, int at) {
        float even = 0;
        float odd = 0;
        for (int i = at; i < at + LANES; i += 2) {
            even += x[i];
            odd += x[i + 1];
        }
        return even + odd;
    }

    /**
     * The sum of a vector's lanes by halving, for where there is no array at hand. Element-wise operations alone, so
     * that the order does not change when the code around it is compiled, as that of a vector reduction does.
     */
    public static float sum(FloatVector vector) {
        FloatVector v = vector;
        if (LANES >= 16) {
            v = v.add(v.rearrange(BY_8));
        }
        if (LANES >= 8) {
            v = v.add(v.rearrange(BY_4));
        }
        v = v.add(v.rearrange(BY_2));
        v = v.add(v.rearrange(BY_1));
        return v.lane(0);
    }

    /** The dot product of {@code count} floats of two arrays, whole vectors. */
    public static float dot(float[] x, int xAt, float[] y, int yAt, int count) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < count; i += LANES) {
            FloatVector a = FloatVector.fromArray(FLOATS, x, xAt + i);
            FloatVector b = FloatVector.fromArray(FLOATS, y, yAt + i);
            sum = FUSED ? a.fma(b, sum) : a.mul(b).add(sum);
        }
        return sum(sum);
    }

    /** The dot product of {@code count} floats at an address and in an array, whole vectors. */
    public static float dot(long address, float[] x, int at, int count) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int i = 0; i < count; i += LANES) {
            FloatVector a = load(address + i * 4L);
            FloatVector b = FloatVector.fromArray(FLOATS, x, at + i);
            sum = FUSED ? a.fma(b, sum) : a.mul(b).add(sum);
        }
        return sum(sum);
    }

    /** y += factor · x over {@code count} floats, whole vectors. */
    public static void addTimes(float[] x, int xAt, float factor, float[] y, int yAt, int count) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector.fromArray(FLOATS, x, xAt + i).mul(factor).add(FloatVector.fromArray(FLOATS, y, yAt + i))
                    .intoArray(y, yAt + i);
        }
    }

    /** {@code count} rounded up to a multiple of {@code unit}. */
    public static int roundUp(int count, int unit) {
        return Math.ceilDiv(count, unit) * unit;
    }

    /** Keys with their padding: whole panels, and whole passes of the exponential. */
    public static int padKeys(int keys) {
        return roundUp(keys, 4 * LANES);
    }

    /** Columns of a value or output row with the padding of its last vector. */
    public static int padColumns(int columns) {
        return roundUp(columns, LANES);
    }
}
