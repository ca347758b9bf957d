package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;

import dev.kdeformer.runtime.Memory;
import jdk.incubator.vector.FloatVector;

/**
 * How {@link DecodeKernel#GROUP} keys and values lie in memory, as elements of which one, two or four share an int, and
 * the products with them.
 *
 * <p>Keys are feature-major: a line holds an int of every key, and that int holds {@code pack} features after each
 * other, the first in the lowest bits. Values are key-major: with w ints to a row, int i holds columns i, i + w, i + 2w
 * and so on, so that what one vector of ints is unpacked to are vectors of neighbouring columns at any vector width. A
 * group of bytes has GROUP scales of its keys and GROUP scales of its values besides. Rows of narrow elements are the
 * same on every machine; those of floats are padded to its vectors.
 */
public final class GroupLayout {
    /** Ints that rows of narrow values are padded to: the widest vector. */
    private static final int VALUE_UNIT = 16;

    private final int pack;
    private final int d;
    private final int dv;
    private final int lines;
    private final int valueInts;

    /**
     * The layout of groups of keys with d and values with d_v features.
     *
     * @param pack elements in an int: 1 for float32, 2 for bfloat16, 4 for bytes
     */
    public GroupLayout(int pack, int d, int dv) {
        this(pack, d, dv, pack == 1 ? Lanes.padColumns(dv) : widest(pack, dv));
    }

    /** A layout of another machine, with value rows of {@code valueInts} ints; products with it need those of this. */
    public GroupLayout(int pack, int d, int dv, int valueInts) {
        this.pack = pack;
        this.d = d;
        this.dv = dv;
        this.lines = (d + pack - 1) / pack;
        this.valueInts = valueInts;
    }

    /** Ints of a value row where vectors are the widest. */
    public static int widest(int pack, int dv) {
        return Lanes.roundUp((dv + pack - 1) / pack, VALUE_UNIT);
    }

    /** Elements in an int. */
    public int pack() {
        return pack;
    }

    /** Features of a key. */
    public int d() {
        return d;
    }

    /** Features of a value. */
    public int dv() {
        return dv;
    }

    /** Floats from query to query in a tile: their features with zeros for the padding of the last line. */
    public int queryStride() {
        return lines * pack;
    }

    /** Ints of a key. */
    public int keyInts() {
        return lines;
    }

    /** Ints of a value row. */
    public int valueInts() {
        return valueInts;
    }

    /** Bytes of the keys of a group. */
    public long keyBytes() {
        return (long) lines * GROUP * Integer.BYTES;
    }

    /** Bytes of a value row. */
    public long valueRowBytes() {
        return (long) valueInts * Integer.BYTES;
    }

    /** Bytes of the values of a group. */
    public long valueBytes() {
        return GROUP * valueRowBytes();
    }

    /** Bytes of the scales of a group: those of its keys, then those of its values, as floats; 0 without any. */
    public long scaleBytes() {
        return pack == 4 ? 2L * GROUP * Float.BYTES : 0;
    }

    /** Writes a key to lane {@code lane} of a group. */
    public void putKey(float[] row, int at, long keys, long scales, int lane) {
        float scale = pack == 4 ? NarrowNumbers.scale(row, at, d) : 1;
        for (int line = 0; line < lines; line++) {
            int first = line * pack;
            Memory.putInt(keys + (line * GROUP + lane) * 4L, NarrowNumbers.pack(pack, row, at + first, 1,
                    Math.min(pack, d - first), scale));
        }
        if (pack == 4) {
            Memory.putFloat(scales + lane * 4L, scale);
        }
    }

    /** Reads the key of lane {@code lane} of a group. */
    public void getKey(float[] row, int at, long keys, long scales, int lane) {
        float scale = pack == 4 ? Memory.getFloat(scales + lane * 4L) : 1;
        for (int c = 0; c < d; c++) {
            row[at + c] = NarrowNumbers.unpack(pack, Memory.getInt(keys + (c / pack * GROUP + lane) * 4L), c % pack,
                    scale);
        }
    }

    /** Writes a value to lane {@code lane} of a group. */
    public void putValue(float[] row, int at, long values, long scales, int lane) {
        float scale = pack == 4 ? NarrowNumbers.scale(row, at, dv) : 1;
        for (int i = 0; i < valueInts; i++) {
            int count = i >= dv ? 0 : Math.min(pack, (dv - i + valueInts - 1) / valueInts);
            Memory.putInt(values + lane * valueRowBytes() + i * 4L,
                    NarrowNumbers.pack(pack, row, at + i, valueInts, count, scale));
        }
        if (pack == 4) {
            Memory.putFloat(scales + (GROUP + lane) * 4L, scale);
        }
    }

    /** Reads the value of lane {@code lane} of a group. */
    public void getValue(float[] row, int at, long values, long scales, int lane) {
        float scale = pack == 4 ? Memory.getFloat(scales + (GROUP + lane) * 4L) : 1;
        for (int c = 0; c < dv; c++) {
            row[at + c] = NarrowNumbers.unpack(pack, Memory.getInt(values + lane * valueRowBytes()
                    + c % valueInts * 4L), c / valueInts, scale);
        }
    }

