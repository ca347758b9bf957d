package dev.kdeformer.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class NpyTest {
    private static final int[][] DIMENSIONS = {{5, 3}, {1, 1}, {7, 1}, {1, 7}, {2, 5, 3}, {1, 5, 3}, {1, 1, 1},
        {2, 3, 5, 7}, {1, 1, 5, 7}, {1, 4, 5, 1}, {3, 1, 1, 2}};

    @TempDir
    private Path folder;

    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    @Test
    void readsEveryTypeOrderRankAndVersion() throws IOException {
        int read = 0;
        for (int[] dimensions : DIMENSIONS) {
            for (ElementType type : List.of(ElementType.F16, ElementType.F32, ElementType.F64)) {
                for (char mark : new char[] {'<', '>', '=', '|', ' '}) {
                    for (boolean fortranOrder : new boolean[] {false, true}) {
                        int version = 1 + read % 3;
                        checkRead(dimensions, type, mark, fortranOrder, version);
                        read++;
                    }
                }
            }
        }
        assertEquals(DIMENSIONS.length * 3 * 5 * 2, read);
    }

    /** What np.save writes of an ml_dtypes.bfloat16, byte by byte. */
    @Test
    void readsBfloat16OfMlDtypes() throws IOException {
        for (String descr : List.of("<V2", "|V2", ">V2")) {
            boolean big = descr.startsWith(">");
            byte[] bytes = HexFormat.of().parseHex(big ? "3f80c049" : "803f49c0");
            Path file = Files.write(folder.resolve("b.npy"), FileBytes.npy(1, FileBytes.dictionary(descr, false,
                    "(1, 2)"), bytes));
            assertArrayEquals(new float[] {1, -3.140625f}, Npy.read(file, arena).toArray(), descr);
            assertEquals(ElementType.BF16, Npy.readHeader(file).type());
        }
    }

    /** np.load reads the array that the header describes and looks no further; np.save appends to open files. */
    @Test
    void bytesAfterTheLastElementAreLetBe() throws IOException {
        byte[] array = FileBytes.npy(1, FileBytes.dictionary("<f4", false, "(1, 2)"),
                HexFormat.of().parseHex("0000803f00000040"));
        byte[] longer = Arrays.copyOf(array, 2 * array.length + 3);
        System.arraycopy(array, 0, longer, array.length, array.length);
        assertArrayEquals(new float[] {1, 2}, Npy.read(Files.write(folder.resolve("l.npy"), longer), arena).toArray());
    }

    @Test
    void aColumnMayHaveOneDimension() throws IOException {
        Tensor column = Tensor.copyOf(arena, Shape.of(3, 1), 5, -1, 2);
        Path file = folder.resolve("c.npy");
        Npy.write(file, column, 1);
        assertEquals(Shape.of(3, 1), Npy.readRows(file, arena).shape());
        assertArrayEquals(column.toArray(), Npy.readRows(file, arena).toArray());
        assertThrows(TensorFormatException.class, () -> Npy.read(file, arena));
        assertThrows(IllegalArgumentException.class, () -> Npy.write(file, Tensor.allocate(arena, Shape.of(2, 2)), 1));
    }

    private void checkRead(int[] dimensions, ElementType type, char mark, boolean fortranOrder, int version)
            throws IOException {
        String descr = (mark == ' ' ? "" : mark) + "f" + type.bytes();
        ByteOrder order = mark == '<' ? ByteOrder.LITTLE_ENDIAN : mark == '>' ? ByteOrder.BIG_ENDIAN
                : ByteOrder.nativeOrder();
        Shape shape = shape(dimensions);
        float[] values = FileBytes.values((int) shape.elements(), 7);
        byte[] bytes = FileBytes.npy(version, FileBytes.dictionary(descr, fortranOrder, tuple(dimensions)),
                FileBytes.encode(values, type, order, fortranOrder, dimensions));
        Path file = Files.write(folder.resolve("a.npy"), bytes);
        String what = descr + " " + tuple(dimensions) + " fortran " + fortranOrder + " version " + version;

        Tensor tensor = Npy.read(file, arena);
        assertEquals(shape, tensor.shape(), what);
        assertArrayEquals(values, tensor.toArray(), what);
        assertEquals(1, tensor.columnStride(), what);
        assertEquals(shape.columns(), tensor.rowStride(), what);

        NpyHeader header = Npy.readHeader(file);
        assertEquals(version, header.version(), what);
        assertEquals(type, header.type(), what);
        assertEquals(order, header.order(), what);
        assertEquals(fortranOrder, header.fortranOrder(), what);
        assertEquals(shape, header.shape(), what);
        assertEquals(dimensions.length, header.dimensions().size(), what);
        assertEquals(bytes.length, header.dataOffset() + header.dataBytes(), what);
    }

    @Test
    void readsArraysOfManyChunks() throws IOException {
        int[] dimensions = {3, 701, 97};
        float[] values = FileBytes.values(3 * 701 * 97, 8);
        for (ElementType type : List.of(ElementType.F16, ElementType.F32, ElementType.F64)) {
            for (boolean fortranOrder : new boolean[] {false, true}) {
                Path file = Files.write(folder.resolve("big.npy"), FileBytes.npy(1,
                        FileBytes.dictionary(">f" + type.bytes(), fortranOrder, tuple(dimensions)),
                        FileBytes.encode(values, type, ByteOrder.BIG_ENDIAN, fortranOrder, dimensions)));
                assertArrayEquals(values, Npy.read(file, arena).toArray(), type + " fortran " + fortranOrder);
            }
        }
    }

    /** np.save(f, np.asfortranarray((np.arange(6).reshape(2, 3) - 2.5).astype('>f8'))), NumPy 2.4.6. */
    @Test
    void readsWhatNumpyWrote() throws IOException {
        byte[] bytes = HexFormat.of().parseHex("934e554d5059010076007b276465736372273a20273e6638272c2027666f727472"
                + "616e5f6f72646572273a20547275652c20277368617065273a2028322c2033292c207d" + "20".repeat(59) + "0a"
                + "c0040000000000003fe0000000000000bff80000000000003ff8000000000000bfe00000000000004004000000000000");
        Path file = Files.write(folder.resolve("numpy.npy"), bytes);
        Tensor tensor = Npy.read(file, arena);
        assertEquals(Shape.of(2, 3), tensor.shape());
        assertArrayEquals(new float[] {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f}, tensor.toArray());
    }

    /** np.save(f, np.arange(4, dtype='<f4').reshape(1, 2, 2)), NumPy 2.4.6. */
    @Test
    void writesWhatNumpyWouldWrite() throws IOException {
        byte[] numpy = HexFormat.of().parseHex("934e554d5059010076007b276465736372273a20273c6634272c2027666f727472"
                + "616e5f6f72646572273a2046616c73652c20277368617065273a2028312c20322c2032292c207d" + "20".repeat(55)
                + "0a" + "000000000000803f0000004000004040");
        Path file = folder.resolve("out.npy");
        Npy.write(file, Tensor.copyOf(arena, Shape.of(2, 2), 0, 1, 2, 3), 3);
        assertArrayEquals(numpy, Files.readAllBytes(file));
    }

    @Test
    void acceptsTheSpellingsOfOtherWriters() throws IOException {
        byte[] data = FileBytes.encode(new float[] {1, 2}, ElementType.F32, ByteOrder.LITTLE_ENDIAN, false, 2, 1);
        for (String header : List.of(
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 1L), }",
                "{\"shape\":(2,1),\"fortran_order\":False,\"descr\":\"<f4\"}",
                " {\n'shape' :\t( 2 ,\r\n1 , ) , 'descr' : '<f4' , 'fortran_order' : False , } \n \n",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)}" + " ".repeat(2000))) {
            Path file = Files.write(folder.resolve("a.npy"), FileBytes.npy(1, header, data));
            assertArrayEquals(new float[] {1, 2}, Npy.read(file, arena).toArray(), header);
        }
    }

    @Test
    void passesSpecialValuesThrough() throws IOException {
        float[] values = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0f};
        for (ElementType type : List.of(ElementType.F16, ElementType.F32, ElementType.F64)) {
            Path file = Files.write(folder.resolve("a.npy"), FileBytes.npy(1,
                    FileBytes.dictionary("<f" + type.bytes(), false, "(2, 2)"),
                    FileBytes.encode(values, type, ByteOrder.LITTLE_ENDIAN, false, 2, 2)));
            assertArrayEquals(values, Npy.read(file, arena).toArray(), type.toString());
        }
    }

    @Test
    void convertsEveryHalf() throws IOException {
        byte[] data = new byte[2 << 16];
        for (int i = 0; i < 1 << 16; i++) {
            data[2 * i] = (byte) i;
            data[2 * i + 1] = (byte) (i >> 8);
        }
        Path file = Files.write(folder.resolve("a.npy"), FileBytes.npy(1,
                FileBytes.dictionary("<f2", false, "(256, 256)"), data));
        float[] values = Npy.read(file, arena).toArray();
        for (int i = 0; i < 1 << 16; i++) {
            assertEquals(half(i), values[i], "half " + Integer.toHexString(i));
        }
    }

    private static float half(int bits) {
        int exponent = bits >> 10 & 31;
        int fraction = bits & 1023;
        double magnitude = exponent == 0 ? fraction * Math.pow(2, -24)
                : exponent == 31 ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
                : (1024 + fraction) * Math.pow(2, exponent - 25);
        return (float) (bits >> 15 == 0 ? magnitude : -magnitude);
    }

    @Test
    void roundsDoublesAndRefusesThoseBeyondFloat() throws IOException {
        double largest = Math.nextDown(0x1.ffffffp127);
        assertArrayEquals(new float[] {0.1f, Float.MAX_VALUE, -Float.MAX_VALUE, 0},
                readDoubles("(2, 2)", false, 0.1, largest, -largest, 1e-60).toArray());
        TensorFormatException e = assertThrows(TensorFormatException.class,
                () -> readDoubles("(2, 3)", false, 1, 2, 3, 4, -1e39, 6));
        assertTrue(e.getMessage().contains("index (1, 1) is -1.0E39"), e.getMessage());
        e = assertThrows(TensorFormatException.class, () -> readDoubles("(2, 3)", true, 1, 2, 3, 4, 0x1.ffffffp127, 6));
        assertTrue(e.getMessage().contains("index (0, 2) is 3.4"), e.getMessage());
    }

    private Tensor readDoubles(String shape, boolean fortranOrder, double... values) throws IOException {
        ByteBuffer data = ByteBuffer.allocate(values.length * 8);
        for (double value : values) {
            data.putDouble(value);
        }
        Path file = Files.write(folder.resolve("d.npy"),
                FileBytes.npy(1, FileBytes.dictionary(">f8", fortranOrder, shape), data.array()));
        return Npy.read(file, arena);
    }

    @Test
    void writesTensorsOfAnyStrides() throws IOException {
        Shape shape = Shape.of(2, 3, 5, 7);
        Path file = folder.resolve("strided.npy");
        for (long[] strides : new long[][] {{105, 35, 7, 1}, {200, 60, 11, 1}, {1, 2, 6, 30}, {7, 70, 14, 1},
            {0, 0, 0, 0}, {0, 35, 7, 1}, {500, 100, 20, 2}, {500, 100, 7, 2}}) {
            Tensor tensor = FileBytes.strided(arena, shape, strides[0], strides[1], strides[2], strides[3]);
            Npy.write(file, tensor);
            Tensor read = Npy.read(file, arena);
            assertEquals(shape, read.shape());
            assertArrayEquals(tensor.toArray(), read.toArray(), Arrays.toString(strides));
        }
    }

    @Test
    void writesRowsLongerThanAChunk() throws IOException {
        Shape shape = Shape.of(1, 2, 2, 70_001);
        Path file = folder.resolve("long.npy");
        for (long[] strides : new long[][] {{140_002, 70_001, 1}, {140_004, 70_002, 1}, {1, 2, 4}}) {
            Tensor tensor = FileBytes.strided(arena, shape, 0, strides[0], strides[1], strides[2]);
            Npy.write(file, tensor);
            assertArrayEquals(tensor.toArray(), Npy.read(file, arena).toArray());
        }
    }

    @Test
    void writesHeapMemoryAndTheRankAskedFor() throws IOException {
        float[] values = FileBytes.values(6, 3);
        Path file = folder.resolve("rank.npy");
        Tensor matrix = Tensor.of(FloatBuffer.wrap(values), Shape.of(3, 2));
        for (int rank = 2; rank <= 4; rank++) {
            Npy.write(file, matrix, rank);
            assertEquals(rank, Npy.readHeader(file).dimensions().size());
            assertArrayEquals(values, Npy.read(file, arena).toArray());
        }
        Tensor heads = Tensor.copyOf(arena, Shape.of(1, 2, 3, 1), values);
        Npy.write(file, heads, 3);
        assertEquals(List.of(2L, 3L, 1L), Npy.readHeader(file).dimensions());
        refused("rank must keep every dimension", () -> Npy.write(file, heads, 2));
        refused("rank must keep every dimension",
                () -> Npy.write(file, Tensor.copyOf(arena, Shape.of(2, 1, 3, 1), values), 3));
        refused("rank must keep every dimension", () -> Npy.write(file, matrix, 1));
        refused("rank must be 1, 2, 3 or 4, got 0", () -> Npy.write(file, matrix, 0));
        refused("rank must be 1, 2, 3 or 4, got 5", () -> Npy.write(file, matrix, 5));
        assertEquals(List.of(2L, 3L, 1L), Npy.readHeader(file).dimensions(), "refused calls leave the file alone");
    }

    private static void refused(String fragment, Executable call) {
        String message = assertThrows(IllegalArgumentException.class, call).getMessage();
        assertTrue(message.contains(fragment), message);
    }

    @Test
    void aClosedTensorLeavesTheOldFile() throws IOException {
        Path file = Files.writeString(folder.resolve("old.npy"), "old");
        Tensor closed;
        try (Arena gone = Arena.ofConfined()) {
            closed = Tensor.allocate(gone, Shape.of(2, 2));
        }
        assertThrows(IllegalStateException.class, () -> Npy.write(file, closed));
        assertEquals("old", Files.readString(file));
        try (var files = Files.list(folder)) {
            assertEquals(List.of(file), files.toList());
        }
    }

    @Test
    void readsStreamsOfKnownLength() throws IOException {
        float[] values = FileBytes.values(6, 4);
        byte[] bytes = FileBytes.npy(2, FileBytes.dictionary("<f2", true, "(2, 3)"),
                FileBytes.encode(values, ElementType.F16, ByteOrder.LITTLE_ENDIAN, true, 2, 3));
        assertArrayEquals(values,
                Npy.read(new ByteArrayInputStream(bytes), bytes.length, "stream", arena).toArray());
        NpyHeader header = Npy.readHeader(new ByteArrayInputStream(bytes), bytes.length, "stream");
        assertEquals(Shape.of(2, 3), header.shape());
        assertEquals(bytes.length - 6 * 2, header.dataOffset());
        assertEquals("stream: shape (2, 3)", assertThrows(TensorFormatException.class,
                () -> Npy.readHeader(new ByteArrayInputStream(bytes), bytes.length - 1, "stream")).getMessage()
                .substring(0, 20));
        byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
        assertStreamRefused("stream: the stream has more than", longer, bytes.length);
        assertStreamRefused("stream: shape (2, 3)", bytes, bytes.length - 1);
        byte[] shorter = Arrays.copyOf(bytes, bytes.length - 1);
        assertStreamRefused("stream: the file ended after " + shorter.length, shorter, bytes.length);
    }

    private void assertStreamRefused(String message, byte[] bytes, long length) {
        TensorFormatException e = assertThrows(TensorFormatException.class,
                () -> Npy.read(new ByteArrayInputStream(bytes), length, "stream", arena));
        assertTrue(e.getMessage().startsWith(message), e.getMessage());
    }

    @Test
    void namesFilesThatCannotBeOpened() throws IOException {
        Path none = folder.resolve("none.npy");
        assertEquals(none + ": no such file",
                assertThrows(NoSuchFileException.class, () -> Npy.read(none, arena)).getMessage());
        assertEquals(folder + ": this is a folder; a tensor is read from a file",
                assertThrows(TensorFormatException.class, () -> Npy.readHeader(folder)).getMessage());
        Path device = Path.of("/dev/zero");
        assumeTrue(Files.exists(device));
        assertEquals("/dev/zero: this is a device or pipe; a tensor is read from a regular file",
                assertThrows(TensorFormatException.class, () -> Npy.readHeader(device)).getMessage());
    }

    private static Shape shape(int... dimensions) {
        int[] sizes = {1, 1, 1, 1};
        System.arraycopy(dimensions, 0, sizes, 4 - dimensions.length, dimensions.length);
        return Shape.of(sizes[0], sizes[1], sizes[2], sizes[3]);
    }

    private static String tuple(int... dimensions) {
        return Arrays.toString(dimensions).replace('[', '(').replace(']', ')');
    }
}
