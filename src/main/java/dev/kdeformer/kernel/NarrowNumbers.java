package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.tensor.Element;

/** Floats as bfloat16 or as bytes with a common scale, two or four of which make an int. */
final class NarrowNumbers {
    /** Largest magnitude of a byte; −128 is left out, so that signs are treated alike. */
    private static final int LARGEST_BYTE = 127;

    private static final int LARGEST_BFLOAT16 = 0x7f7f;
    private static final int SIGN = 0x8000;

    private NarrowNumbers() {
    }

    /** What bytes are multiplied by to cover {@code count} floats: 1/127 of the largest magnitude. */
    static float scale(float[] row, int at, int count) {
        float largest = 0;
        for (int c = at; c < at + count; c++) {
            largest = Math.max(largest, Math.abs(row[c]));
        }
        float scale = largest / LARGEST_BYTE;
        return Float.isInfinite(scale * LARGEST_BYTE) ? Math.nextDown(scale) : scale;
    }

    /**
     * Packs {@code count} finite floats that lie {@code step} apart; zeros in place of those that are missing.
     *
     * @param pack  1 for the bits of a float, 2 for bfloat16, 4 for bytes
     * @param scale of bytes
     */
    static int pack(int pack, float[] row, int at, int step, int count, float scale) {
        if (pack == 1) {
            return count == 0 ? 0 : Float.floatToRawIntBits(row[at]);
        }
        int packed = 0;
        for (int i = 0; i < count; i++) {
            float x = row[at + i * step];
            packed |= pack == 2 ? toBfloat16(x) << 16 * i : (toByte(x, scale) & 0xff) << 8 * i;
        }
        return packed;
    }

    /** Element {@code index} of an int. */
    static float unpack(int pack, int packed, int index, float scale) {
        return switch (pack) {
            case 1 -> Float.intBitsToFloat(packed);
            case 2 -> Float.intBitsToFloat(packed >>> 16 * index << 16);
            default -> (byte) (packed >>> 8 * index) * scale;
        };
    }

    /**
     * The scalar reference of the logits of {@link Bfloat16Kernel} and {@link ByteKernel}, which are not yet scaled.
     *
     * @param pack  numbers in an int
     * @param lines ints of a key
     */
    static void logitsScalar(int pack, float[] q, int qStride, int rows, int lines, long keys, float[] s, int s0) {
        for (int r = 0; r < rows; r++) {
            for (int j = 0; j < GROUP; j++) {
                double sum = 0;
                for (int i = 0; i < pack * lines; i++) {
                    int packed = Memory.getInt(keys + (i / pack * GROUP + j) * 4L);
                    sum += (double) q[r * qStride + i] * unpack(pack, packed, i % pack, 1);
                }
                s[s0 + r * STRIDE + j] = (float) sum;
            }
        }
    }

    /** The scalar reference of their products with values, of {@code ints} ints to a row. */
    static void valuesScalar(int pack, float[] p, int p0, int rows, int keys, long values, int ints, float[] o,
            int stride) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < Math.min(stride, pack * ints); c++) {
                double sum = o[r * stride + c];
                for (int j = 0; j < keys; j++) {
                    int packed = Memory.getInt(values + ((long) j * ints + c % ints) * 4);
                    sum += (double) p[p0 + r * STRIDE + j] * unpack(pack, packed, c / ints, 1);
                }
                o[r * stride + c] = (float) sum;
            }
        }
    }

    /** What rounds to infinity stays the largest finite number. */
    private static int toBfloat16(float x) {
        int bits = Element.bfloat16(x);
        return bits & SIGN | Math.min(bits & ~SIGN & 0xffff, LARGEST_BFLOAT16);
    }

    private static int toByte(float x, float scale) {
        if (scale == 0) {
            return 0;
        }
        double steps = Math.rint((double) x / scale);
        return (int) Math.max(-LARGEST_BYTE, Math.min(LARGEST_BYTE, steps));
    }
}
