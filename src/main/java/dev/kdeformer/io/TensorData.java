package dev.kdeformer.io;

import dev.kdeformer.tensor.Element;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** The elements of a tensor, from a file and to a file, a chunk at a time. */
final class TensorData {
    private static final int CHUNK = 1 << 16;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    private static final ValueLayout.OfFloat LITTLE_FLOAT = FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort LITTLE_SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private TensorData() {
    }

    /**
     * Reads a new tensor from the current position of a file, which has to have enough bytes left.
     *
     * @param dimensions the dimensions as the file states them, of which {@code shape} is the four-dimensional form
     */
    static Tensor read(InputFile in, ElementType type, ByteOrder order, boolean fortranOrder, List<Long> dimensions,
            Shape shape, Arena arena) throws IOException {
        Tensor tensor = Tensor.allocate(arena, shape);
        long elements = shape.elements();
        int capacity = (int) Math.min(CHUNK, elements);
        FloatDecoder decoder = FloatDecoder.of(type, order, capacity);
        float[] values = new float[capacity];
        FortranOrder scatter = fortranOrder ? new FortranOrder(dimensions, tensor.segment()) : null;
        try (Arena local = Arena.ofConfined()) {
            MemorySegment chunk = local.allocate((long) capacity * type.bytes(), Long.BYTES);
            ByteBuffer bytes = chunk.asByteBuffer();
            int count;
            for (long done = 0; done < elements; done += count) {
                count = (int) Math.min(capacity, elements - done);
                in.read(bytes.clear().limit(count * type.bytes()));
                int bad = decoder.decode(chunk, values, count);
                if (bad >= 0) {
                    double value = chunk.get(ValueLayout.JAVA_DOUBLE.withOrder(order), (long) bad * Double.BYTES);
                    throw in.error("the element at index " + index(dimensions, done + bad, fortranOrder) + " is "
                            + value + ", which is beyond the largest float32, " + Float.MAX_VALUE);
                }
                if (scatter == null) {
                    MemorySegment.copy(values, 0, tensor.segment(), FLOAT, done * Float.BYTES, count);
                } else {
                    scatter.next(values, count);
                }
            }
        }
        return tensor;
    }

    /** Writes all elements in row-major order as little-endian float32. */
    static void write(Tensor tensor, OutputStream out) throws IOException {
        write(tensor, ElementType.F32, out);
    }

    /** Writes all elements in row-major order, little-endian, as F32 or F16. */
    static void write(Tensor tensor, ElementType type, OutputStream out) throws IOException {
        Shape shape = tensor.shape();
        boolean packedHead = tensor.columnStride() == 1 && tensor.rowStride() == shape.columns();
        int runs = packedHead ? 1 : shape.rows();
        long runLength = packedHead ? (long) shape.rows() * shape.columns() : shape.columns();
        byte[] chunk = new byte[(int) Math.min(CHUNK, shape.elements()) * Float.BYTES];
        MemorySegment target = MemorySegment.ofArray(chunk);
        int used = 0;
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                for (int r = 0; r < runs; r++) {
                    long from = b * tensor.batchStride() + h * tensor.headStride() + r * tensor.rowStride();
                    int count;
                    for (long done = 0; done < runLength; done += count) {
                        count = (int) Math.min((chunk.length - used) / Float.BYTES, runLength - done);
                        gather(tensor, from + done * tensor.columnStride(), target, used, count);
                        used += count * Float.BYTES;
                        if (used == chunk.length) {
                            put(chunk, used, type, out);
                            used = 0;
                        }
                    }
                }
            }
        }
        put(chunk, used, type, out);
    }

    private static void put(byte[] chunk, int used, ElementType type, OutputStream out) throws IOException {
        if (type == ElementType.F32) {
            out.write(chunk, 0, used);
            return;
        }
        MemorySegment floats = MemorySegment.ofArray(chunk);
        for (int i = 0; i < used / Float.BYTES; i++) {
            // Rounded in place: a half is written behind the float that is read.
            short half = Float.floatToFloat16(floats.get(LITTLE_FLOAT, (long) i * Float.BYTES));
            floats.set(LITTLE_SHORT, (long) i * Short.BYTES, half);
        }
        out.write(chunk, 0, used / 2);
    }

    private static void gather(Tensor tensor, long from, MemorySegment target, long targetOffset, int count) {
        MemorySegment source = tensor.segment();
        long stride = tensor.columnStride();
        if (stride == 1 && tensor.element() == Element.FLOAT32) {
            MemorySegment.copy(source, FLOAT, from * Float.BYTES, target, LITTLE_FLOAT, targetOffset, count);
            return;
        }
        for (int i = 0; i < count; i++) {
            target.set(LITTLE_FLOAT, targetOffset + (long) i * Float.BYTES,
                    tensor.element().get(source, (from + i * stride) * tensor.element().bytes()));
        }
    }

    /** The index of the element at a position of the file. */
    private static String index(List<Long> dimensions, long position, boolean fortranOrder) {
        int rank = dimensions.size();
        Long[] index = new Long[rank];
        long rest = position;
        for (int i = 0; i < rank; i++) {
            int axis = fortranOrder ? i : rank - 1 - i;
            index[axis] = rest % dimensions.get(axis);
            rest /= dimensions.get(axis);
        }
        return Dimensions.text(List.of(index));
    }
}
