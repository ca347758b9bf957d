package dev.kdeformer.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpyHostileTest {
    /** Header texts before 16 bytes of data, and a part of the message that each has to give. */
    private static final String[][] HEADERS = {
        // syntax
        {"", "expected '{' after the header length, found its end"},
        {"{", "expected a quoted string for a key of the dictionary, found its end"},
        {"[]", "expected '{' after the header length, found '['"},
        {"{}", "the header has no key 'descr'"},
        {"{,}", "expected a quoted string for a key of the dictionary, found ','"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }x", "nothing but blanks after the dictionary"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\0", "found byte 0x00"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), ", "expected a quoted string for a key"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)", "expected '}' after an entry of the dictionary"},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (2, 2), }", "expected '}' after an entry"},
        {"{'descr': '<f4',, 'fortran_order': False, 'shape': (2, 2), }", "expected a quoted string for a key"},
        {"{'descr' '<f4', 'fortran_order': False, 'shape': (2, 2), }", "expected ':' after key 'descr', found '''"},
        {"{descr: '<f4', 'fortran_order': False, 'shape': (2, 2), }", "expected a quoted string for a key"},
        {"{'descr: '<f4', 'fortran_order': False, 'shape': (2, 2), }", "expected ':' after key"},
        {"{'descr\": '<f4'}", "expected ':' after key"},
        {"{'de\\x73cr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", "a plain character in a key"},
        {"{'d\u00e9scr': '<f4'}", "found byte 0xe9"},
        // keys
        {"{'fortran_order': False, 'shape': (2, 2), }", "the header has no key 'descr'"},
        {"{'descr': '<f4', 'shape': (2, 2), }", "the header has no key 'fortran_order'"},
        {"{'descr': '<f4', 'fortran_order': False, }", "the header has no key 'shape'"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", "'descr' is there twice"},
        {"{'shape': (2, 2), 'shape': (2, 2), }", "key 'shape' is there twice"},
        {"{'fortran_order': False, 'fortran_order': False, }", "key 'fortran_order' is there twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), 'x': 1}", "unknown key 'x'; allowed are 'descr'"},
        {"{'Descr': '<f4'}", "unknown key 'Descr'"},
        {"{'': '<f4'}", "unknown key ''"},
        // element types
        {dictionary("<i4", "(2, 2)"), "element type '<i4' is not read; allowed are f2, f4 and f8"},
        {dictionary("<c8", "(2, 2)"), "element type '<c8'"},
        {dictionary("<f16", "(2, 2)"), "element type '<f16'"},
        {dictionary("<f", "(2, 2)"), "element type '<f'"},
        {dictionary("<", "(2, 2)"), "element type '<'"},
        {dictionary("", "(2, 2)"), "element type ''"},
        {dictionary("<<f4", "(2, 2)"), "element type '<<f4'"},
        {dictionary("<f4 ", "(2, 2)"), "element type '<f4 '"},
        {dictionary("|V4", "(2, 2)"), "element type '|V4'"},
        {dictionary("|O", "(2, 2)"), "holds Python objects, which are never read"},
        {dictionary("O", "(2, 2)"), "holds Python objects, which are never read"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 2), }", "structured element type"},
        {"{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (2, 2), }", "structured element type"},
        {"{'descr': 4, 'fortran_order': False, 'shape': (2, 2), }", "expected a quoted string for the element type"},
        {"{'descr': None, 'fortran_order': False, 'shape': (2, 2), }", "for the element type, found 'N'"},
        // order
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 2), }", "expected True or False for 'fortran_order'"},
        {"{'descr': '<f4', 'fortran_order': 'False', 'shape': (2, 2), }", "expected True or False"},
        {"{'descr': '<f4', 'fortran_order': Fals, 'shape': (2, 2), }", "expected True or False"},
        {"{'descr': '<f4', 'fortran_order': Truex, 'shape': (2, 2), }", "expected '}' after an entry"},
        {"{'descr': '<f4', 'fortran_order': , 'shape': (2, 2), }", "expected True or False"},
        // shapes
        {dictionary("<f4", "()"), "has 0 dimensions, shape (); allowed are 2 (n, d)"},
        {dictionary("<f4", "(4,)"), "has 1 dimension, shape (4,)"},
        {dictionary("<f4", "(1, 1, 1, 2, 2)"), "has 5 dimensions, shape (1, 1, 1, 2, 2)"},
        {dictionary("<f4", "(1, 1, 1, 1, 1, 1, 1, 2, 2)"), "has 9 dimensions, shape (1, 1, 1, 1, 1, 1, 1, 2, ...)"},
        {dictionary("<f4", "(" + "1, ".repeat(65) + ")"), "more than 64 dimensions"},
        {dictionary("<f4", "(4)"), "must be a tuple such as (2, 3), got the number 4"},
        {dictionary("<f4", "4"), "expected a tuple such as (2, 3)"},
        {dictionary("<f4", "[2, 2]"), "expected a tuple such as (2, 3)"},
        {dictionary("<f4", "(2 2)"), "expected ',' or ')' after a dimension, found '2'"},
        {dictionary("<f4", "(2,, 2)"), "expected a whole number for a dimension, found ','"},
        {dictionary("<f4", "(,)"), "expected a whole number for a dimension, found ','"},
        {dictionary("<f4", "(2, 2"), "expected a whole number for a dimension, found '}'"},
        {dictionary("<f4", "(2, x)"), "expected a whole number for a dimension, found 'x'"},
        {dictionary("<f4", "(2, 2.0)"), "expected ',' or ')' after a dimension, found '.'"},
        {dictionary("<f4", "(2, 2LL)"), "expected ',' or ')' after a dimension, found 'L'"},
        {dictionary("<f4", "(2, 02)"), "a dimension must not start with a zero"},
        {dictionary("<f4", "(2, +2)"), "found '+'"},
        {dictionary("<f4", "(-2, 2)"), "a dimension must not be negative"},
        {dictionary("<f4", "(0, 1, 4)"), "shape (0, 1, 4); numbers of batch items and heads must be between 1 and"},
        {dictionary("<f4", "(1, 0, 4, 0)"), "numbers of batch items and heads must be between 1"},
        {dictionary("<f4", "(2147483648, 1)"), "every dimension must be between 0 and 2147483647"},
        {dictionary("<f4", "(9223372036854775807, 1)"), "every dimension must be between 0"},
        {dictionary("<f4", "(9223372036854775808, 1)"), "a dimension must be below 2^63"},
        {dictionary("<f4", "(99999999999999999999999999999999999999, 1)"), "a dimension must be below 2^63"},
        {dictionary("<f4", "(2147483647, 2147483647)"), "at most 2^60 elements"},
        {dictionary("<f4", "(2147483647, 2147483647, 4, 1)"), "at most 2^60 elements"},
        {dictionary("<f8", "(1073741824, 1073741824)"), "needs 1152921504606846976 elements of 8 bytes"},
        {dictionary("<f4", "(2147483647, 536870912)"), "but only 16 bytes follow the header"},
        {dictionary("<f4", "(100000, 100000)"), "needs 10000000000 elements of 4 bytes, but only 16 bytes follow"},
        {dictionary("<f4", "(5, 1)"), "'<f4' needs 5 elements of 4 bytes, but only 16 bytes follow the header"},
        {dictionary(">f8", "(2, 2)"), "'>f8' needs 4 elements of 8 bytes, but only 16 bytes follow"},
        {dictionary("<V2", "(3, 3)"), "'<V2' needs 9 elements of 2 bytes, but only 16 bytes follow"},
        {dictionary("<V1", "(2, 2)"), "8-bit floats (fp8), which are not read"},
        {dictionary("|V4", "(2, 2)"), "element type '|V4' is not read"},
    };

    private static final String CHARACTERS = "{}()[]',:\"\\0123456789LTrueFalse<>=|-f8 Oshape\n\0";

    @TempDir
    private Path folder;

    private static String dictionary(String descr, String shape) {
        return FileBytes.dictionary(descr, false, shape);
    }

    @Test
    void everyHostileHeaderGivesItsSentence() throws IOException {
        for (int version = 1; version <= 3; version++) {
            for (String[] row : HEADERS) {
                check(FileBytes.npy(version, row[0], new byte[16]), row[1], row[0]);
            }
        }
        // The table is worth nothing if the frame around its rows is wrong.
        Path good = Files.write(folder.resolve("good.npy"),
                FileBytes.npy(1, dictionary("<f4", "(2, 2)"), new byte[16]));
        assertEquals(4, Npy.readHeader(good).shape().elements());
    }

    @Test
    void everyLyingFrameGivesItsSentence() throws IOException {
        byte[] good = FileBytes.npy(1, dictionary("<f4", "(2, 2)"), new byte[16]);
        check(new byte[0], "this is not a .npy file: it has only 0 bytes", "empty");
        check(Arrays.copyOf(good, 7), "it has only 7 bytes", "cut in the magic");
        check(Arrays.copyOf(good, 9), "the file ends within its first 10 bytes", "cut in the length");
        check(Arrays.copyOf(good, 40), "the header should have", "cut in the header");
        check(Arrays.copyOf(good, good.length - 1), "but only 15 bytes follow", "cut in the data");
        check("hello, this is a text".getBytes(), "does not start with the bytes 93 'NUMPY'", "text");
        check("PK\3\4 and the rest of it".getBytes(), "has to be unpacked first", "zip");
        check(with(good, 6, 0), "format version is 0.0; allowed are 1.0, 2.0 and 3.0", "version 0");
        check(with(good, 6, 4), "format version is 4.0", "version 4");
        check(with(good, 6, 255), "format version is 255.0", "version 255");
        check(with(good, 7, 1), "format version is 1.1", "minor version");
        check(with(good, 9, 255), "the header should have", "header length");
        byte[] wide = FileBytes.npy(2, dictionary("<f4", "(2, 2)"), new byte[16]);
        check(with(wide, 11, 255), "the header should have 42", "header length beyond 31 bits");
        check(Arrays.copyOf(wide, 11), "the file ends within its first 12 bytes", "cut in the long length");
        check(FileBytes.npy(3, dictionary("<f4", "(2, 2)") + " ".repeat(1 << 16), new byte[16]),
                "at most 65536 are allowed", "header of more than 64 KiB");
    }

    private static byte[] with(byte[] bytes, int at, int value) {
        byte[] changed = bytes.clone();
        changed[at] = (byte) value;
        return changed;
    }

    /** Both ways of reading refuse the bytes with the message, and without having asked for memory. */
    private void check(byte[] bytes, String fragment, String what) throws IOException {
        Path file = Files.write(folder.resolve("hostile.npy"), bytes);
        try (FileBytes.CountingArena arena = new FileBytes.CountingArena()) {
            long before = FileBytes.allocatedHeap();
            TensorFormatException e = assertThrows(TensorFormatException.class, () -> Npy.read(file, arena), what);
            assertTrue(FileBytes.allocatedHeap() - before < 1 << 20, "heap allocated for " + what);
            assertEquals(0, arena.bytes(), "off-heap memory allocated for " + what);
            assertTrue(e.getMessage().startsWith(file + ": ") && e.getMessage().contains(fragment),
                    what + " gave: " + e.getMessage());
            assertTrue(e.getMessage().chars().allMatch(c -> c >= ' ' && c != 0x7F), e.getMessage());
        }
        assertThrows(TensorFormatException.class, () -> Npy.readHeader(file), what);
    }

    @Test
    void randomDefectsAreRefusedOrReadAsTheyStand() throws IOException {
        SplittableRandom random = new SplittableRandom(20_240_607);
        byte[][] good = new byte[6][];
        for (int i = 0; i < good.length; i++) {
            ElementType type = i % 3 == 0 ? ElementType.F16 : i % 3 == 1 ? ElementType.F32 : ElementType.F64;
            ByteOrder order = i % 2 == 0 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
            good[i] = FileBytes.npy(1 + i % 3,
                    FileBytes.dictionary((i % 2 == 0 ? "<f" : ">f") + type.bytes(), i > 2, "(2, 3, 4)"),
                    FileBytes.encode(FileBytes.values(24, i), type, order, i > 2, 2, 3, 4));
        }
        int refused = 0;
        int read = 0;
        for (int trial = 0; trial < 20_000; trial++) {
            byte[] bytes = FileBytes.corrupt(good[trial % good.length], 80, CHARACTERS, random);
            try (FileBytes.CountingArena arena = new FileBytes.CountingArena()) {
                Tensor tensor = Npy.read(new ByteArrayInputStream(bytes), bytes.length, "random", arena);
                NpyHeader header = NpyHeaderParser.read(
                        InputFile.of(new ByteArrayInputStream(bytes), bytes.length, "random"), 2);
                assertTrue(header.dataOffset() + header.dataBytes() <= bytes.length);
                assertArrayEquals(FileBytes.decode(bytes, header.dataOffset(), header.type(), header.order(),
                        header.fortranOrder(), header.dimensions().stream().mapToInt(Long::intValue).toArray()),
                        tensor.toArray());
                read++;
            } catch (TensorFormatException e) {
                assertTrue(e.getMessage().startsWith("random: "), e.getMessage());
                refused++;
            }
        }
        assertTrue(read > 2000 && refused > 5000, read + " read, " + refused + " refused");
    }
}
