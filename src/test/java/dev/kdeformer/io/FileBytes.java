package dev.kdeformer.io;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/** Files made and read byte by byte in the plainest way, to compare the readers and writers with. */
final class FileBytes {
    private FileBytes() {
    }

    /** A .npy file with whatever header text and data. */
    static byte[] npy(int version, String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
        int lengthBytes = version == 1 ? 2 : 4;
        ByteBuffer file = ByteBuffer.allocate(8 + lengthBytes + text.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN);
        file.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII)).put((byte) version).put((byte) 0);
        if (version == 1) {
            file.putShort((short) text.length);
        } else {
            file.putInt(text.length);
        }
        return file.put(text).put(data).array();
    }

    /** A dictionary as NumPy writes it. */
    static String dictionary(String descr, boolean fortranOrder, String shape) {
        return "{'descr': '" + descr + "', 'fortran_order': " + (fortranOrder ? "True" : "False") + ", 'shape': "
                + shape + ", }\n";
    }

    /** A .safetensors file with whatever header text and data. */
    static byte[] safetensors(String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length)
                .put(text).put(data).array();
    }

    /** Row-major values as a file stores them. */
    static byte[] encode(float[] values, ElementType type, ByteOrder order, boolean fortranOrder, int... dimensions) {
        ByteBuffer data = ByteBuffer.allocate(values.length * type.bytes()).order(order);
        for (int position = 0; position < values.length; position++) {
            float value = values[fortranOrder ? rowMajor(position, dimensions) : position];
            switch (type) {
                case F16 -> data.putShort(Float.floatToFloat16(value));
                case BF16 -> data.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
                case F32 -> data.putFloat(value);
                case F64 -> data.putDouble(value);
            }
        }
        return data.array();
    }

    /** The values of a file's data in row-major order. */
    static float[] decode(byte[] file, long offset, ElementType type, ByteOrder order, boolean fortranOrder,
            int... dimensions) {
        ByteBuffer data = ByteBuffer.wrap(file, (int) offset, file.length - (int) offset).order(order);
        int count = 1;
        for (int dimension : dimensions) {
            count *= dimension;
        }
        float[] values = new float[count];
        for (int position = 0; position < count; position++) {
            values[fortranOrder ? rowMajor(position, dimensions) : position] = switch (type) {
                case F16 -> Float.float16ToFloat(data.getShort());
                case BF16 -> Float.intBitsToFloat(data.getShort() << 16);
                case F32 -> data.getFloat();
                case F64 -> (float) data.getDouble();
            };
        }
        return values;
    }

    private static int rowMajor(int columnMajorPosition, int... dimensions) {
        int[] index = new int[dimensions.length];
        int rest = columnMajorPosition;
        for (int axis = 0; axis < dimensions.length; axis++) {
            index[axis] = rest % dimensions[axis];
            rest /= dimensions[axis];
        }
        int position = 0;
        for (int axis = 0; axis < dimensions.length; axis++) {
            position = position * dimensions[axis] + index[axis];
        }
        return position;
    }

    /** Values that both kinds of half precision hold exactly, so that conversions can be compared exactly. */
    static float[] values(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt(255) - 127) / 32f;
        }
        return values;
    }

    /** A tensor of distinct values with the given strides, in memory of its own. */
    static Tensor strided(Arena arena, Shape shape, long batch, long head, long row, long column) {
        long last = (shape.batch() - 1) * batch + (shape.heads() - 1) * head + (shape.rows() - 1) * row
                + (shape.columns() - 1) * column;
        MemorySegment segment = arena.allocate((last + 1) * Float.BYTES, Float.BYTES);
        Tensor tensor = Tensor.of(segment, shape, batch, head, row, column);
        float value = 0;
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                for (int r = 0; r < shape.rows(); r++) {
                    for (int c = 0; c < shape.columns(); c++) {
                        tensor.matrix(b, h).set(r, c, ++value);
                    }
                }
            }
        }
        return tensor;
    }

    /** The same file with a random defect: flipped bits, lost or added bytes, or another character in the header. */
    static byte[] corrupt(byte[] file, int headerEnd, String headerCharacters, SplittableRandom random) {
        byte[] bad = file.clone();
        int at = random.nextInt(random.nextBoolean() ? headerEnd : file.length);
        switch (random.nextInt(5)) {
            case 0 -> bad[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> bad[at] = (byte) random.nextInt(256);
            case 2 -> {
                for (int i = random.nextInt(3); i >= 0; i--) {
                    bad[random.nextInt(headerEnd)] = (byte) headerCharacters.charAt(
                            random.nextInt(headerCharacters.length()));
                }
            }
            case 3 -> bad = splice(file, at, Math.min(file.length - at, 1 + random.nextInt(9)), new byte[0]);
            default -> {
                byte[] more = new byte[1 + random.nextInt(9)];
                random.nextBytes(more);
                bad = splice(file, at, 0, more);
            }
        }
        return random.nextInt(10) == 0 ? splice(bad, at, bad.length - at, new byte[0]) : bad;
    }

    private static byte[] splice(byte[] file, int at, int lost, byte[] added) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(file, 0, at);
        out.writeBytes(added);
        out.write(file, at + lost, file.length - at - lost);
        return out.toByteArray();
    }

    /** Bytes of heap that this thread has allocated so far. */
    static long allocatedHeap() {
        return ((com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean())
                .getCurrentThreadAllocatedBytes();
    }

    /** An arena that counts what it is asked for. */
    static final class CountingArena implements Arena {
        private final Arena arena = Arena.ofConfined();
        private long bytes;

        long bytes() {
            return bytes;
        }

        @Override
        public MemorySegment allocate(long byteSize, long byteAlignment) {
            bytes += byteSize;
            return arena.allocate(byteSize, byteAlignment);
        }

        @Override
        public MemorySegment.Scope scope() {
            return arena.scope();
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
