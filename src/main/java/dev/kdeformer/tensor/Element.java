package dev.kdeformer.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What the elements of a {@link Tensor} are in memory. Kernels compute with float32; other elements become floats while
 * they are read and are rounded to the nearest, to even where two are as near, while they are written.
 */
public enum Element {
    /** IEEE single precision. */
    FLOAT32(4),
    /** IEEE half precision; what exceeds 65,504 is written as infinity. */
    FLOAT16(2),
    /** The upper half of a float32. */
    BFLOAT16(2),
    /** A byte that is 0 for false and anything else for true, read as 0 and 1; for masks alone, and never written. */
    BOOL(1);

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final int QUIET = 0x40;

    private final int bytes;

    Element(int bytes) {
        this.bytes = bytes;
    }

    /** Returns the bytes of an element. */
    public int bytes() {
        return bytes;
    }

    /** Tells whether elements are numbers, which queries, keys, values and outputs have to be. */
    public boolean isNumber() {
        return this != BOOL;
    }

    /** Returns the element at a byte of memory, as a float. */
    public float get(MemorySegment segment, long offset) {
        return switch (this) {
            case FLOAT32 -> segment.get(FLOAT, offset);
            case FLOAT16 -> Float.float16ToFloat(segment.get(SHORT, offset));
            case BFLOAT16 -> Float.intBitsToFloat(segment.get(SHORT, offset) << 16);
            case BOOL -> segment.get(ValueLayout.JAVA_BYTE, offset) == 0 ? 0 : 1;
        };
    }

    void set(MemorySegment segment, long offset, float value) {
        switch (this) {
            case FLOAT32 -> segment.set(FLOAT, offset, value);
            case FLOAT16 -> segment.set(SHORT, offset, Float.floatToFloat16(value));
            case BFLOAT16 -> segment.set(SHORT, offset, bfloat16(value));
            case BOOL -> throw new UnsupportedOperationException("booleans are not written");
        }
    }

    /** Returns the bits of the bfloat16 nearest to a float, the even one of two that are as near; NaN stays NaN. */
    public static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (short) (Float.isNaN(value) ? bits >>> 16 | QUIET : bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /** Reads {@code count} elements {@code step} bytes apart. */
    void read(MemorySegment segment, long offset, long step, int count, float[] target, int at) {
        // A loop for each, which the compiler turns into vectors where elements are neighbours.
        switch (this) {
            case FLOAT16 -> {
                for (int c = 0; c < count; c++) {
                    target[at + c] = Float.float16ToFloat(segment.get(SHORT, offset + c * step));
                }
            }
            case BFLOAT16 -> {
                for (int c = 0; c < count; c++) {
                    target[at + c] = Float.intBitsToFloat(segment.get(SHORT, offset + c * step) << 16);
                }
            }
            default -> {
                for (int c = 0; c < count; c++) {
                    target[at + c] = get(segment, offset + c * step);
                }
            }
        }
    }

    /** Writes {@code count} elements {@code step} bytes apart. */
    void write(MemorySegment segment, long offset, long step, int count, float[] source, int at) {
        for (int c = 0; c < count; c++) {
            set(segment, offset + c * step, source[at + c]);
        }
    }
}
