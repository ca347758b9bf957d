package dev.kdeformer.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.io.TensorFormatException;
import dev.kdeformer.kernel.GroupLayout;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CacheFileTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(31);

    @TempDir
    private Path folder;

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private KeyValueCache filled(AttentionInput input, CacheElement element, boolean indexed) {
        KeyValueCache cache = indexed
                ? KeyValueCache.createIndexed(input.batch(), input.kvHeads(), input.d(), input.dv(), element)
                : KeyValueCache.create(input.batch(), input.kvHeads(), input.d(), input.dv(), element);
        cache.append(ENGINE, input.key(), input.value());
        return cache;
    }

    private float[] decode(KeyValueCache cache, Tensor query, int dv) {
        Tensor output = make.zeros(query.shape().withColumns(dv));
        cache.decode(ENGINE, query, output);
        return output.toArray();
    }

    @ParameterizedTest
    @EnumSource(CacheElement.class)
    void isMappedAgain(CacheElement element) throws IOException {
        Path file = folder.resolve("cache");
        for (int length : new int[] {1, 31, 1024, 1025, 5000}) {
            AttentionInput input = make.normal(2, 4, 2, 1, length, 9, 21);
            try (KeyValueCache cache = filled(input, element, false);
                    KeyValueCache sorted = filled(input, element, true)) {
                float[] before = decode(cache, input.query(), 21);
                cache.save(file);
                byte[] bytes = Files.readAllBytes(file);
                sorted.save(file);
                assertArrayEquals(bytes, Files.readAllBytes(file), "the order of the index shows in the file");
                try (KeyValueCache mapped = KeyValueCache.map(ENGINE, file)) {
                    assertEquals(length, mapped.length());
                    assertEquals(element, mapped.element());
                    assertArrayEquals(before, decode(mapped, input.query(), 21));
                    mapped.append(ENGINE, input.key(), input.value());
                    mapped.truncate(ENGINE, length);
                    mapped.append(ENGINE, input.key(), input.value());
                    cache.append(ENGINE, input.key(), input.value());
                    assertArrayEquals(decode(cache, input.query(), 21), decode(mapped, input.query(), 21));
                    assertArrayEquals(bytes, Files.readAllBytes(file), "the file was changed");
                    mapped.save(file);
                }
                cache.save(folder.resolve("other"));
                assertArrayEquals(Files.readAllBytes(folder.resolve("other")), Files.readAllBytes(file));
            }
        }
    }

    @Test
    void anEmptyCacheIsSavedToo() throws IOException {
        Path file = folder.resolve("empty");
        try (KeyValueCache cache = KeyValueCache.create(1, 2, 3, 4)) {
            cache.save(file);
        }
        try (KeyValueCache mapped = KeyValueCache.map(ENGINE, file)) {
            assertEquals(0, mapped.length());
            assertEquals(0, mapped.bytes());
            Tensor keys = make.tensor(Shape.of(1, 2, 5, 3), 1);
            mapped.append(ENGINE, keys, make.tensor(Shape.of(1, 2, 5, 4), 1));
            assertEquals(5, mapped.length());
        }
    }

    @Test
    void rowsOfOtherVectorsAreCopied() throws IOException {
        AttentionInput input = make.normal(1, 1, 1, 1, 40, 3, 5);
        Path file = folder.resolve("cache");
        try (KeyValueCache cache = filled(input, CacheElement.FLOAT32, false)) {
            cache.save(file);
            float[] before = decode(cache, input.query(), 5);
            int ours = new GroupLayout(1, 3, 5).valueInts();
            for (int ints : new int[] {8, 12, 16}) {
                Path other = folder.resolve("of" + ints);
                Files.write(other, withRowsOf(Files.readAllBytes(file), 3, ours, ints));
                try (KeyValueCache mapped = KeyValueCache.map(ENGINE, other)) {
                    assertArrayEquals(before, decode(mapped, input.query(), 5));
                }
            }
        }
    }

    /** The one chunk of one head with value rows of another length. */
    private static byte[] withRowsOf(byte[] file, int d, int ours, int ints) {
        int keys = Store.CHUNK * d * 4;
        ByteBuffer other = ByteBuffer.allocate(4096 + keys + Store.CHUNK * ints * 4).order(ByteOrder.LITTLE_ENDIAN);
        other.put(0, file, 0, 4096 + keys).putInt(36, ints);
        for (int j = 0; j < Store.CHUNK; j++) {
            other.put(4096 + keys + j * ints * 4, file, 4096 + keys + j * ours * 4, 4 * Math.min(ints, ours));
        }
        return other.array();
    }

    @Test
    void hostileFilesAreRefused() throws IOException {
        AttentionInput input = make.normal(1, 1, 1, 1, 40, 3, 5);
        Path file = folder.resolve("cache");
        try (KeyValueCache cache = filled(input, CacheElement.FLOAT32, false)) {
            cache.save(file);
        }
        byte[] good = Files.readAllBytes(file);
        refused(file, "no file of a cache", good, 3, 'X');
        refused(file, "version must be 2, got 1", good, 8, 1);
        refused(file, "elements in four bytes must be 1, 2 or 4, got 3", good, 12, 3);
        refused(file, "batch must be between 1 and 2147483647, got 0", good, 16, 0);
        refused(file, "heads must be between 1 and ", good, 20, -1);
        refused(file, "d must be between 1 and 16777216, got 2147483647", good, 24, Integer.MAX_VALUE);
        refused(file, "d_v must be between 1 and 16777216, got 0", good, 28, 0);
        refused(file, "length must be between 0 and ", good, 32, Integer.MIN_VALUE);
        refused(file, "the file must have ", good, 32, 2_000_000_000);
        refused(file, "the file must have ", good, 32, 0);
        refused(file, "the file must have ", good, 16, 1_000_000);
        refused(file, "ints of a value row must be between 5 and ", good, 36, 4);
        refused(file, "elements must be finite", good, 4096 + 3 * Store.CHUNK, Float.floatToIntBits(Float.NaN));
        byte[] large = ByteBuffer.wrap(good.clone()).order(ByteOrder.LITTLE_ENDIAN).putInt(16, Integer.MAX_VALUE)
                .putInt(24, 1 << 24).putInt(28, 1 << 24).putInt(32, 2_000_000_000).putInt(36, 1 << 24).array();
        refused(file, "sizes overflow a 64-bit length", large, 0, 0x4143444b);
        for (int length : List.of(0, 7, 40, 4095, 4096, good.length - 1)) {
            Files.write(file, java.util.Arrays.copyOf(good, length));
            assertThrows(TensorFormatException.class, () -> KeyValueCache.map(ENGINE, file), length + " bytes");
        }
        assertThrows(TensorFormatException.class, () -> KeyValueCache.map(ENGINE, folder));
        assertThrows(NoSuchFileException.class, () -> KeyValueCache.map(ENGINE, folder.resolve("none")));
    }

    private static void refused(Path file, String words, byte[] good, int at, int value) throws IOException {
        byte[] bad = good.clone();
        ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN).putInt(at, value);
        Files.write(file, bad);
        String message = assertThrows(TensorFormatException.class, () -> KeyValueCache.map(ENGINE, file)).getMessage();
        assertTrue(message.contains(words), message);
    }

    @Test
    void aClosedCacheIsNotSaved() {
        KeyValueCache cache = KeyValueCache.create(1, 1, 2, 2);
        cache.close();
        assertThrows(IllegalStateException.class, () -> cache.save(folder.resolve("closed")));
    }
}
