package dev.kdeformer.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Decoding with masks, biases, soft caps and sinks, from every kind of cache, against double precision. */
class CacheQueryTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(21);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** Combinations that a cache can be asked: no bias per key, few queries. */
    static List<TestInputs.Case> cases() {
        List<TestInputs.Case> cases = new ArrayList<>();
        for (TestInputs.Case each : TestInputs.combinations(13, 160)) {
            if (each.input().keyBias() == null && each.input().queries() <= KeyValueCache.MAX_QUERIES) {
                cases.add(each);
            }
        }
        return cases;
    }

    private static CacheQuery asked(AttentionInput input) {
        CacheQuery query = CacheQuery.of(input.query()).withScale(input.scale()).withMask(input.mask())
                .withSoftCap(input.softCap());
        if (input.hasSinks()) {
            float[] sinks = new float[input.heads()];
            for (int h = 0; h < sinks.length; h++) {
                sinks[h] = input.sink(h);
            }
            query = query.withSinks(sinks);
        }
        return input.pairBias() == null ? query : query.withPairBias(input.pairBias());
    }

    private static KeyValueCache empty(AttentionInput input, CacheElement element, boolean indexed) {
        return indexed ? KeyValueCache.createIndexed(input.batch(), input.kvHeads(), input.d(), input.dv(), element)
                : KeyValueCache.create(input.batch(), input.kvHeads(), input.d(), input.dv(), element);
    }

    /** The same input with the keys and values that a cache has stored. */
    private AttentionInput stored(AttentionInput input, KeyValueCache cache) {
        Tensor keys = make.zeros(input.key().shape());
        Tensor values = make.zeros(input.value().shape());
        cache.read(ENGINE, 0, keys, values);
        AttentionInput same = AttentionInput.of(input.query(), keys, values).withScale(input.scale())
                .withMask(input.mask()).withSoftCap(input.softCap());
        if (input.hasSinks()) {
            float[] sinks = new float[input.heads()];
            for (int h = 0; h < sinks.length; h++) {
                sinks[h] = input.sink(h);
            }
            same = same.withSinks(sinks);
        }
        return input.pairBias() == null ? same : same.withPairBias(input.pairBias());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void decodesWhatTheReferenceDoes(TestInputs.Case each) {
        AttentionInput input = each.input();
        for (CacheElement element : CacheElement.values()) {
            try (KeyValueCache cache = empty(input, element, false)) {
                cache.append(ENGINE, input.key(), input.value());
                assertDecodes(stored(input, cache), cache);
            }
        }
    }

    private void assertDecodes(AttentionInput input, KeyValueCache cache) {
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor output = make.tensor(input.outputShape(), 5);
        Tensor sums = make.tensor(input.outputShape().withColumns(1), 5);
        cache.decode(ENGINE, asked(input), output, sums);
        assertEquals(0, reference.maxDifference(output), 2e-5);
        assertEquals(0, reference.maxLogSumExpDifference(sums), 2e-5);
    }

    @ParameterizedTest
    @EnumSource(CacheElement.class)
    void sortedKeysAreMaskedAndBiasedByTheirPlaces(CacheElement element) {
        AttentionInput input = make.normal(2, 4, 2, 5, 4500, 10, 7);
        List<AttentionInput> inputs = List.of(input.withMask(Mask.causal()),
                input.withMask(Mask.causal().withWindow(1500)).withSoftCap(1.5f),
                input.withMask(Mask.none().withKeyLengths(700, 4200)).withSinks(1, 0, -1, 3),
                input.withMask(Mask.causal()).withPairBias(PairBias.alibi(4495, PairBias.alibiSlopes(4))),
                input.withMask(Mask.window(900, 20)).withPairBias(make.pairBias(0, 2, 4, 5, 4500)));
        try (KeyValueCache cache = empty(input, element, true)) {
            for (int at = 0; at < 4500; at += 1500) {
                cache.append(ENGINE, input.key().rows(at, 1500), input.value().rows(at, 1500));
            }
            for (AttentionInput each : inputs) {
                assertDecodes(stored(each, cache), cache);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(CacheElement.class)
    void storedRowsComeBackAfterAnySorting(CacheElement element) {
        AttentionInput input = make.normal(1, 2, 2, 3, 6000, 9, 20);
        try (KeyValueCache plain = empty(input, element, false); KeyValueCache sorted = empty(input, element, true)) {
            plain.append(ENGINE, input.key(), input.value());
            sorted.append(ENGINE, input.key().rows(0, 2500), input.value().rows(0, 2500));
            sorted.append(ENGINE, input.key().rows(2500, 3500), input.value().rows(2500, 3500));
            Tensor[] first = read(plain, input);
            Tensor[] second = read(sorted, input);
            assertArrayEquals(first[0].toArray(), second[0].toArray());
            assertArrayEquals(first[1].toArray(), second[1].toArray());
            sorted.truncate(ENGINE, 1200);
            sorted.append(ENGINE, input.key().rows(1200, 4800), input.value().rows(1200, 4800));
            assertArrayEquals(first[0].toArray(), read(sorted, input)[0].toArray());
            assertArrayEquals(first[1].toArray(), read(sorted, input)[1].toArray());
            if (element == CacheElement.FLOAT32) {
                assertArrayEquals(input.key().toArray(), first[0].toArray());
            }
        }
    }

    private Tensor[] read(KeyValueCache cache, AttentionInput input) {
        Tensor keys = make.zeros(input.key().shape());
        Tensor values = make.zeros(input.value().shape());
        cache.read(ENGINE, 0, keys, values);
        return new Tensor[] {keys, values};
    }

    /** A power of two that moves from the queries into the scale changes no bit, however far it moves. */
    @ParameterizedTest
    @EnumSource(CacheElement.class)
    void largeQueriesMayHaveTinyScales(CacheElement element) {
        AttentionInput input = make.normal(1, 2, 1, 1, 300, 20, 12).withScale(0.25f);
        Tensor large = make.zeros(input.query().shape());
        for (int h = 0; h < 2; h++) {
            for (int c = 0; c < 20; c++) {
                large.matrix(0, h).set(0, c, 0x1p124f * input.query().matrix(0, h).get(0, c));
            }
        }
        try (KeyValueCache cache = empty(input, element, false)) {
            cache.append(ENGINE, input.key(), input.value());
            Tensor expected = make.zeros(input.outputShape());
            cache.decode(ENGINE, CacheQuery.of(input.query()).withScale(0.25f), expected, null);
            Tensor output = make.zeros(input.outputShape());
            cache.decode(ENGINE, CacheQuery.of(large).withScale(0x1p-126f), output, null);
            assertArrayEquals(expected.toArray(), output.toArray());
        }
    }

    @Test
    void narrowCachesTakeLessMemoryAndErrByWhatTheyRound() {
        AttentionInput input = make.normal(1, 4, 2, 2, 5000, 64, 64).withMask(Mask.causal());
        ReferenceAttention reference = ReferenceAttention.of(input);
        long full = 0;
        double[] least = {0, 1e-5, 1e-5};
        double[] most = {1e-6, 0.02, 0.05};
        double[] bytes = {1, 0.5, 0.27};
        for (CacheElement element : CacheElement.values()) {
            try (KeyValueCache cache = empty(input, element, false)) {
                cache.append(ENGINE, input.key(), input.value());
                Tensor output = make.zeros(input.outputShape());
                cache.decode(ENGINE, asked(input), output, null);
                double error = reference.spectralError(output);
                int kind = element.ordinal();
                assertTrue(error >= least[kind] && error <= most[kind], element + " errs by " + error);
                full = kind == 0 ? cache.bytes() : full;
                assertTrue(cache.bytes() <= bytes[kind] * full, element + " takes " + cache.bytes());
                assertEquals(element, cache.element());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(CacheElement.class)
    void sparseDecodingReadsAnyCacheAndTakesSinks(CacheElement element) {
        AttentionInput input = make.normal(1, 2, 1, 2, 9000, 16, 16).withScale(0.5f).withMask(Mask.causal())
                .withSinks(2, Float.NEGATIVE_INFINITY);
        try (KeyValueCache cache = empty(input, element, true)) {
            cache.append(ENGINE, input.key(), input.value());
            ReferenceAttention reference = ReferenceAttention.of(stored(input, cache));
            Tensor output = make.zeros(input.outputShape());
            Tensor sums = make.zeros(input.outputShape().withColumns(1));
            SparseDecoding.builder().budget(1).build().apply(ENGINE, cache, asked(input), output, sums);
            assertTrue(reference.spectralError(output) < 1e-2, () -> "off by " + reference.spectralError(output));
            SparseDecoding.Statistics done = SparseDecoding.builder().budget(0.3).build().apply(ENGINE, cache,
                    asked(input), output, sums);
            assertTrue(done.bytesRead() < 0.45, () -> "read " + done.bytesRead());
            assertTrue(reference.maxLogSumExpDifference(sums) < 0.1);
        }
    }

    @Test
    void bitsDoNotDependOnThreads() {
        AttentionInput input = make.normal(1, 4, 2, 3, 9000, 12, 20).withMask(Mask.causal().withWindow(5000))
                .withSoftCap(2).withPairBias(PairBias.alibi(8997, 0.1f, 0.2f, 0.01f, 0));
        for (CacheElement element : CacheElement.values()) {
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads); KeyValueCache cache = empty(input, element, true)) {
                    cache.append(engine, input.key(), input.value());
                    Tensor output = make.zeros(input.outputShape());
                    cache.decode(engine, asked(input), output, null);
                    if (first != null) {
                        assertArrayEquals(first, output.toArray());
                    }
                    first = output.toArray();
                }
            }
        }
    }

    @Test
    void whatDoesNotFitIsNamed() {
        AttentionInput input = make.normal(1, 2, 2, 3, 40, 4, 4);
        Tensor output = make.zeros(input.outputShape());
        CacheQuery query = CacheQuery.of(input.query());
        says("scale must be finite, got NaN", () -> query.withScale(Float.NaN));
        says("soft cap must be 0 or positive and at most 1e30, got -1.0", () -> query.withSoftCap(-1));
        says("sinks must be given for each of the 2 heads, got 1", () -> query.withSinks(1));
        try (KeyValueCache cache = empty(input, CacheElement.INT8, true)) {
            cache.append(ENGINE, input.key(), input.value());
            says("mask must give a key length for each of the 1 batch items, got 2", () -> cache.decode(ENGINE,
                    query.withMask(Mask.none().withKeyLengths(1, 2)), output, null));
            says("pair bias must have shape (1 or 1, 2 or 1, 3 or 1, 40), got (1, 1, 3, 39)", () -> cache.decode(ENGINE,
                    query.withPairBias(PairBias.of(make.zeros(Shape.of(3, 39)))), output, null));
            says("rows [38, 41) must lie within the 40 keys of the cache", () -> cache.read(ENGINE, 38,
                    make.zeros(Shape.of(1, 2, 3, 4)), make.zeros(Shape.of(1, 2, 3, 4))));
            SparseDecoding sparse = SparseDecoding.builder().build();
            says("approximate decoding takes no mask but the causal one, no bias per pair and no soft cap, got soft cap"
                    + " 2.0; decode exactly", () -> sparse.apply(ENGINE, cache, query.withSoftCap(2), output, null));
            Tensor large = make.tensor(input.query().shape(), 1e35);
            assertThrows(IllegalArgumentException.class, () -> cache.decode(ENGINE, CacheQuery.of(large), output,
                    null));
        }
    }

    private static void says(String message, Runnable call) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }
}
