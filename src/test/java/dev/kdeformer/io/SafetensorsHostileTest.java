package dev.kdeformer.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsHostileTest {
    private static final String T = "\"t\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}";

    /** Headers before 16 bytes of data, and a part of the message that each has to give. */
    private static final String[][] HEADERS = {
        // syntax
        {"", "expected '{' at the start, found its end"},
        {" {" + T + "}", "expected '{' at the start, found byte 0x20"},
        {"[]", "expected '{' at the start, found '['"},
        {"{", "expected '\"' for a tensor name, found its end"},
        {"{" + T, "expected '}' after an entry, found its end"},
        {"{" + T + ",}", "expected '\"' for a tensor name, found '}'"},
        {"{,}", "expected '\"' for a tensor name"},
        {"{" + T + "}}", "expected nothing but blanks after the JSON object, found '}'"},
        {"{" + T + "}\0", "found byte 0x00"},
        {"{" + T + "}{}", "expected nothing but blanks"},
        {"{t:1}", "expected '\"' for a tensor name, found 't'"},
        {"{\"t\"}", "expected ':' after name 't'"},
        {"{\"t\":1}", "expected '{' after the name of tensor 't', found '1'"},
        {"{\"t\":null}", "expected '{' after the name of tensor 't'"},
        {"{\"t\":[[[[[[[[", "expected '{' after the name of tensor 't', found '['"},
        {"{\"t\":{\"a\":{\"a\":{\"a\":", "unknown key 'a' of tensor 't'"},
        {"{\"t", "a tensor name is not finished"},
        {"{\"t\\", "a tensor name is not finished"},
        {"{\"t\n\":1}", "a tensor name has a control character"},
        {"{\"t\\x\":1}", "a tensor name has an unknown escape"},
        {"{\"t\\u12g4\":1}", "without four hexadecimal digits"},
        {"{\"t\\u12\":1}", "without four hexadecimal digits"},
        {"{\"t\\u\u0661\u0661\u0661\u0661\":1}", "without four hexadecimal digits"},
        {"{\"t\\ud83d\":1}", "half a surrogate pair"},
        {"{\"t\\ude00\\ud83d\":1}", "half a surrogate pair"},
        // names and keys
        {"{" + T + "," + T + "}", "name 't' is there twice"},
        {"{" + T + ",\"\\u0074\":{}}", "name 't' is there twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", "name '__metadata__' is there twice"},
        {"{\"__metadata__\":nul}", "expected null or '{' after name '__metadata__'"},
        {"{\"__metadata__\":null,\"__metadata__\":{}}", "name '__metadata__' is there twice"},
        {"{\"__metadata__\":[]}", "expected '{' after name '__metadata__'"},
        {"{\"__metadata__\":{\"a\":1}}", "expected '\"' for a metadata value, found '1'"},
        {"{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", "expected '\"' for a metadata value, found '{'"},
        {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"b\"}}", "metadata key 'a' is there twice"},
        {"{\"__metadata__\":{\"a\":\"b\",}}", "expected '\"' for a metadata key"},
        {"{\"__metadata__\":{\"a\":\"b\"]}", "expected '}' after a metadata value"},
        {"{\"t\":{}}", "expected '\"' for a key of tensor 't'"},
        {tensor("\"shape\":[2,2],\"data_offsets\":[0,16]"), "tensor 't' has no key 'dtype'"},
        {tensor("\"dtype\":\"F32\",\"data_offsets\":[0,16]"), "tensor 't' has no key 'shape'"},
        {tensor("\"dtype\":\"F32\",\"shape\":[2,2]"), "tensor 't' has no key 'data_offsets'"},
        {tensor("\"dtype\":\"F32\",\"dtype\":\"F32\""), "key 'dtype' of tensor 't' is there twice"},
        {tensor("\"shape\":[],\"shape\":[]"), "key 'shape' of tensor 't' is there twice"},
        {tensor("\"data_offsets\":[],\"data_offsets\":[]"), "key 'data_offsets' of tensor 't' is there twice"},
        {tensor("\"offsets\":[0,16]"), "unknown key 'offsets' of tensor 't'; allowed are 'dtype'"},
        {"{\"\\u001b[31m\":{\"x\":1}}", "unknown key 'x' of tensor '?[31m'"},
        {"{\"" + "n".repeat(100) + "\":{\"x\":1}}", "of tensor '" + "n".repeat(60) + "...'"},
        // numbers
        {tensor("\"shape\":2"), "expected '[' for the shape of tensor 't', found '2'"},
        {tensor("\"shape\":[-1,2]"), "a number of the shape of tensor 't' must not be negative"},
        {tensor("\"shape\":[1.5,2]"), "expected ']' after a number of the shape of tensor 't', found '.'"},
        {tensor("\"shape\":[1e3,2]"), "found 'e'"},
        {tensor("\"shape\":[\"2\",2]"), "expected a whole number"},
        {tensor("\"shape\":[[2],2]"), "expected a whole number"},
        {tensor("\"shape\":[2,]"), "expected a whole number"},
        {tensor("\"shape\":[,2]"), "expected a whole number"},
        {tensor("\"shape\":[02,2]"), "must not start with a zero"},
        {tensor("\"shape\":[9223372036854775808]"), "must be below 2^63"},
        {tensor("\"shape\":[" + "1,".repeat(64) + "1]"), "the shape of tensor 't' has more than 64 numbers"},
        // sizes
        {sized("F32", "[2,2]", "[0]"), "tensor 't' has data offsets [0]; they must be a first byte and the byte after"},
        {sized("F32", "[2,2]", "[]"), "tensor 't' has data offsets []"},
        {sized("F32", "[2,2]", "[0,16,16]"), "tensor 't' has data offsets [0, 16, 16]"},
        {sized("F32", "[2,2]", "[16,0]"), "tensor 't' has data offsets [16, 0]"},
        {sized("F32", "[2,3]", "[0,16]"), "tensor 't' of F32 with shape (2, 3) does not fill its 16 bytes exactly"},
        {sized("F16", "[2,2]", "[0,16]"), "tensor 't' of F16 with shape (2, 2) does not fill its 16 bytes"},
        {sized("F64", "[2,2]", "[0,16]"), "does not fill its 16 bytes"},
        {sized("I8", "[2,2]", "[0,16]"), "does not fill its 16 bytes"},
        {sized("F4", "[31]", "[0,16]"), "does not fill its 16 bytes"},
        {sized("F32", "[2,2,0]", "[0,16]"), "does not fill its 16 bytes"},
        {sized("F32", "[2147483648,2147483648]", "[0,0]"), "does not fill its 0 bytes"},
        {sized("F32", "[4611686018427387904,4]", "[0,0]"), "does not fill its 0 bytes"},
        {sized("F32", "[2,2]", "[0,9223372036854775807]"), "does not fill its 9223372036854775807 bytes"},
        {sized("F32", "[5,4]", "[0,80]"), "tensor 't' ends at data byte 80, but the file has only 16 bytes of data"},
        {sized("XX", "[5,4]", "[0,9223372036854775807]"), "but the file has only 16 bytes of data"},
        {sized("F32", "[100000,100000]", "[0,40000000000]"), "but the file has only 16 bytes of data"},
        // layout
        {"{}", "the tensors end at data byte 0, but the file has 16 bytes of data"},
        {sized("F32", "[1,2]", "[0,8]"), "the tensors end at data byte 8, but the file has 16 bytes of data"},
        {sized("F32", "[1,2]", "[8,16]"), "tensor 't' begins at data byte 8, after a gap; it must begin at 0"},
        {"{" + T + ",\"u\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,16]}}",
            "tensor 'u' begins at data byte 8, within another tensor; it must begin at 16"},
        {"{" + T + ",\"u\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
            "tensor 'u' begins at data byte 0, within another tensor"},
        {"{" + T + ",\"u\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}", "begins at data byte 4"},
    };

    private static final String CHARACTERS = "{}[]\",:\\0123456789-FBI26dtypeshpaoff_tu \n\0";

    @TempDir
    private Path folder;

    private static String tensor(String entries) {
        return "{\"t\":{" + entries + "}}";
    }

    private static String sized(String dtype, String shape, String offsets) {
        return tensor("\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets);
    }

    @Test
    void everyHostileHeaderGivesItsSentence() throws IOException {
        for (String[] row : HEADERS) {
            check(FileBytes.safetensors(row[0], new byte[16]), row[1], row[0]);
        }
        Path good = Files.write(folder.resolve("good"), FileBytes.safetensors("{" + T + "}", new byte[16]));
        assertEquals(1, Safetensors.open(good).tensors().size());
    }

    @Test
    void everyLyingFrameGivesItsSentence() throws IOException {
        byte[] good = FileBytes.safetensors("{" + T + "}", new byte[16]);
        check(new byte[0], "this is not a .safetensors file: it has only 0 bytes", "empty");
        check(Arrays.copyOf(good, 7), "it has only 7 bytes", "cut in the length");
        check(Arrays.copyOf(good, 30), "its header should have", "cut in the header");
        check(Arrays.copyOf(good, good.length - 1), "the file has only 15 bytes of data", "cut in the data");
        check(Arrays.copyOf(good, good.length + 1), "the file has 17 bytes of data", "a byte more");
        check(framed(-1), "its header should have 18446744073709551615 bytes, but only", "length of 64 bits");
        check(framed(Long.MAX_VALUE), "its header should have 9223372036854775807 bytes", "length of 63 bits");
        check(framed(100_000_000), "its header should have 100000000 bytes", "length of the limit");
        byte[] latin = good.clone();
        latin[10] = (byte) 0xE9;
        check(latin, "a tensor name is not UTF-8", "name in Latin-1");
        Path sparse = folder.resolve("sparse");
        try (FileChannel channel = FileChannel.open(sparse, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(framed(100_000_001)));
            channel.write(ByteBuffer.wrap(new byte[1]), 200_000_000);
        }
        check(sparse, "the header has 100000001 bytes; at most 100000000 are allowed", "header beyond the limit");
    }

    private static byte[] framed(long length) {
        return ByteBuffer.allocate(40).order(ByteOrder.LITTLE_ENDIAN).putLong(length)
                .put("{}".getBytes(StandardCharsets.US_ASCII)).array();
    }

    private void check(byte[] bytes, String fragment, String what) throws IOException {
        check(Files.write(folder.resolve("hostile"), bytes), fragment, what);
    }

    private void check(Path file, String fragment, String what) {
        long before = FileBytes.allocatedHeap();
        TensorFormatException e = assertThrows(TensorFormatException.class, () -> Safetensors.open(file), what);
        assertTrue(FileBytes.allocatedHeap() - before < 1 << 20, "heap allocated for " + what);
        assertTrue(e.getMessage().startsWith(file + ": ") && e.getMessage().contains(fragment),
                what + " gave: " + e.getMessage());
        assertTrue(e.getMessage().chars().allMatch(c -> c >= ' ' && c != 0x7F), e.getMessage());
    }

    @Test
    void randomDefectsAreRefusedOrReadAsTheyStand() throws IOException {
        SplittableRandom random = new SplittableRandom(20_240_608);
        String text = "{\"__metadata__\":{\"k\":\"v\"},"
                + "\"a\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[1,2,3],\"data_offsets\":[12,36]},"
                + "\"c\":{\"dtype\":\"BF16\",\"shape\":[1,1,3,2],\"data_offsets\":[36,48]}}";
        byte[] data = new byte[48];
        random.nextBytes(data);
        byte[] good = FileBytes.safetensors(text, data);
        int refused = 0;
        int opened = 0;
        for (int trial = 0; trial < 20_000; trial++) {
            byte[] bytes = FileBytes.corrupt(good, 8 + text.length(), CHARACTERS, random);
            try {
                SafetensorsHeader header = SafetensorsHeader.read(
                        InputFile.of(new ByteArrayInputStream(bytes), bytes.length, "random"));
                long end = header.dataOffset();
                assertTrue(header.tensors().size() <= 3);
                for (TensorInfo info : header.tensors().values()) {
                    end += info.end() - info.begin();
                }
                assertEquals(bytes.length, end);
                opened++;
            } catch (TensorFormatException e) {
                assertTrue(e.getMessage().startsWith("random: "), e.getMessage());
                refused++;
            }
        }
        assertTrue(opened > 500 && refused > 5000, opened + " opened, " + refused + " refused");
    }

    @Test
    void tensorsOfDefectiveFilesAreRefusedOrReadAsTheyStand() throws IOException {
        SplittableRandom random = new SplittableRandom(20_240_609);
        byte[] data = new byte[16];
        random.nextBytes(data);
        byte[] good = FileBytes.safetensors("{" + T + "}", data);
        Path file = folder.resolve("random");
        int read = 0;
        for (int trial = 0; trial < 400; trial++) {
            byte[] bytes = FileBytes.corrupt(good, 8 + T.length() + 2, CHARACTERS, random);
            Files.write(file, bytes);
            try (Arena arena = Arena.ofConfined()) {
                Safetensors opened = Safetensors.open(file);
                for (TensorInfo info : opened.tensors()) {
                    float[] values = opened.read(info.name(), arena).toArray();
                    assertArrayEquals(FileBytes.decode(bytes, bytes.length - 16, ElementType.valueOf(info.dtype()),
                            ByteOrder.LITTLE_ENDIAN, false, values.length), values);
                    read++;
                }
            } catch (TensorFormatException e) {
                assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
            }
        }
        assertTrue(read > 10, read + " read");
    }
}
