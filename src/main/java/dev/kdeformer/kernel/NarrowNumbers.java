package dev.kdeformer.kernel;

/** Floats as bfloat16 or as bytes with a common scale, two or four of which make an int. */
final class NarrowNumbers {
    /** Largest magnitude of a byte; −128 is left out, so that signs are treated alike. */
    private static final int LARGEST_BYTE = 127;

    private static final int LARGEST_BFLOAT16 = 0x7f7f;

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

    /** Rounds to the nearest, to even where two are as near; what rounds to infinity stays the largest finite one. */
    private static int toBfloat16(float x) {
        int bits = Float.floatToRawIntBits(x);
        int magnitude = (bits & 0x7fff_ffff) + 0x7fff + (bits >>> 16 & 1) >>> 16;
        return bits >>> 16 & 0x8000 | Math.min(magnitude, LARGEST_BFLOAT16);
    }

    private static int toByte(float x, float scale) {
        if (scale == 0) {
            return 0;
        }
        double steps = Math.rint((double) x / scale);
        return (int) Math.max(-LARGEST_BYTE, Math.min(LARGEST_BYTE, steps));
    }
}
