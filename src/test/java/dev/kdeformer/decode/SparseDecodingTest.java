package dev.kdeformer.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.measure.CheckedRows;
import dev.kdeformer.reference.EmbeddedData;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SparseDecodingTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final float SCALE = 1;
    private final TestInputs make = TestInputs.of(17);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** Keys around common centres, values that go with the centres, and queries near some of them. */
    private AttentionInput clustered(int heads, int kvHeads, int n, int m, int d) {
        AttentionInput input = make.normal(1, heads, kvHeads, n, m, d, d).withScale(SCALE);
        Tensor centres = make.tensor(Shape.of(100, d), 1.2);
        SplittableRandom random = new SplittableRandom(4);
        for (int h = 0; h < kvHeads; h++) {
            for (int j = 0; j < m; j++) {
                int centre = random.nextInt(100);
                for (int c = 0; c < d; c++) {
                    float x = centres.matrix(0, 0).get(centre, c);
                    input.key().matrix(0, h).set(j, c, x + 0.3f * input.key().matrix(0, h).get(j, c));
                    input.value().matrix(0, h).set(j, c, 1 + x + 0.5f * input.value().matrix(0, h).get(j, c));
                }
            }
        }
        return input;
    }

    private static KeyValueCache cacheOf(AttentionInput input) {
        KeyValueCache cache = KeyValueCache.createIndexed(1, input.kvHeads(), input.d(), input.dv());
        cache.append(ENGINE, input.key(), input.value());
        return cache;
    }

    @Test
    void readsAPartAndComesClose() {
        AttentionInput input = clustered(4, 2, 3, 20_000, 16);
        ReferenceAttention reference = ReferenceAttention.of(input.withMask(Mask.causal()));
        double last = 1;
        try (KeyValueCache cache = cacheOf(input)) {
            for (double budget : new double[] {0.1, 0.2, 0.4}) {
                Tensor output = make.zeros(input.outputShape());
                SparseDecoding.Statistics done = SparseDecoding.builder().budget(budget).build()
                        .apply(ENGINE, cache, input.query(), output, null, SCALE);
                double error = reference.spectralError(output);
                assertTrue(error < 0.05 && error < last, "budget " + budget + ": " + error);
                assertTrue(done.bytesRead() <= budget + 0.03, () -> "bytes " + done.bytesRead());
                assertTrue(done.keysRead() < budget * 20_000, () -> "keys " + done.keysRead());
                last = error;
            }
        }
    }

    @Test
    void predictsAndChecksTheError() {
        AttentionInput input = make.normal(1, 8, 1, 8, 12_000, 8, 16).withScale(0.8f);
        ReferenceAttention reference = ReferenceAttention.of(input.withMask(Mask.causal()));
        Tensor output = make.zeros(input.outputShape());
        try (KeyValueCache cache = cacheOf(input)) {
            SparseDecoding method = SparseDecoding.builder().budget(0.2).checks(1).build();
            SparseDecoding.Statistics done = method.apply(ENGINE, cache, input.query(), output, null, 0.8f);
            double error = 0;
            for (int h = 0; h < 8; h++) {
                double[] exact = reference.output(0, h);
                float[] close = output.matrix(0, h).toArray();
                for (int i = 0; i < 8; i++) {
                    double difference = 0;
                    double norm = 0;
                    for (int c = i * 16; c < (i + 1) * 16; c++) {
                        difference += Math.pow(close[c] - exact[c], 2);
                        norm += exact[c] * exact[c];
                    }
                    error += difference / norm / 64;
                }
            }
            double rms = Math.sqrt(error);
            assertTrue(done.predictedError() > rms / 2 && done.predictedError() < 2 * rms,
                    () -> "predicted " + done.predictedError() + ", was " + rms);
            assertEquals(64, done.checked().count());
            assertEquals(rms, done.checked().error(), 1e-3 * rms);
            assertEquals(1, done.checked().partWithin(done.checked().largest(), 0.95));
        }
    }

    /** Real data: the set, the head and the scale. */
    static Stream<Arguments> activations() {
        return Stream.of(Arguments.of("glove-16384", 0, 1f), Arguments.of("minilm-16384.layer0", 0, 0.1768f),
                Arguments.of("e5-pool16384.layer11", 0, 0.1768f), Arguments.of("ocr-svtr-4096.block1", 0, 0.2582f),
                Arguments.of("ocr-svtr-4096.block1", 1, 0.2582f));
    }

    @ParameterizedTest
    @MethodSource("activations")
    void thePredictionIsNearTheErrorOnRealData(String set, int head, float scale) {
        Tensor query = EmbeddedData.load(set + ".q");
        int rows = query.shape().rows();
        query = EmbeddedData.load(set + ".q", head, rows);
        Tensor key = set.startsWith("glove") ? query : EmbeddedData.load(set + ".k", head, rows);
        Tensor value = EmbeddedData.load(set + ".v", head, rows);
        double[] met = errorAndPrediction(SparseDecoding.builder().build(), query, key, value, scale);
        assertTrue(met[0] < 0.15, "error " + met[0]);
        assertTrue(met[1] > 0.5 * met[0] && met[1] < 7 * met[0], "error " + met[0] + ", predicted " + met[1]);
    }

    /** Logits so large that one key takes it all: summaries say nothing of which, and the prediction has to say so. */
    @ParameterizedTest
    @ValueSource(floats = {0.125f, 0.5f, 1, 3})
    void whollyWrongOutputsAreNotPredictedRight(float scale) {
        Tensor query = make.tensor(Shape.of(4000, 64), 1);
        Tensor key = make.tensor(Shape.of(4000, 64), 1);
        Tensor value = make.tensor(Shape.of(4000, 64), 1);
        double[] met = errorAndPrediction(SparseDecoding.builder().budget(0.5).build(), query, key, value, scale);
        assertTrue(met[1] > 0.5 * met[0] && met[1] < 2 * met[0], "error " + met[0] + ", predicted " + met[1]);
        double[] aimed = errorAndPrediction(SparseDecoding.builder().budget(1).targetError(0.1).build(), query, key,
                value, scale);
        assertTrue(aimed[0] <= 0.1, "error " + aimed[0]);
    }

    /** Made inputs that are hard to summarise: what each is called. */
    static Stream<Arguments> made() {
        return Stream.of("normal", "sharp", "heavy tails", "needles", "clusters", "lines").flatMap(
                name -> Stream.of(0.1, 0.01).map(target -> Arguments.of(name, target)));
    }

    /** Query, key and value. */
    private Tensor[] made(String name) {
        int n = 6000;
        int d = name.equals("lines") ? 2 : 12;
        Tensor[] made = {make.tensor(Shape.of(n, d), 1), make.tensor(Shape.of(n, d), 1),
            make.tensor(Shape.of(n, 8), 1)};
        SplittableRandom random = new SplittableRandom(6);
        for (int j = 0; j < n; j++) {
            double by = switch (name) {
                case "sharp" -> 3;
                case "heavy tails" -> Math.min(20, Math.pow(random.nextDouble(), -0.4));
                case "needles" -> random.nextInt(500) == 0 ? 8 : 0.5;
                case "lines" -> 30;
                default -> 1;
            };
            for (int c = 0; c < d; c++) {
                float centre = name.equals("clusters") ? (float) (3 * Math.sin(1.7 * (j % 40) * (c + 1))) : 0;
                made[1].matrix(0, 0).set(j, c, (float) (by * made[1].matrix(0, 0).get(j, c) + centre));
            }
        }
        return made;
    }

    @ParameterizedTest
    @MethodSource("made")
    void aTargetIsKept(String name, double target) {
        Tensor[] made = made(name);
        SparseDecoding method = SparseDecoding.builder().budget(1).targetError(target).build();
        double[] met = errorAndPrediction(method, made[0], made[1], made[2], 0.4f);
        assertTrue(met[0] <= target, "error " + met[0]);
    }

    @Test
    void aTargetOutOfReachSpendsTheBudget() {
        AttentionInput input = make.normal(1, 1, 1, 2, 8000, 16, 8).withScale(SCALE);
        Tensor output = make.zeros(input.outputShape());
        try (KeyValueCache cache = cacheOf(input)) {
            SparseDecoding.Builder method = SparseDecoding.builder().budget(0.4);
            double all = method.build().apply(ENGINE, cache, input.query(), output, null, SCALE).keysRead();
            SparseDecoding.Statistics done = method.targetError(1e-6).build().apply(ENGINE, cache, input.query(),
                    output, null, SCALE);
            assertEquals(all, done.keysRead());
            assertTrue(done.predictedError() > 1e-6 && done.bytesRead() <= 0.4, done.toString());
        }
    }

    @Test
    void aCheckedRowThatMissesTheTargetGetsItsExactOutput() {
        AttentionInput input = make.normal(1, 2, 1, 4, 6000, 16, 8).withScale(SCALE);
        Tensor exact = make.zeros(input.outputShape());
        Tensor exactSums = make.zeros(input.outputShape().withColumns(1));
        Tensor close = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        SparseDecoding.Builder method = SparseDecoding.builder().budget(0.2).checks(1);
        try (KeyValueCache cache = cacheOf(input)) {
            cache.decode(ENGINE, input.query(), exact, exactSums, SCALE);
            SparseDecoding.Statistics done = method.build().apply(ENGINE, cache, input.query(), close, sums, SCALE);
            assertTrue(distance(exact.toArray(), close.toArray()) > 0.1, "checks change no output");
            double[] errors = done.checked().squares().stream().mapToDouble(Math::sqrt).toArray();
            double middle = Arrays.stream(errors).sorted().skip(4).findFirst().orElseThrow();
            SparseDecoding.Statistics aimed = method.targetError(0.9 * middle).build().apply(ENGINE, cache,
                    input.query(), close, sums, SCALE);
            assertTrue(aimed.predictedError() > 0.9 * middle && aimed.checked().largest() > 0.9 * middle);
            for (int row = 0; row < 8; row++) {
                if (Math.sqrt(aimed.checked().squares().get(row)) > 0.9 * middle) {
                    for (int c = row * 8; c < row * 8 + 8; c++) {
                        assertEquals(exact.toArray()[c], close.toArray()[c], 1e-5);
                    }
                    assertEquals(exactSums.toArray()[row], sums.toArray()[row], 1e-5);
                }
            }
        }
    }

    /** What is said of all rows from some of them, on rows of which all are known. */
    @ParameterizedTest
    @ValueSource(strings = {"normal", "sharp", "heavy tails", "needles", "clusters"})
    void drawnRowsBoundTheOthers(String name) {
        Tensor[] made = made(name);
        int calls = 100;
        int held = 0;
        List<Double> known = new ArrayList<>();
        try (KeyValueCache cache = KeyValueCache.createIndexed(1, 1, 12, 8)) {
            cache.append(ENGINE, made[1], made[2]);
            Tensor query = made[0].rows(0, 60);
            Tensor output = make.zeros(Shape.of(60, 8));
            known.addAll(SparseDecoding.builder().budget(0.3).checks(1).build()
                    .apply(ENGINE, cache, query, output, null, 0.4f).checked().squares());
            for (int seed = 0; seed < calls; seed++) {
                CheckedRows drawn = SparseDecoding.builder().budget(0.3).checks(0.3).seed(seed).build()
                        .apply(ENGINE, cache, query, output, null, 0.4f).checked();
                assertEquals(60, drawn.rows());
                assertTrue(drawn.count() > 1 && drawn.count() < 50 && known.containsAll(drawn.squares()));
                double largest = drawn.largest();
                double within = known.stream().filter(each -> Math.sqrt(each) <= largest).count() / 60.0;
                held += within >= drawn.partWithin(largest, 0.95) ? 1 : 0;
            }
        }
        assertTrue(held >= 0.95 * calls - 6.5, "held " + held + " of " + calls); // three standard deviations
    }

    /** Root mean squares over some queries. */
    private double[] errorAndPrediction(SparseDecoding method, Tensor query, Tensor key, Tensor value, float scale) {
        int queries = 100;
        double errors = 0;
        double predictions = 0;
        try (KeyValueCache cache = KeyValueCache.createIndexed(1, 1, key.shape().columns(), value.shape().columns())) {
            cache.observe(ENGINE, query);
            cache.append(ENGINE, key, value);
            Tensor exact = make.zeros(Shape.of(1, value.shape().columns()));
            Tensor close = make.zeros(exact.shape());
            for (int i = 0; i < queries; i++) {
                Tensor each = query.rows(i * (query.shape().rows() / queries), 1);
                cache.decode(ENGINE, each, exact, null, scale);
                double predicted = method.apply(ENGINE, cache, each, close, null, scale).predictedError();
                double difference = 0;
                double norm = 0;
                float[] o = close.toArray();
                for (int c = 0; c < o.length; c++) {
                    difference += Math.pow(o[c] - exact.toArray()[c], 2);
                    norm += Math.pow(exact.toArray()[c], 2);
                }
                errors += difference / norm / queries;
                predictions += predicted * predicted / queries;
            }
        }
        return new double[] {Math.sqrt(errors), Math.sqrt(predictions)};
    }

    @Test
    void valuesThatGoWithKeysInsideGroupsAreFollowed() {
        // Values are a linear function of the keys, so groups err in one direction unless the tilt sees to it.
        double errors = 0;
        for (int seed = 1; seed <= 3; seed++) {
            AttentionInput input = TestInputs.of(seed).normal(1, 4, 1, 8, 20_000, 6, 6).withScale(0.3f);
            for (int j = 0; j < 20_000; j++) {
                for (int c = 0; c < 6; c++) {
                    input.value().matrix(0, 0).set(j, c, 1 + input.key().matrix(0, 0).get(j, (c + 1) % 6));
                }
            }
            ReferenceAttention reference = ReferenceAttention.of(input.withMask(Mask.causal()));
            Tensor output = make.zeros(input.outputShape());
            try (KeyValueCache cache = cacheOf(input)) {
                SparseDecoding.builder().budget(0.06).build().apply(ENGINE, cache, input.query(), output, null, 0.3f);
                errors += reference.spectralError(output) / 3;
            }
        }
        // With references of the exponential that are not whole, which it rounds, it would be 0.0095.
        assertTrue(errors < 0.0063, "error " + errors);
    }

    @Test
    void theWholeBudgetIsExact() {
        AttentionInput input = make.normal(1, 2, 1, 2, 4000, 8, 5);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        try (KeyValueCache cache = cacheOf(input)) {
            SparseDecoding.Statistics done = SparseDecoding.builder().budget(1).build()
                    .apply(ENGINE, cache, input.query(), output, sums, input.scale());
            ReferenceAttention reference = ReferenceAttention.of(input.withMask(Mask.causal()));
            assertEquals(0, reference.spectralError(output), 3e-6);
            assertEquals(0, reference.maxLogSumExpDifference(sums), 3e-6);
            assertEquals(4000, done.keysRead());
            assertEquals(0, done.predictedError());
        }
    }

    @Test
    void aShortCacheIsReadWhole() {
        AttentionInput input = make.normal(1, 2, 1, 2, 900, 8, 5);
        Tensor output = make.zeros(input.outputShape());
        try (KeyValueCache cache = cacheOf(input)) {
            SparseDecoding.Statistics done = SparseDecoding.builder().checks(1).build()
                    .apply(ENGINE, cache, input.query(), output, null, input.scale());
            assertEquals(0, ReferenceAttention.of(input.withMask(Mask.causal())).spectralError(output), 3e-6);
            assertEquals(900, done.keysRead());
            assertEquals(0, done.predictedError());
            assertEquals(0, done.checked().largest(), 1e-6);
        }
    }

    @Test
    void anErrorTargetStopsReading() {
        AttentionInput input = clustered(2, 1, 4, 20_000, 16);
        ReferenceAttention reference = ReferenceAttention.of(input.withMask(Mask.causal()));
        double keys = Double.POSITIVE_INFINITY;
        try (KeyValueCache cache = cacheOf(input)) {
            for (double target : new double[] {0.001, 0.01, 0.1}) {
                Tensor output = make.zeros(input.outputShape());
                SparseDecoding.Statistics done = SparseDecoding.builder().budget(1).targetError(target).build()
                        .apply(ENGINE, cache, input.query(), output, null, SCALE);
                assertTrue(done.predictedError() <= target, () -> "predicted " + done.predictedError());
                assertTrue(reference.spectralError(output) <= target);
                assertTrue(done.keysRead() <= keys, "fewer keys for a weaker target");
                keys = done.keysRead();
            }
            assertTrue(keys < 10_000, "keys " + keys);
        }
    }

    @Test
    void observedQueriesImproveTheSorting() {
        // Queries lie in two of twelve directions, so only differences of keys along these matter.
        AttentionInput input = make.normal(1, 1, 1, 16, 16_000, 12, 6).withScale(0.7f);
        for (int i = 0; i < 16; i++) {
            for (int c = 2; c < 12; c++) {
                input.query().matrix(0, 0).set(i, c, 0.01f * input.query().matrix(0, 0).get(i, c));
            }
        }
        ReferenceAttention reference = ReferenceAttention.of(input.withMask(Mask.causal()));
        double[] errors = new double[2];
        for (int observed = 0; observed < 2; observed++) {
            try (KeyValueCache cache = KeyValueCache.createIndexed(1, 1, 12, 6)) {
                if (observed == 1) {
                    cache.observe(ENGINE, input.query());
                }
                cache.append(ENGINE, input.key(), input.value());
                Tensor output = make.zeros(input.outputShape());
                SparseDecoding.builder().build().apply(ENGINE, cache, input.query(), output, null, 0.7f);
                errors[observed] = reference.spectralError(output);
            }
        }
        assertTrue(errors[1] < 0.7 * errors[0], errors[1] + " with, " + errors[0] + " without");
    }

    @Test
    void bitsDoNotDependOnThreads() {
        AttentionInput input = clustered(1, 1, 1, 20_000, 16);
        float[] first = null;
        for (int threads : new int[] {1, 2, 7}) {
            try (Engine engine = Engine.create(threads);
                    KeyValueCache cache = KeyValueCache.createIndexed(1, 1, 16, 16)) {
                cache.append(engine, input.key(), input.value());
                Tensor output = make.zeros(input.outputShape());
                SparseDecoding.builder().build().apply(engine, cache, input.query(), output, null, SCALE);
                if (first != null) {
                    assertArrayEquals(first, output.toArray());
                }
                first = output.toArray();
            }
        }
    }

    @Test
    void followsACacheThatGrowsAndShrinks() {
        AttentionInput input = clustered(2, 1, 2, 12_000, 8);
        SplittableRandom random = new SplittableRandom(2);
        try (KeyValueCache cache = KeyValueCache.createIndexed(1, 1, 8, 8)) {
            int length = 0;
            for (int step = 0; step < 80; step++) {
                int rows = Math.min(1 + random.nextInt(step % 5 == 0 ? 3000 : 100), 12_000 - length);
                if (rows > 0) {
                    cache.append(ENGINE, input.key().rows(length, rows), input.value().rows(length, rows));
                    length += rows;
                }
                if (step % 4 == 3) {
                    length -= random.nextInt(step % 8 == 7 ? length : 60);
                    length = Math.max(length, 2);
                    cache.truncate(ENGINE, length);
                }
                Tensor exact = make.zeros(input.outputShape());
                Tensor close = make.zeros(input.outputShape());
                cache.decode(ENGINE, input.query(), exact, null, SCALE);
                SparseDecoding.builder().budget(0.5).build().apply(ENGINE, cache, input.query(), close, null, SCALE);
                double half = distance(exact.toArray(), close.toArray());
                assertTrue(half < 0.2, "length " + length + ": " + half);
                SparseDecoding.builder().budget(1).build().apply(ENGINE, cache, input.query(), close, null, SCALE);
                double whole = distance(exact.toArray(), close.toArray());
                assertTrue(whole < 0.03, "length " + length + ": " + whole);
            }
            cache.truncate(ENGINE, 0);
            assertEquals(0, cache.bytes());
        }
    }

    private static double distance(float[] exact, float[] close) {
        double error = 0;
        double norm = 0;
        for (int i = 0; i < exact.length; i++) {
            error += Math.pow(close[i] - exact[i], 2);
            norm += Math.pow(exact[i], 2);
        }
        return Math.sqrt(error / norm);
    }

    @Test
    void badOptionsAreNamed() {
        assertThrows(IllegalArgumentException.class, () -> SparseDecoding.builder().budget(0));
        assertThrows(IllegalArgumentException.class, () -> SparseDecoding.builder().budget(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> SparseDecoding.builder().targetError(-1));
        assertThrows(IllegalArgumentException.class, () -> SparseDecoding.builder().checks(1.5));
        assertThrows(IllegalArgumentException.class, () -> SparseDecoding.builder().checks(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> SparseDecoding.builder().checks(-1));
        AttentionInput input = make.normal(1, 1, 1, 1, 10, 2, 2);
        Tensor output = make.zeros(input.outputShape());
        try (KeyValueCache cache = KeyValueCache.create(1, 1, 2, 2)) {
            IllegalStateException e = assertThrows(IllegalStateException.class, () -> SparseDecoding.builder().build()
                    .apply(ENGINE, cache, input.query(), output, null, 1));
            assertTrue(e.getMessage().contains("createIndexed"), e.getMessage());
            assertThrows(IllegalStateException.class, () -> cache.observe(ENGINE, input.query()));
        }
    }
}
