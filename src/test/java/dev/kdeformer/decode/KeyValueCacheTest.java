package dev.kdeformer.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KeyValueCacheTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(3);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private static KeyValueCache cacheOf(AttentionInput input, boolean indexed) {
        Shape k = input.key().shape();
        KeyValueCache cache = indexed ? KeyValueCache.createIndexed(k.batch(), k.heads(), k.columns(), input.dv())
                : KeyValueCache.create(k.batch(), k.heads(), k.columns(), input.dv());
        cache.append(ENGINE, input.key(), input.value());
        return cache;
    }

    private void assertDecodes(AttentionInput input, KeyValueCache cache) {
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        cache.decode(ENGINE, input.query(), output, sums, input.scale());
        ReferenceAttention reference = ReferenceAttention.of(input.withMask(Mask.causal()));
        assertEquals(0, reference.spectralError(output), 3e-6);
        assertEquals(0, reference.maxLogSumExpDifference(sums), 2e-5);
    }

    @ParameterizedTest
    @CsvSource({"1,1,1,1,1,1,1", "1,2,2,1,31,5,3", "2,6,2,1,100,16,16", "1,8,1,7,1025,33,20", "1,3,1,64,70,9,40",
        "1,2,1,5,3,4,4", "2,4,4,2,4200,64,64", "1,1,1,3,9000,10,300", "1,4,1,1,3000,24,70", "1,11,1,1,1500,8,40",
        "1,12,1,1,2100,20,50", "1,24,1,1,1500,8,33", "1,5,1,5,1300,16,64"})
    void decodesExactly(int batch, int heads, int kvHeads, int n, int m, int d, int dv) {
        AttentionInput input = make.normal(batch, heads, kvHeads, n, m, d, dv);
        for (boolean indexed : new boolean[] {false, true}) {
            try (KeyValueCache cache = cacheOf(input, indexed)) {
                assertEquals(m, cache.length());
                assertDecodes(input, cache);
            }
        }
    }

    @Test
    void largeLogitsAreExact() {
        AttentionInput input = TestInputs.offsetKeys(make.normal(1, 2, 1, 3, 2000, 16, 8), 600);
        Tensor output = make.zeros(input.outputShape());
        try (KeyValueCache cache = cacheOf(input, true)) {
            cache.decode(ENGINE, input.query(), output, null, input.scale());
        }
        assertEquals(0, ReferenceAttention.of(input.withMask(Mask.causal())).spectralError(output), 1e-3);
    }

    @Test
    void growsByAnyNumberOfRowsAndGoesBack() {
        AttentionInput input = make.normal(1, 4, 2, 2, 6000, 12, 7);
        SplittableRandom random = new SplittableRandom(1);
        try (KeyValueCache cache = KeyValueCache.createIndexed(1, 2, 12, 7)) {
            int length = 0;
            for (int step = 0; step < 60; step++) {
                int rows = Math.min(1 + random.nextInt(random.nextInt(4) == 0 ? 2500 : 40), 6000 - length);
                if (rows > 0) {
                    cache.append(ENGINE, input.key().rows(length, rows), input.value().rows(length, rows));
                    length += rows;
                }
                if (random.nextInt(3) == 0) {
                    length -= random.nextInt(random.nextInt(4) == 0 ? length : Math.min(length, 30));
                    cache.truncate(ENGINE, length);
                }
                assertEquals(length, cache.length());
                if (length > 1) {
                    assertDecodes(AttentionInput.of(input.query(), input.key().rows(0, length),
                            input.value().rows(0, length)), cache);
                }
            }
        }
    }

    @Test
    void bitsDoNotDependOnThreads() {
        AttentionInput input = make.normal(1, 3, 1, 2, 20_000, 8, 8);
        float[] first = null;
        for (int threads : new int[] {1, 2, 7}) {
            try (Engine engine = Engine.create(threads);
                    KeyValueCache cache = KeyValueCache.createIndexed(1, 1, 8, 8)) {
                cache.append(engine, input.key(), input.value());
                Tensor output = make.zeros(input.outputShape());
                cache.decode(engine, input.query(), output);
                if (first != null) {
                    assertArrayEquals(first, output.toArray());
                }
                first = output.toArray();
            }
        }
    }

    @Test
    void memoryIsReturned() {
        AttentionInput input = make.normal(1, 2, 2, 1, 5000, 8, 8);
        KeyValueCache cache = cacheOf(input, true);
        long full = cache.bytes();
        assertTrue(full >= 2L * 5000 * 16 * 4, "holds " + full);
        cache.truncate(ENGINE, 100);
        assertTrue(cache.bytes() < full / 4, "holds " + cache.bytes());
        cache.truncate(ENGINE, 0);
        assertEquals(0, cache.bytes());
        cache.append(ENGINE, input.key(), input.value());
        assertEquals(full, cache.bytes());
        assertDecodes(input, cache);
        cache.close();
        assertEquals(0, cache.bytes());
        cache.close();
        Tensor output = make.zeros(input.outputShape());
        assertThrows(IllegalStateException.class, () -> cache.decode(ENGINE, input.query(), output));
        assertThrows(IllegalStateException.class, () -> cache.append(ENGINE, input.key(), input.value()));
        assertThrows(IllegalStateException.class, () -> cache.truncate(ENGINE, 0));
    }

    @Test
    void aLongRunOfRandomCallsHoldsNoMoreThanItsKeys() {
        AttentionInput input = make.normal(1, 4, 2, 3, 9000, 16, 8);
        SplittableRandom random = new SplittableRandom(9);
        SparseDecoding sparse = SparseDecoding.builder().budget(0.3).checks(0.3).build();
        long perKey = 2 * (16 + 16) * 4; // two heads, values padded to the widest vectors
        try (Engine engine = Engine.create(2)) {
            long scratch = 0;
            for (int cacheIndex = 0; cacheIndex < 8; cacheIndex++) {
                KeyValueCache cache = KeyValueCache.createIndexed(1, 2, 16, 8);
                try {
                    int length = 0;
                    for (int step = 0; step < 120; step++) {
                        int rows = Math.min(1 + random.nextInt(random.nextInt(6) == 0 ? 3000 : 90), 9000 - length);
                        if (rows > 0) {
                            cache.append(engine, input.key().rows(length, rows), input.value().rows(length, rows));
                            length += rows;
                        }
                        if (random.nextInt(3) == 0) {
                            length -= random.nextInt(random.nextInt(4) == 0 ? length : Math.min(length, 70));
                            cache.truncate(engine, length);
                        }
                        // What the youngest chunk has spare, a summary for 32 keys with padding, and the tilts.
                        assertTrue(cache.bytes() <= (length + 1024) * perKey * 17 / 16 + (1 << 19),
                                cache.bytes() + " bytes for " + length + " keys");
                        int n = 1 + random.nextInt(3);
                        Tensor query = input.query().rows(0, n);
                        Tensor output = make.zeros(query.shape().withColumns(8));
                        cache.decode(engine, query, output);
                        sparse.apply(engine, cache, query, output, null, 0.25f);
                    }
                } finally {
                    cache.close();
                }
                assertEquals(0, cache.bytes());
                assertTrue(cacheIndex < 2 || engine.scratchBytes() <= scratch, "scratch memory grows without end");
                scratch = Math.max(scratch, engine.scratchBytes());
            }
        }
    }

    @Test
    void theCallersMemoryIsNotKept() {
        Tensor output;
        AttentionInput input = make.normal(1, 1, 1, 1, 50, 4, 4);
        try (KeyValueCache cache = KeyValueCache.create(1, 1, 4, 4)) {
            try (Arena arena = Arena.ofShared()) {
                cache.append(ENGINE, Tensor.copyOf(arena, Shape.of(50, 4), input.key().toArray()),
                        Tensor.copyOf(arena, Shape.of(50, 4), input.value().toArray()));
            }
            output = make.zeros(input.outputShape());
            cache.decode(ENGINE, input.query(), output);
        }
        assertEquals(0, ReferenceAttention.of(input).spectralError(output), 3e-6);
    }

    @Test
    void nothingIsAppendedIfAnythingIsWrong() {
        AttentionInput input = make.normal(1, 1, 1, 1, 3000, 4, 4);
        try (KeyValueCache cache = cacheOf(input, true)) {
            Tensor bad = make.tensor(Shape.of(5, 4), 1);
            bad.matrix(0, 0).set(3, 2, Float.NaN);
            Tensor good = make.tensor(Shape.of(5, 4), 1);
            refused("keys must be finite", () -> cache.append(ENGINE, bad, good));
            refused("values must be finite", () -> cache.append(ENGINE, good, bad));
            refused("values must have shape (1, 1, 5, 4)", () -> cache.append(ENGINE, good, good.rows(0, 4)));
            refused("newLength must be between 0 and 3000", () -> cache.truncate(ENGINE, 3001));
            refused("query must have shape", () -> cache.decode(ENGINE, make.zeros(Shape.of(1, 5)), good));
            refused("at most 64 queries", () -> cache.decode(ENGINE, make.zeros(Shape.of(65, 4)), good));
            refused("must not overlap query", () -> cache.decode(ENGINE, good, good));
            refused("logits may exceed", () -> cache.decode(ENGINE, make.tensor(Shape.of(5, 4), 1e36), good.rows(0,
                    5)));
            Thread.currentThread().interrupt();
            assertThrows(CancellationException.class, () -> cache.append(ENGINE, good, good));
            assertTrue(Thread.interrupted());
            assertEquals(3000, cache.length());
            assertDecodes(input, cache);
        }
    }

    private static void refused(String words, org.junit.jupiter.api.function.Executable call) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, call);
        assertTrue(e.getMessage().contains(words), e.getMessage());
    }
}
