package dev.kdeformer.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    @TempDir
    private Path folder;

    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    @Test
    void readsEveryTypeAndRank() throws IOException {
        int[][] dimensions = {{3, 5}, {2, 3, 5}, {2, 4, 3, 5}};
        for (ElementType type : ElementType.values()) {
            StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
            byte[] data = new byte[0];
            for (int i = 0; i < dimensions.length; i++) {
                byte[] part = FileBytes.encode(values(dimensions[i], i), type, ByteOrder.LITTLE_ENDIAN, false,
                        dimensions[i]);
                header.append(",\"t").append(i).append("\":{\"dtype\":\"").append(type).append("\",\"shape\":")
                        .append(Arrays.toString(dimensions[i])).append(",\"data_offsets\":[").append(data.length)
                        .append(',').append(data.length + part.length).append("]}");
                data = Arrays.copyOf(data, data.length + part.length);
                System.arraycopy(part, 0, data, data.length - part.length, part.length);
            }
            Safetensors file = open(header + "}   ", data);
            assertEquals(List.of("t0", "t1", "t2"), file.tensors().stream().map(TensorInfo::name).toList());
            assertEquals(Map.of("format", "pt"), file.metadata());
            for (int i = dimensions.length - 1; i >= 0; i--) {
                Tensor tensor = file.read("t" + i, arena);
                assertEquals(file.shape("t" + i), tensor.shape());
                assertEquals(dimensions[i].length, file.info("t" + i).dimensions().size());
                assertArrayEquals(values(dimensions[i], i), tensor.toArray(), type + " t" + i);
            }
            assertEquals(Shape.of(1, 2, 3, 5), file.shape("t1"));
        }
    }

    private static float[] values(int[] dimensions, long seed) {
        return FileBytes.values(Arrays.stream(dimensions).reduce(1, (a, b) -> a * b), seed);
    }

    private Safetensors open(String header, byte[] data) throws IOException {
        return Safetensors.open(Files.write(folder.resolve("a.safetensors"), FileBytes.safetensors(header, data)));
    }

    @Test
    void convertsEveryBfloat() throws IOException {
        byte[] data = new byte[2 << 16];
        for (int i = 0; i < 1 << 16; i++) {
            data[2 * i] = (byte) i;
            data[2 * i + 1] = (byte) (i >> 8);
        }
        Safetensors file = open("{\"t\":{\"dtype\":\"BF16\",\"shape\":[256,256],\"data_offsets\":[0,131072]}}", data);
        float[] values = file.read("t", arena).toArray();
        for (int i = 0; i < 1 << 16; i++) {
            assertEquals(Float.intBitsToFloat(i << 16), values[i]);
        }
    }

    @Test
    void tensorsMayLieInAnyOrderAndBeEmptyOrScalar() throws IOException {
        Safetensors file = open("{\"b\" : {\"data_offsets\":[8,16] ,\n\"shape\":[2,1], \"dtype\":\"F32\"},"
                + "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807,4],\"data_offsets\":[8,8]},"
                + "\"scalar\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[0,8]}}",
                FileBytes.encode(new float[] {9, 9, 1, 2}, ElementType.F32, ByteOrder.LITTLE_ENDIAN, false));
        assertArrayEquals(new float[] {1, 2}, file.read("b", arena).toArray());
        refused("tensor 'empty' has shape (0, 9223372036854775807, 4); numbers of batch",
                () -> file.read("empty", arena));
        refused("tensor 'scalar' has 0 dimensions, shape (); allowed are 2 (n, d)", () -> file.shape("scalar"));
        refused("there is no tensor 'c'; there is 'b', 'empty', 'scalar'", () -> file.info("c"));
    }

    @Test
    void listsTypesItDoesNotRead() throws IOException {
        Safetensors file = open("{\"i\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[0,8]},"
                + "\"f\":{\"dtype\":\"F8_E4M3\",\"shape\":[2,2],\"data_offsets\":[8,12]},"
                + "\"q\":{\"dtype\":\"F4\",\"shape\":[2,4],\"data_offsets\":[12,16]},"
                + "\"n\":{\"dtype\":\"NEW\",\"shape\":[2,4],\"data_offsets\":[16,19]}}", new byte[19]);
        assertEquals(4, file.tensors().size());
        refused("tensor 'i' has element type 'I64', which is not read; allowed are F16, BF16, F32 and F64",
                () -> file.shape("i"));
        refused("'F8_E4M3', an 8-bit float (fp8), which is not read", () -> file.read("f", arena));
        refused("'F4', which is not read", () -> file.read("q", arena));
        refused("'NEW', which is not read", () -> file.read("n", arena));
    }

    @Test
    void understandsEveryEscape() throws IOException {
        Safetensors file = open("{\"__metadata__\":{"
                + "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\u00e9\":\"\\u0041\"}}",
                new byte[0]);
        assertEquals(Map.of("a\"\\/\b\f\n\r\t\u00e9\uD83D\uDE00\u00e9", "A"), file.metadata());
        assertEquals(List.of(), file.tensors());
        refused("there is no tensor 'x'; there are none", () -> file.info("x"));
        assertEquals(Map.of(), open("{}", new byte[0]).metadata());
        assertEquals(Map.of(), open("{\"__metadata__\": null}", new byte[0]).metadata());
    }

    @Test
    void writesWhatItReads() throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("out", FileBytes.strided(arena, Shape.of(2, 3, 5, 7), 1, 2, 6, 30));
        tensors.put("a \"name\"\\\n\u0001\u00e9\uD83D\uDE00", Tensor.copyOf(arena, Shape.of(2, 1), 1, 2));
        tensors.put("", Tensor.copyOf(arena, Shape.of(1, 1), Float.NaN));
        Path path = folder.resolve("out.safetensors");
        Safetensors.write(path, tensors);
        Safetensors file = Safetensors.open(path);
        assertEquals(List.copyOf(tensors.keySet()), file.tensors().stream().map(TensorInfo::name).toList());
        for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
            Tensor read = file.read(entry.getKey(), arena);
            assertEquals(entry.getValue().shape(), read.shape());
            assertArrayEquals(entry.getValue().toArray(), read.toArray());
        }
        byte[] bytes = Files.readAllBytes(path);
        assertEquals(file.tensors(), Safetensors.readHeader(new ByteArrayInputStream(bytes), bytes.length, "stream"));
        assertTrue(assertThrows(TensorFormatException.class, () -> Safetensors.readHeader(
                new ByteArrayInputStream(bytes), bytes.length - 1, "stream")).getMessage().startsWith("stream: "));
        assertEquals(0, bytes[0] % 8, "data is aligned to 8 bytes");
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        assertTrue(text.startsWith("{\"out\":{\"dtype\":\"F32\",\"shape\":[2, 3, 5, 7],\"data_offsets\":[0,840]}", 8),
                text);

        for (String name : List.of("__metadata__", "\uD83D")) {
            assertThrows(IllegalArgumentException.class,
                    () -> Safetensors.write(path, Map.of(name, Tensor.allocate(arena, Shape.of(1, 1)))));
        }
        assertArrayEquals(bytes, Files.readAllBytes(path), "refused calls leave the file alone");
    }

    @Test
    void refusesDoublesBeyondFloat() throws IOException {
        byte[] data = new byte[32];
        ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).putDouble(16, 1e300);
        Safetensors file = open("{\"t\":{\"dtype\":\"F64\",\"shape\":[2,2],\"data_offsets\":[0,32]}}", data);
        refused("index (1, 0) is 1.0E300, which is beyond the largest float32", () -> file.read("t", arena));
    }

    @Test
    void noticesThatTheFileHasChangedOrGone() throws IOException {
        Safetensors file = open("{\"t\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}", new byte[8]);
        byte[] bytes = Files.readAllBytes(file.path());
        Files.write(file.path(), Arrays.copyOf(bytes, bytes.length - 1));
        refused("but had " + bytes.length + " when it was opened", () -> file.read("t", arena));
        Files.delete(file.path());
        assertEquals(file.path() + ": no such file",
                assertThrows(NoSuchFileException.class, () -> file.read("t", arena)).getMessage());
    }

    private void refused(String fragment, Executable call) {
        String message = assertThrows(TensorFormatException.class, call).getMessage();
        assertTrue(message.startsWith(folder.resolve("a.safetensors") + ": ") && message.contains(fragment), message);
    }
}
