package dev.kdeformer.runtime;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Unchecked access to the engine's own scratch memory by address.
 *
 * <p>Kernels reach scratch memory through one constant segment that spans the whole address space: the compiler then
 * knows its exact class, whatever kinds of segments the rest of the program uses, and no liveness or bounds check is
 * left in the inner loops. The price is that nothing is checked, so only addresses that {@link Scratch} handed out may
 * be used here. Memory of the caller is read and written through its own segments, which are checked.
 */
public final class Memory {
    /** The address space as one segment; offsets are addresses. */
    @SuppressWarnings("restricted")
    public static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** Native byte order, what vector loads and stores use. */
    public static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED;

    private Memory() {
    }

    /** The float at an address. */
    public static float getFloat(long address) {
        return ALL.get(FLOAT, address);
    }

    /** Sets the float at an address. */
    public static void putFloat(long address, float value) {
        ALL.set(FLOAT, address, value);
    }

    /** The int at an address. */
    public static int getInt(long address) {
        return ALL.get(INT, address);
    }

    /** Sets the int at an address. */
    public static void putInt(long address, int value) {
        ALL.set(INT, address, value);
    }

    /** Sets {@code count} ints from an address on to those of an array. */
    public static void putInts(long address, int[] values, int from, int count) {
        MemorySegment.copy(values, from, ALL, INT, address, count);
    }

    /** The double at an address. */
    public static double getDouble(long address) {
        return ALL.get(DOUBLE, address);
    }

    /** Sets the double at an address. */
    public static void putDouble(long address, double value) {
        ALL.set(DOUBLE, address, value);
    }

    /** Copies bytes between addresses; the ranges may overlap. */
    public static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    /** Sets {@code count} floats from an address on. */
    public static void fillFloats(long address, long count, float value) {
        if (Float.floatToRawIntBits(value) == 0) {
            ALL.asSlice(address, count * Float.BYTES).fill((byte) 0);
            return;
        }
        for (long i = 0; i < count; i++) {
            putFloat(address + i * Float.BYTES, value);
        }
    }
}
