package dev.kdeformer.kdeformer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What KDEformer and HyperAttention have in common, for all sampling weights and ways of drawing. */
class SampledAttentionTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final List<TestInputs.Case> CASES = TestInputs.all(5);
    private static final Map<TestInputs.Case, ReferenceAttention> REFERENCES = new HashMap<>();
    private final TestInputs make = TestInputs.of(31);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** A method but for its seed. */
    interface Seeded {
        AttentionMethod seed(long seed);
    }

    record Variant(String name, Seeded method) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Seeded kdeformer(int block, int samples, KeyWeights weights, Draws draws) {
        return seed -> Attention.kdeformer().blockSize(block).samples(samples).weights(weights).draws(draws)
                .seed(seed).build();
    }

    private static List<Variant> variants(int block, int samples) {
        List<Variant> variants = new ArrayList<>();
        for (KeyWeights weights : KeyWeights.values()) {
            for (Draws draws : Draws.values()) {
                variants.add(new Variant("kdeformer " + weights + " " + draws,
                        kdeformer(block, samples, weights, draws)));
            }
        }
        for (Draws draws : Draws.values()) {
            variants.add(new Variant("hyper " + draws, seed -> Attention.hyper().blockSize(block).samples(samples)
                    .minLength(0).draws(draws).seed(seed).build()));
        }
        return variants;
    }

    static List<Variant> variants() {
        return variants(8, 9);
    }

    private Tensor sums(AttentionInput input) {
        return make.zeros(input.outputShape().withColumns(1));
    }

    @ParameterizedTest
    @MethodSource("variants")
    void takesEveryShapeAndHostileValue(Variant variant) {
        for (TestInputs.Case each : CASES) {
            check(each.name(), variant, each.input(),
                    REFERENCES.computeIfAbsent(each, test -> ReferenceAttention.of(test.input())));
        }
    }

    private void check(String name, Variant variant, AttentionInput input, ReferenceAttention reference) {
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = sums(input);
        variant.method.seed(3).apply(ENGINE, input, output, sums);
        float largest = 0;
        for (float x : input.value().toArray()) {
            largest = Math.max(largest, Math.abs(x));
        }
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                for (int i = 0; i < input.queries(); i++) {
                    boolean blind = reference.logSumExp(b, h)[i] == Double.NEGATIVE_INFINITY;
                    float sum = sums.matrix(b, h).get(i, 0);
                    assertEquals(blind, sum == Float.NEGATIVE_INFINITY, name + " row " + i);
                    assertTrue(blind || Float.isFinite(sum), name + " row " + i);
                    for (int c = 0; c < input.dv(); c++) {
                        float x = output.matrix(b, h).get(i, c);
                        // A weighted mean of values.
                        assertTrue(Math.abs(x) <= (blind ? 0 : largest * 1.0001f), name + " row " + i + ": " + x);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void numeratorAndDenominatorAreUnbiased(Variant variant) {
        unbiased(variant, make.normal(1, 2, 1, 19, 67, 6, 2)
                .withKeyBias(make.hiding(Shape.of(1, 67), 20, 29)).withMask(Mask.none().withKeyLengths(61)), 1000);
    }

    @ParameterizedTest
    @MethodSource("variants")
    void causalNumeratorAndDenominatorAreUnbiased(Variant variant) {
        unbiased(variant, make.normal(1, 2, 1, 75, 81, 6, 2)
                .withKeyBias(make.hiding(Shape.of(1, 81), 20, 29)).withMask(Mask.causal().withKeyLengths(79)), 400);
    }

    private void unbiased(Variant variant, AttentionInput input, int rounds) {
        ReferenceAttention reference = ReferenceAttention.of(input);
        int n = input.queries();
        // For every head and query: the two columns of the numerator and the denominator, over the true denominator.
        double[][] sum = new double[2 * n][3];
        double[][] squares = new double[2 * n][3];
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = sums(input);
        for (int seed = 0; seed < rounds; seed++) {
            variant.method.seed(seed).apply(ENGINE, input, output, sums);
            for (int i = 0; i < 2 * n; i++) {
                double denominator = Math.exp(sums.matrix(0, i / n).get(i % n, 0)
                        - reference.logSumExp(0, i / n)[i % n]);
                for (int c = 0; c < 3; c++) {
                    double x = c == 2 ? denominator : denominator * output.matrix(0, i / n).get(i % n, c);
                    sum[i][c] += x;
                    squares[i][c] += x * x;
                }
            }
        }
        double spread = 0;
        for (int i = 0; i < 2 * n; i++) {
            for (int c = 0; c < 3; c++) {
                double mean = sum[i][c] / rounds;
                double error = Math.sqrt(Math.max(0, squares[i][c] / rounds - mean * mean) / rounds);
                double exact = c == 2 ? 1 : reference.output(0, i / n)[i % n * 2 + c];
                assertEquals(exact, mean, 5 * error + 1e-5, "query " + i + ", column " + c);
                spread += error;
            }
        }
        assertTrue(spread > 0.1, "the samples made no difference");
    }

    @ParameterizedTest
    @MethodSource("variants")
    void sampledKeysOfTheOwnBlockDoNotCountTwice(Variant variant) {
        // Four directions with eight queries and keys each, so that blocks are the directions; logits of ±40 leave no
        // weight outside the own block. Without exclusion the nine samples would add to it.
        AttentionInput input = make.normal(1, 1, 1, 32, 32, 2, 3).withScale(40);
        for (int i = 0; i < 32; i++) {
            double angle = i % 4 * Math.PI / 2 + 0.3;
            for (Tensor tensor : List.of(input.query(), input.key())) {
                tensor.matrix(0, 0).set(i, 0, (float) Math.cos(angle));
                tensor.matrix(0, 0).set(i, 1, (float) Math.sin(angle));
            }
        }
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = sums(input);
        for (int seed = 0; seed < 5; seed++) {
            variant.method.seed(seed).apply(ENGINE, input, output, sums);
            assertEquals(0, reference.maxDifference(output), 1e-5);
            assertEquals(0, reference.maxLogSumExpDifference(sums), 1e-5);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void bitsDependOnTheSeedAndNotOnThreads(Variant variant) {
        for (AttentionInput input : List.of(make.normal(1, 2, 1, 4300, 4200, 3, 2),
                make.normal(3, 12, 6, 100, 130, 5, 4),
                make.normal(1, 2, 1, 1100, 900, 3, 2).withMask(Mask.causal()),
                make.normal(3, 12, 6, 100, 130, 5, 4).withMask(Mask.causalUpperLeft()), make.normal(1, 1, 1, 3000, 60,
                4, 20))) {
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(input.outputShape());
                    variant.method.seed(5).apply(engine, input, output);
                    float[] bits = output.toArray();
                    if (first != null) {
                        assertArrayEquals(first, bits, threads + " threads");
                    }
                    first = bits;
                }
            }
            Tensor other = make.zeros(input.outputShape());
            variant.method.seed(6).apply(ENGINE, input, other);
            boolean same = Arrays.equals(first, other.toArray());
            assertTrue(!same, "another seed gave the same bits");
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void stridesMakeNoDifference(Variant variant) {
        AttentionInput input = make.normal(2, 4, 2, 61, 83, 11, 5).withKeyBias(make.bias(Shape.of(2, 2, 1, 83)));
        Tensor plain = make.zeros(input.outputShape());
        Tensor strided = make.strided(make.zeros(input.outputShape()));
        variant.method.seed(1).apply(ENGINE, input, plain);
        variant.method.seed(1).apply(ENGINE, make.strided(input), strided);
        assertArrayEquals(plain.toArray(), strided.toArray());
    }

    private double error(AttentionInput input, ReferenceAttention reference, Seeded method) {
        double sum = 0;
        for (int seed = 0; seed < 4; seed++) {
            Tensor output = make.zeros(input.outputShape());
            method.seed(seed).apply(ENGINE, input, output);
            sum += reference.spectralError(output) / 4;
        }
        return sum;
    }

    @Test
    void theErrorFallsWithSamplesAndBlocks() {
        AttentionInput input = make.normal(1, 1, 1, 700, 1100, 16, 8);
        ReferenceAttention reference = ReferenceAttention.of(input);
        for (Draws draws : Draws.values()) {
            for (KeyWeights weights : KeyWeights.values()) {
                double few = error(input, reference, kdeformer(16, 16, weights, draws));
                double some = error(input, reference, kdeformer(16, 128, weights, draws));
                double many = error(input, reference, kdeformer(16, 700, weights, draws));
                assertTrue(some < 0.6 * few && many < 0.6 * some, few + ", " + some + ", " + many);
                double block = error(input, reference, kdeformer(500, 128, weights, draws));
                assertTrue(block < 0.9 * some, some + ", " + block);
            }
        }
    }

    @Test
    void isExactWhereABlockAndTheSamplesCoverAllKeys() {
        AttentionInput input = make.normal(2, 4, 2, 70, 83, 11, 5).withKeyBias(make.bias(Shape.of(2, 2, 1, 83)));
        ReferenceAttention reference = ReferenceAttention.of(input);
        for (int block : new int[] {43, 83, 1000}) {
            Tensor output = make.zeros(input.outputShape());
            AttentionMethod.Statistics done = Attention.kdeformer().blockSize(block).samples(40).build()
                    .apply(ENGINE, input, output);
            assertEquals(0, reference.maxDifference(output), 1e-5);
            assertEquals(83, done.columns());
            assertNotEquals("", done.note());
        }
    }

    @Test
    void itemsWithFewKeysAreExactBesideOthers() {
        AttentionInput input = make.normal(2, 2, 1, 70, 83, 11, 5).withMask(Mask.none().withKeyLengths(17, 83));
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = sums(input);
        Attention.kdeformer().blockSize(8).samples(9).build().apply(ENGINE, input, output, sums);
        for (int h = 0; h < 2; h++) {
            assertEquals(0, reference.spectralError(output, 0, h), 1e-6);
            assertTrue(reference.spectralError(output, 1, h) > 1e-3);
        }
    }

    @Test
    void strataThatTakeEveryKeyAreExact() {
        // 60 visible keys and 60 samples: no key is left out, though the keys are more than block and samples.
        AttentionInput input = make.normal(1, 1, 1, 40, 80, 8, 5)
                .withKeyBias(make.hiding(Shape.of(1, 80), 30, 50));
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = sums(input);
        Attention.kdeformer().blockSize(7).samples(60).draws(Draws.STRATIFIED).build().apply(ENGINE, input, output,
                sums);
        ReferenceAttention reference = ReferenceAttention.of(input);
        assertEquals(0, reference.maxDifference(output), 1e-5);
        assertEquals(0, reference.maxLogSumExpDifference(sums), 1e-5);
    }

    @Test
    void partsOfACausalTriangleAreMergedRight() {
        // As above: all keys of the rectangles that can be seen are sampled, so only the merging could go wrong. Keys
        // grow along the sequence, so that parts differ in their largest exponents by far.
        AttentionInput input = make.normal(2, 2, 1, 400, 430, 8, 5)
                .withKeyBias(make.hiding(Shape.of(1, 430), 60, 380)).withMask(Mask.causal().withKeyLengths(430, 401));
        for (int j = 0; j < 430; j++) {
            for (int c = 0; c < 8; c++) {
                input.key().matrix(1, 0).set(j, c, input.key().matrix(1, 0).get(j, c) * j * 0.1f);
            }
        }
        for (AttentionInput each : List.of(input, input.withMask(Mask.causalUpperLeft()))) {
            Tensor output = make.zeros(each.outputShape());
            Tensor sums = sums(each);
            AttentionMethod.Statistics done = Attention.kdeformer().blockSize(7).samples(110).draws(Draws.STRATIFIED)
                    .build().apply(ENGINE, each, output, sums);
            assertEquals("", done.note(), "was not split");
            ReferenceAttention reference = ReferenceAttention.of(each);
            assertEquals(0, reference.maxDifference(output), 1e-4);
            assertEquals(0, reference.maxLogSumExpDifference(sums), 1e-4);
        }
    }

    @Test
    void countsCausalKeyEvaluations() {
        // Triangles of up to 60 keys: 100 queries split into a rectangle of 50 × 50 and two triangles of 50.
        AttentionInput input = make.normal(1, 2, 2, 100, 100, 8, 24).withMask(Mask.causal());
        Tensor output = make.zeros(input.outputShape());
        AttentionMethod method = Attention.kdeformer().blockSize(10).samples(20).weights(KeyWeights.UNIFORM)
                .draws(Draws.STRATIFIED).build();
        CausalSplit split = new CausalSplit(new BlockSampling(10, 20, 7, 0, KeyWeights.UNIFORM, Draws.STRATIFIED, 0),
                100, 0, 100);
        assertEquals(1, split.levels().stream().mapToInt(List::size).sum() - split.levels().get(0).size());
        // The first key is seen by all queries: a rectangle of one key, which is exact.
        double pairs = 100 + 50 * 30 + split.trianglePairs();
        double columns = method.apply(ENGINE, input, output).columns();
        assertEquals((pairs + 200 * 7 * 8 / 32.0) / 100, columns, 1e-9);
        assertEquals(columns, method.estimate(input, 2).operations() / (2 * 100 * 2 * 32), 0.01 * columns);
    }

    @Test
    void countsKeyEvaluations() {
        // 80 queries in 10 blocks of 10 keys, 20 stratified samples; hashing 7 signs of 8 features for 180 rows.
        AttentionInput input = make.normal(1, 1, 1, 80, 100, 8, 24);
        Tensor output = make.zeros(input.outputShape());
        AttentionMethod method = Attention.kdeformer().blockSize(10).samples(20).weights(KeyWeights.UNIFORM)
                .draws(Draws.STRATIFIED).build();
        assertEquals(30 + 180 * 7 * 8 / (80.0 * 32), method.apply(ENGINE, input, output).columns(), 1e-9);
        AttentionMethod.Estimate estimate = method.estimate(input, 2);
        assertEquals(80 * 30 * 2 * 32 + 180 * 7 * 8 * 2, estimate.operations(), 1);
    }

    @Test
    void scratchMemoryIsAsEstimated() {
        AttentionInput input = make.normal(1, 2, 1, 500, 60_000, 4, 4);
        for (KeyWeights weights : KeyWeights.values()) {
            for (Mask mask : List.of(Mask.none(), Mask.causal())) {
                try (Engine engine = Engine.create(1)) {
                    AttentionInput masked = input.withMask(mask);
                    AttentionMethod method = Attention.kdeformer().blockSize(100).samples(200).weights(weights).build();
                    method.apply(engine, masked, make.zeros(input.outputShape()));
                    long estimate = method.estimate(masked, 1).scratchBytes();
                    // Scratch grows in blocks, each at least as large as the last.
                    assertTrue(engine.scratchBytes() <= 2 * estimate + (2 << 20),
                            engine.scratchBytes() + " bytes, estimate " + estimate);
                }
            }
        }
    }

    @Test
    void refusesOptionsOutOfRange() {
        KdeformerAttention.Builder builder = Attention.kdeformer();
        assertThrows(IllegalArgumentException.class, () -> builder.blockSize(0));
        assertThrows(IllegalArgumentException.class, () -> builder.samples(0));
        assertThrows(IllegalArgumentException.class, () -> builder.columns(2));
        assertThrows(IllegalArgumentException.class, () -> builder.hashBits(0));
        assertThrows(IllegalArgumentException.class, () -> builder.hashBits(31));
        HyperAttention.Builder hyper = Attention.hyper();
        assertThrows(IllegalArgumentException.class, () -> hyper.blockSize(0));
        assertThrows(IllegalArgumentException.class, () -> hyper.samples(0));
        assertThrows(IllegalArgumentException.class, () -> hyper.columns(2));
        assertThrows(IllegalArgumentException.class, () -> hyper.hashBits(0));
        assertThrows(IllegalArgumentException.class, () -> hyper.minLength(-1));
    }

    @Test
    void hyperIsExactBelowItsMinimumLength() {
        AttentionInput input = make.normal(1, 1, 1, 50, 99, 8, 5);
        ReferenceAttention reference = ReferenceAttention.of(input);
        HyperAttention.Builder builder = Attention.hyper().blockSize(5).samples(6);
        assertEquals(0, error(input, reference, seed -> builder.minLength(100).seed(seed).build()), 1e-6);
        assertTrue(error(input, reference, seed -> builder.minLength(99).seed(seed).build()) > 1e-2);
    }

    @Test
    void hyperIsKdeformerWithUniformWeights() {
        AttentionInput input = make.normal(2, 2, 1, 50, 99, 8, 5);
        Tensor hyper = make.zeros(input.outputShape());
        Tensor kdeformer = make.zeros(input.outputShape());
        Attention.hyper().columns(30).minLength(0).seed(4).build().apply(ENGINE, input, hyper);
        Attention.kdeformer().columns(30).weights(KeyWeights.UNIFORM).seed(4).build().apply(ENGINE, input, kdeformer);
        assertArrayEquals(hyper.toArray(), kdeformer.toArray());
    }

    @Test
    void columnsAreAThirdBlockAndTwoThirdsSamples() {
        assertEquals("{blockSize=256, samples=512, hashBits=7, weights=value-norm, draws=with-replacement, seed=0}",
                Attention.kdeformer().columns(768).build().parameters().toString());
        assertEquals("{blockSize=256, samples=512, hashBits=7, minLength=4096, draws=with-replacement, seed=0}",
                Attention.hyper().columns(768).build().parameters().toString());
        assertEquals(34, Attention.kdeformer().columns(51).build().parameters().get("samples"));
    }
}
