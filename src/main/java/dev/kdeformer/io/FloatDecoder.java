package dev.kdeformer.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Turns the elements of a chunk of a file into floats. Elements go through plain arrays because loops over these are
 * what the compiler turns into vector code, half precision included.
 */
interface FloatDecoder {
    /**
     * Decodes {@code count} elements from the start of {@code chunk} into {@code values}.
     *
     * @return the index of the first finite element that float32 cannot hold, or −1 when all is well
     */
    int decode(MemorySegment chunk, float[] values, int count);

    /** Makes a decoder of up to {@code capacity} elements at a time. */
    static FloatDecoder of(ElementType type, ByteOrder order, int capacity) {
        return switch (type) {
            case F16 -> half(order, new short[capacity]);
            case BF16 -> bfloat(order, new short[capacity]);
            case F32 -> single(order);
            case F64 -> wide(order, new double[capacity]);
        };
    }

    private static FloatDecoder half(ByteOrder order, short[] halves) {
        ValueLayout.OfShort layout = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
        return (chunk, values, count) -> {
            MemorySegment.copy(chunk, layout, 0, halves, 0, count);
            for (int i = 0; i < count; i++) {
                values[i] = Float.float16ToFloat(halves[i]);
            }
            return -1;
        };
    }

    private static FloatDecoder bfloat(ByteOrder order, short[] halves) {
        ValueLayout.OfShort layout = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
        return (chunk, values, count) -> {
            MemorySegment.copy(chunk, layout, 0, halves, 0, count);
            for (int i = 0; i < count; i++) {
                values[i] = Float.intBitsToFloat(halves[i] << 16);
            }
            return -1;
        };
    }

    private static FloatDecoder single(ByteOrder order) {
        ValueLayout.OfFloat layout = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(order);
        return (chunk, values, count) -> {
            MemorySegment.copy(chunk, layout, 0, values, 0, count);
            return -1;
        };
    }

    private static FloatDecoder wide(ByteOrder order, double[] doubles) {
        ValueLayout.OfDouble layout = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(order);
        return (chunk, values, count) -> {
            MemorySegment.copy(chunk, layout, 0, doubles, 0, count);
            for (int i = 0; i < count; i++) {
                values[i] = (float) doubles[i];
                if (Float.isInfinite(values[i]) && !Double.isInfinite(doubles[i])) {
                    return i;
                }
            }
            return -1;
        };
    }
}