    /**
     * Where a key and its value are stored.
     *
     * @param keys   address of the group's keys
     * @param values address of the group's values
     * @param scales address of the group's scales
     * @param lane   place in the group
     */
    public record Place(long keys, long values, long scales, int lane) {
    }

    /** Copies a key and a value as they are stored. */
    public void copy(Place from, Place to) {
        for (int line = 0; line < lines; line++) {
            Memory.putInt(to.keys + (line * GROUP + to.lane) * 4L,
                    Memory.getInt(from.keys + (line * GROUP + from.lane) * 4L));
        }
        Memory.copy(from.values + from.lane * valueRowBytes(), to.values + to.lane * valueRowBytes(), valueRowBytes());
        for (int part = 0; part < scaleBytes(); part += GROUP * Float.BYTES) {
            Memory.putInt(to.scales + part + to.lane * 4L, Memory.getInt(from.scales + part + from.lane * 4L));
        }
    }

    /**
     * The largest magnitudes of the keys and of the values of some groups that follow each other, keys with scales
     * behind them.
     *
     * @return of the keys, then of the values; +∞ where an element is not finite
     */
    public float[] largest(long keys, long values, long scales, int groups) {
        if (pack < 4) {
            return new float[] {StoredMagnitudes.largest(keys, groups * keyBytes() / 4, pack),
                StoredMagnitudes.largest(values, groups * valueBytes() / 4, pack)};
        }
        float[] largest = new float[2];
        for (int g = 0; g < groups; g++) {
            for (int part = 0; part < 2; part++) {
                largest[part] = Math.max(largest[part], StoredMagnitudes.largestOfBytes(
                        scales + g * (keyBytes() + scaleBytes()) + part * GROUP * 4L));
            }
        }
        return largest;
    }

    /**
     * Writes the logits of {@code rows} queries and a group.
     *
     * @param q queries times {@link #queryUnit}, {@link #queryStride} floats from row to row
     * @param s receives the logits with row distance STRIDE from index {@code s0} on
     */
    void logits(float[] q, int rows, long keys, long scales, float[] s, int s0) {
        int stride = queryStride();
        switch (pack) {
            case 1 -> DecodeKernel.logits(q, stride, rows, d, keys, s, s0);
            case 2 -> Bfloat16Kernel.logits(q, stride, rows, lines, keys, s, s0);
            default -> {
                ByteKernel.logits(q, stride, rows, lines, keys, s, s0);
                multiply(s, s0, rows, scales, 1);
            }
        }
    }

    /** What queries are multiplied by, a power of two that takes back what the products with keys are too large by. */
    public float queryUnit() {
        return pack == 4 ? ByteKernel.UNIT : 1;
    }

    /** Multiplies the weights of a group by the scales of its values, which only bytes have. */
    void scaleWeights(float[] s, int s0, int rows, long scales) {
        if (pack == 4) {
            multiply(s, s0, rows, scales + GROUP * 4L, ByteKernel.UNIT);
        }
    }

    /**
     * Adds the weighted values of groups that are {@link #joins joined}, all but the last of them whole.
     *
     * @param s     weights with row distance STRIDE from index {@code s0} on, as {@link #scaleWeights} leaves them
     * @param keys  number of keys that count, at most STEP
     * @param state whose sums of the step they are added to
     */
    void values(float[] s, int s0, int rows, int keys, long values, SoftmaxRows state) {
        float[] o = state.span();
        int stride = state.stride();
        if (pack == 1) {
            floatValues(s, s0, rows, keys, values, o, stride);
        } else if (pack == 2) {
            Bfloat16Kernel.values(s, s0, rows, keys, values, valueInts, o, stride);
        } else {
            ByteKernel.values(s, s0, rows, keys, values, valueInts, o, stride);
        }
    }

    private static void floatValues(float[] s, int s0, int rows, int keys, long values, float[] o, int stride) {
        int vectors = stride / LANES;
        if (rows <= 2) {
            for (int r = 0; r < rows; r++) {
                DecodeKernel.values(s, r * STRIDE + s0, keys, values, vectors, o, r * stride);
            }
            return;
        }
        int widest = rows <= 4 ? 2 : ValueKernel.WIDEST;
        for (int v = 0; v < vectors; v += widest) {
            ValueKernel.add(s, s0, rows, keys, values + v * VECTOR_BYTES, stride * 4L, Math.min(widest, vectors - v),
                    o, v * LANES, stride);
        }
    }

    private static void multiply(float[] s, int s0, int rows, long by, float unit) {
        for (int c = 0; c < GROUP; c += LANES) {
            FloatVector scale = Lanes.load(by + c * 4L).mul(unit);
            for (int r = 0; r < rows; r++) {
                int at = s0 + r * STRIDE + c;
                FloatVector.fromArray(Lanes.FLOATS, s, at).mul(scale).intoArray(s, at);
            }
        }
    }

    /**
     * Whether groups that follow each other in memory are one run of rows to {@link #values}: the shorter a loop over
     * keys, the more of its time is its end. Where narrow values are read once for every two rows, those of one group
     * are still in the first cache when they are read again.
     */
    boolean joins(int rows) {
        return pack == 1 || rows <= 2;
    }
}
