package dev.kdeformer.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class TensorTest {
    private static final ByteOrder FOREIGN = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN
            ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;

    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    @Test
    void allocatesAlignedZeros() {
        Shape shape = Shape.of(2, 3, 5, 7);
        Tensor tensor = Tensor.allocate(arena, shape);
        assertEquals(shape, tensor.shape());
        assertEquals(0, tensor.segment().address() % 64);
        assertEquals(840, tensor.segment().byteSize());
        assertArrayEquals(new float[210], tensor.toArray());
        assertEquals("Tensor(2, 3, 5, 7)", tensor.toString());
        assertStrides(tensor, 105, 35, 7, 1);
        assertThrows(NullPointerException.class, () -> Tensor.allocate(null, shape));
    }

    private static void assertStrides(Tensor tensor, long batch, long head, long row, long column) {
        assertEquals(batch, tensor.batchStride());
        assertEquals(head, tensor.headStride());
        assertEquals(row, tensor.rowStride());
        assertEquals(column, tensor.columnStride());
    }

    @Test
    void moreThanTheMachineHasIsAnOutOfMemoryError() {
        assertThrows(OutOfMemoryError.class,
                () -> Tensor.allocate(arena, Shape.of(1 << 15, 1 << 15, 1 << 15, 1 << 15)));
    }

    @Test
    void copiesValues() {
        float[] values = counting(12);
        Tensor tensor = Tensor.copyOf(arena, Shape.of(1, 2, 3, 2), values);
        values[0] = 100;
        assertArrayEquals(counting(12), tensor.toArray());
        assertEquals(9, tensor.matrix(0, 1).get(1, 1));
        refused("values must have 12 elements for shape (1, 2, 3, 2), got 11",
                () -> Tensor.copyOf(arena, Shape.of(1, 2, 3, 2), new float[11]));
        refused("got 13", () -> Tensor.copyOf(arena, Shape.of(1, 2, 3, 2), new float[13]));
        refused("got 0", () -> Tensor.copyOf(arena, Shape.of(1, 1)));
    }

    private static float[] counting(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i;
        }
        return values;
    }

    @Test
    void readsTheMemoryItIsGiven() {
        float[] values = counting(210);
        MemorySegment segment = MemorySegment.ofArray(values);
        Tensor packed = Tensor.of(segment, Shape.of(2, 3, 5, 7));
        assertSame(segment, packed.segment());
        assertStrides(packed, 105, 35, 7, 1);
        assertArrayEquals(values, packed.toArray());
        values[209] = -1;
        assertEquals(-1, packed.matrix(1, 2).get(4, 6));
        packed.matrix(0, 0).set(0, 1, 55);
        assertEquals(55, values[1]);

        Tensor longer = Tensor.of(segment, Shape.of(2, 2));
        assertArrayEquals(new float[] {0, 55, 2, 3}, longer.toArray(), "a longer segment is fine");
    }

    @Test
    void readsAnyStrides() {
        float[] values = counting(1000);
        Shape shape = Shape.of(2, 3, 4, 5);
        long[][] all = {{60, 20, 5, 1}, {1, 2, 6, 24}, {500, 100, 20, 3}, {0, 20, 5, 1}, {0, 0, 0, 0}, {7, 11, 13, 17}};
        for (long[] s : all) {
            Tensor tensor = Tensor.of(MemorySegment.ofArray(values), shape, s[0], s[1], s[2], s[3]);
            assertStrides(tensor, s[0], s[1], s[2], s[3]);
            float[] elements = tensor.toArray();
            int i = 0;
            for (int b = 0; b < 2; b++) {
                for (int h = 0; h < 3; h++) {
                    Matrix matrix = tensor.matrix(b, h);
                    for (int r = 0; r < 4; r++) {
                        for (int c = 0; c < 5; c++) {
                            float expected = b * s[0] + h * s[1] + r * s[2] + c * s[3];
                            assertEquals(expected, matrix.get(r, c));
                            assertEquals(expected, elements[i++]);
                        }
                    }
                }
            }
        }
    }

    @Test
    void needsTheLastElementWithinTheSegment() {
        Shape shape = Shape.of(2, 3, 4, 5);
        // The last element lies 500 + 200 + 60 + 8 floats behind the first.
        MemorySegment segment = arena.allocate(769 * 4, 4);
        Tensor.of(segment, shape, 500, 100, 20, 2);
        refused("segment must have at least 3076 bytes for shape (2, 3, 4, 5) with strides (500, 100, 20, 2), got 3075",
                () -> Tensor.of(segment.asSlice(0, 3075), shape, 500, 100, 20, 2));
        refused("segment must have at least 480 bytes", () -> Tensor.of(segment.asSlice(0, 479), shape));
        refused("got 0", () -> Tensor.of(MemorySegment.NULL, Shape.of(1, 1)));
        Tensor.of(segment.asSlice(1, 480), shape); // any alignment
    }

    @Test
    void refusesNegativeAndOverflowingStrides() {
        MemorySegment segment = arena.allocate(64, 4);
        Shape shape = Shape.of(2, 2, 2, 2);
        refused("batchStride must not be negative, got -1", () -> Tensor.of(segment, shape, -1, 1, 1, 1));
        refused("headStride must not be negative, got -8", () -> Tensor.of(segment, shape, 8, -8, 2, 1));
        refused("rowStride must not be negative", () -> Tensor.of(segment, shape, 8, 4, Long.MIN_VALUE, 1));
        refused("columnStride must not be negative", () -> Tensor.of(segment, Shape.of(1, 1), 0, 0, 0, -1));
        long huge = Long.MAX_VALUE;
        for (long[] s : new long[][] {{huge, 0, 0, 0}, {0, huge, 0, 0}, {0, 0, huge, 0}, {0, 0, 0, huge},
            {huge / 2, huge / 2, huge / 2, 0}, {1L << 61, 0, 0, 0}, {1L << 62, 1L << 62, 0, 0}}) {
            refused("overflow a 64-bit address", () -> Tensor.of(segment, shape, s[0], s[1], s[2], s[3]));
        }
        refused("overflow a 64-bit address", () -> Tensor.of(segment, Shape.of(1 << 30, 1), 0, 0, 1L << 40, 1));
        // The stride of a dimension of one element is never taken.
        Tensor one = Tensor.of(segment, Shape.of(1, 2), huge, huge, huge, 1);
        assertArrayEquals(new float[2], one.toArray());
        assertArrayEquals(new float[2], one.rows(0, 1).toArray());
    }

    @Test
    void aClosedArenaIsAnErrorAndNotACrash() {
        Tensor tensor;
        Matrix matrix;
        MemorySegment segment;
        try (Arena gone = Arena.ofConfined()) {
            segment = gone.allocate(64, 4);
            tensor = Tensor.of(segment, Shape.of(4, 4));
            matrix = tensor.matrix(0, 0);
        }
        assertEquals("segment of tensor (1, 1, 4, 4) belongs to a closed arena",
                assertThrows(IllegalStateException.class, () -> Tensor.of(segment, Shape.of(4, 4))).getMessage());
        assertThrows(IllegalStateException.class, () -> Tensor.allocate(closed(), Shape.of(1, 1)));
        assertThrows(IllegalStateException.class, tensor::toArray);
        assertThrows(IllegalStateException.class, () -> matrix.get(0, 0));
        assertThrows(IllegalStateException.class, () -> matrix.set(0, 0, 1));
        assertThrows(IllegalStateException.class, () -> matrix.readRow(0, new float[4], 0));
        assertThrows(IllegalStateException.class, () -> matrix.readRows(0, 4, new float[16], 0, 4));
        assertThrows(IllegalStateException.class, () -> matrix.writeRow(0, new float[4], 0));
    }

    private static Arena closed() {
        Arena closed = Arena.ofConfined();
        closed.close();
        return closed;
    }

    @Test
    void readsBuffersOfEveryKind() {
        FloatBuffer direct = ByteBuffer.allocateDirect(24).order(ByteOrder.nativeOrder()).asFloatBuffer();
        FloatBuffer view = ByteBuffer.allocate(24).order(ByteOrder.nativeOrder()).asFloatBuffer();
        FloatBuffer heap = FloatBuffer.allocate(6);
        for (FloatBuffer buffer : new FloatBuffer[] {heap, direct, view}) {
            buffer.put(counting(6)).flip();
            Tensor tensor = Tensor.of(buffer, Shape.of(2, 3));
            assertArrayEquals(counting(6), tensor.toArray());
            tensor.matrix(0, 0).set(1, 2, 9);
            assertEquals(9, buffer.get(5), "no copy");
            buffer.put(5, 5);
            assertArrayEquals(counting(6), Tensor.of(buffer.asReadOnlyBuffer(), Shape.of(2, 3)).toArray());
            assertTrue(Tensor.of(buffer.asReadOnlyBuffer(), Shape.of(2, 3)).segment().isReadOnly());

            assertArrayEquals(new float[] {2, 3}, Tensor.of(buffer.position(2).limit(4), Shape.of(2, 1)).toArray(),
                    "from position to limit");
            refused("segment must have at least 12 bytes", () -> Tensor.of(buffer, Shape.of(3, 1)));
            assertArrayEquals(new float[] {1}, Tensor.of(buffer.slice(1, 1), Shape.of(1, 1)).toArray());
        }
    }

    @Test
    void refusesBuffersInTheOtherByteOrder() {
        for (ByteBuffer bytes : new ByteBuffer[] {ByteBuffer.allocate(16), ByteBuffer.allocateDirect(16)}) {
            refused("buffer must be in native byte order " + ByteOrder.nativeOrder() + ", got " + FOREIGN,
                    () -> Tensor.of(bytes.order(FOREIGN).asFloatBuffer(), Shape.of(2, 2)));
        }
    }

    @Test
    void slicesRowsWithoutCopying() {
        float[] values = counting(2 * 3 * 5 * 7);
        Tensor tensor = Tensor.of(MemorySegment.ofArray(values), Shape.of(2, 3, 5, 7));
        Tensor part = tensor.rows(1, 3);
        assertEquals(Shape.of(2, 3, 3, 7), part.shape());
        assertStrides(part, 105, 35, 7, 1);
        for (int b = 0; b < 2; b++) {
            for (int h = 0; h < 3; h++) {
                for (int r = 0; r < 3; r++) {
                    assertEquals(b * 105 + h * 35 + (r + 1) * 7, part.matrix(b, h).get(r, 0));
                }
            }
        }
        part.matrix(1, 2).set(2, 6, -1);
        assertEquals(-1, values[1 * 105 + 2 * 35 + 3 * 7 + 6]);
        assertEquals(tensor.matrix(1, 2).get(3, 0), part.rows(2, 1).matrix(1, 2).get(0, 0), "a slice of a slice");
        assertArrayEquals(tensor.toArray(), tensor.rows(0, 5).toArray());

        Tensor transposed = Tensor.of(MemorySegment.ofArray(values), Shape.of(1, 1, 7, 5), 0, 0, 1, 7);
        assertArrayEquals(new float[] {6, 13, 20, 27, 34}, transposed.rows(6, 1).toArray());

        assertArrayEquals(tensor.matrix(1, 2).toArray(), tensor.items(1, 1).matrix(0, 2).toArray());
        assertArrayEquals(tensor.toArray(), tensor.items(0, 2).toArray());
        refused("batch items [1, 3) must lie within the 2 items of the tensor", () -> tensor.items(1, 2));
        refused("batch items [-1, 1)", () -> tensor.items(-1, 2));
        refused("batch items [1, 1)", () -> tensor.items(1, 0));
        refused("rows [-1, 2) must lie within the 5 rows of the tensor", () -> tensor.rows(-1, 3));
        refused("rows [3, 6)", () -> tensor.rows(3, 3));
        refused("rows [2, 1)", () -> tensor.rows(2, -1));
        refused("rows [5, 6)", () -> tensor.rows(5, 1));
        refused("rows [2147483647, 4294967294)", () -> tensor.rows(Integer.MAX_VALUE, Integer.MAX_VALUE));
    }

    @Test
    void checksHeadsAndArraySizes() {
        Tensor tensor = Tensor.allocate(arena, Shape.of(2, 3, 1, 1));
        for (int[] index : new int[][] {{2, 0}, {0, 3}, {-1, 0}, {0, -1}}) {
            assertThrows(IndexOutOfBoundsException.class, () -> tensor.matrix(index[0], index[1]));
        }
        Tensor endless = Tensor.of(arena.allocate(4, 4), Shape.of(1 << 10, 1 << 10, 1 << 10, 2), 0, 0, 0, 0);
        assertThrows(ArithmeticException.class, endless::toArray);
        Tensor wide = Tensor.of(arena.allocate(4, 4), Shape.of(1 << 16, 1 << 16), 0, 0, 0, 0);
        assertThrows(ArithmeticException.class, () -> wide.matrix(0, 0).toArray());
    }

    private static void refused(String fragment, Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(fragment), message);
    }
}
