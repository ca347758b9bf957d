package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.pilot.walk.PilotWalk;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PilotAttentionTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(3);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<TestInputs.Case> unmasked() {
        return TestInputs.unmasked(11).stream().filter(each -> each.input().d() <= 256).toList();
    }

    /** Queries and keys around common centres, values that depend on the keys: what real heads look like. */
    private AttentionInput clustered(int heads, int n, int m, int d, int dv) {
        AttentionInput input = make.normal(1, heads, heads, n, m, d, dv);
        SplittableRandom random = new SplittableRandom(17);
        int clusters = 40;
        float[][] centres = new float[clusters][d];
        for (float[] centre : centres) {
            for (int c = 0; c < d; c++) {
                centre[c] = (float) (2.5 * random.nextGaussian());
            }
        }
        for (int h = 0; h < heads; h++) {
            for (int i = 0; i < n; i++) {
                for (int c = 0; c < d; c++) {
                    float x = input.query().matrix(0, h).get(i, c);
                    input.query().matrix(0, h).set(i, c, 0.5f * x + centres[i * 7 % clusters][c]);
                }
            }
            for (int j = 0; j < m; j++) {
                for (int c = 0; c < d; c++) {
                    float x = input.key().matrix(0, h).get(j, c);
                    input.key().matrix(0, h).set(j, c, 0.7f * x + 0.3f * centres[j * 11 % clusters][c]);
                }
                for (int c = 0; c < dv; c++) {
                    float x = input.value().matrix(0, h).get(j, c);
                    input.value().matrix(0, h).set(j, c, 0.5f * x + input.key().matrix(0, h).get(j, c % d));
                }
            }
        }
        return input;
    }

    private double error(AttentionMethod method, AttentionInput input) {
        Tensor exact = make.zeros(input.outputShape());
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        method.apply(ENGINE, input, output);
        return ErrorReport.of(ENGINE, output, exact).max().spectral();
    }

    @ParameterizedTest
    @MethodSource("unmasked")
    void isExactWhereEveryKeyIsNear(TestInputs.Case each) {
        AttentionInput input = each.input();
        Tensor exact = make.zeros(input.outputShape());
        Tensor exactSums = make.zeros(input.outputShape().withColumns(1));
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, input, exact, exactSums);
        Attention.pilot().near(1000).build().apply(ENGINE, input, output, sums);
        double logit = TestInputs.largestLogit(input);
        double scale = 1 + ReferenceAttention.of(input).maxDifference(make.zeros(input.outputShape()));
        float[] a = exact.toArray();
        float[] b = output.toArray();
        for (int i = 0; i < a.length; i++) {
            assertEquals(a[i], b[i], 2e-6 * (1 + logit) * scale, "element " + i);
        }
        a = exactSums.toArray();
        b = sums.toArray();
        for (int i = 0; i < a.length; i++) {
            if (a[i] == Float.NEGATIVE_INFINITY) {
                assertEquals(a[i], b[i]);
            } else {
                assertEquals(a[i], b[i], 2e-6 * (1 + logit));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("unmasked")
    void foldingMostKeysStaysFinite(TestInputs.Case each) {
        AttentionInput input = each.input();
        Tensor output = make.zeros(input.outputShape());
        Attention.pilot().near(1).candidates(1).tile(2).groups(3).build().apply(ENGINE, input, output);
        for (float x : output.toArray()) {
            assertTrue(Float.isFinite(x), each.name());
        }
    }

    @Test
    void errorFallsWithEffortAndIsFarBelowTheMean() {
        double mean = 0;
        double coarse = 0;
        double fine = 0;
        double finest = 0;
        // A single query far from its tile decides about the error of one input.
        for (int i = 0; i < 8; i++) {
            AttentionInput input = clustered(1, 3000, 2600, 16, 12);
            mean += error(Attention.mean().build(), input);
            coarse += error(Attention.pilot().tile(64).near(16).candidates(2).build(), input);
            fine += error(Attention.pilot().tile(64).near(256).candidates(8).build(), input);
            finest += error(Attention.pilot().tile(64).near(1024).candidates(16).build(), input);
        }
        assertTrue(coarse < mean / 5, coarse + " against " + mean);
        assertTrue(fine < coarse, fine + " against " + coarse);
        assertTrue(finest < Math.min(fine, coarse / 3), finest + " against " + fine + " and " + coarse);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 33})
    void theTiltLowersTheErrorTheMoreKeysItIsDrawnFrom(int dv) {
        AttentionInput input = clustered(1, 4096, 4096, 16, dv);
        double without = error(Attention.pilot().near(32).tilt(0).build(), input);
        double few = error(Attention.pilot().near(32).tilt(32).build(), input);
        double many = error(Attention.pilot().near(32).tilt(512).build(), input);
        assertTrue(few < without, few + " against " + without);
        assertTrue(many < Math.min(few, 0.9 * without), many + " against " + few + " and " + without);
    }

    @Test
    void keysAtAFixedDistanceAreEvaluated() {
        AttentionInput input = make.normal(1, 1, 1, 2000, 2000, 32, 8).withScale(0.5f);
        for (int i = 0; i + 3 < 2000; i++) {
            for (int c = 0; c < 32; c++) {
                float x = input.key().matrix(0, 0).get(i, c);
                input.query().matrix(0, 0).set(i + 3, c, 0.2f * input.query().matrix(0, 0).get(i + 3, c) + 0.8f * x);
            }
        }
        double error = error(Attention.pilot().near(32).build(), input);
        // One query fewer than keys: positions do not correspond, and no distance is looked for.
        AttentionInput other = AttentionInput.of(input.query().rows(0, 1999), input.key(), input.value())
                .withScale(input.scale());
        double without = error(Attention.pilot().near(32).build(), other);
        assertTrue(error < without / 3, error + " against " + without);
    }

    @Test
    void columnsBuyAccuracyAndAreKept() {
        AttentionInput input = clustered(1, 4096, 4096, 16, 16);
        Tensor output = make.zeros(input.outputShape());
        double before = Double.POSITIVE_INFINITY;
        for (int columns : new int[] {300, 600, 1200}) {
            AttentionMethod method = Attention.pilot().columns(columns).build();
            double spent = method.apply(ENGINE, input, output).columns();
            assertEquals(columns, spent, 0.35 * columns);
            double error = error(method, input);
            assertTrue(error < before, columns + ": " + error + " against " + before);
            before = error;
        }
    }

    @Test
    void aBudgetIsKeptAndCostsMoreTheSmallerItIs() {
        AttentionInput input = clustered(2, 8192, 8192, 16, 16);
        double before = 0;
        for (double budget : new double[] {0.2, 0.02}) {
            AttentionMethod method = Attention.pilot().budget(ErrorBudget.relativeSpectral(budget)).build();
            Tensor output = make.zeros(input.outputShape());
            AttentionMethod.Statistics done = method.apply(ENGINE, input, output);
            double error = error(method, input);
            assertTrue(error <= budget, error + " against " + budget);
            assertTrue(done.error() <= budget);
            assertTrue(done.columns() > before, done.columns() + " against " + before);
            before = done.columns();
        }
    }

    /** Queries unlike all others lie far from the middle of any tile, where no expansion about it fits them. */
    @Test
    void stragglersAreComputedExactly() {
        AttentionInput input = clustered(1, 8192, 8192, 16, 16);
        SplittableRandom random = new SplittableRandom(4);
        for (int i = 0; i < 20; i++) {
            for (int c = 0; c < 16; c++) {
                input.query().matrix(0, 0).set(400 * i, c, (float) (5 * random.nextGaussian()));
            }
        }
        Tensor exact = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        for (PilotAttention.Builder builder : List.of(Attention.pilot(), Attention.pilot().columns(300),
                Attention.pilot().budget(ErrorBudget.relativeSpectral(0.2)))) {
            Tensor output = make.zeros(input.outputShape());
            builder.build().apply(ENGINE, input, output);
            int strangers = 0;
            int others = 0;
            for (int i = 0; i < input.queries(); i++) {
                double off = 0;
                for (int c = 0; c < 16; c++) {
                    off = Math.max(off, Math.abs(output.matrix(0, 0).get(i, c) - exact.matrix(0, 0).get(i, c)));
                }
                strangers += i % 400 == 0 && i < 8000 && off < 1e-5 ? 1 : 0;
                others += off < 1e-5 ? 1 : 0;
            }
            assertTrue(strangers >= 18, strangers + " of 20");
            assertTrue(others < 400, others + " rows are exact");
        }
    }

    @Test
    void nodesOfUnequalSizesHaveRoomForTheirKeys() {
        int calls = 0;
        for (int n : new int[] {67, 130, 450, 897, 1025}) {
            AttentionInput input = make.normal(1, 1, 1, n, 1285, 20, 9).withScale(0.1f);
            for (int near : new int[] {1, 7, 50}) {
                AttentionMethod method = Attention.pilot().near(near).tile(1).build();
                assertTrue(error(method, input) < 0.5, n + " queries, near " + near);
                calls++;
            }
        }
        assertEquals(15, calls);
    }

    /** A glance at some queries tells noise from clusters before anything is sorted. */
    @Test
    void nothingIsSpentOnASearchThatIsLikelyToFail() {
        AttentionInput noise = make.normal(1, 1, 1, 4200, 4100, 32, 8).withScale(0.5f);
        PilotAttention method = Attention.pilot().budget(ErrorBudget.relativeSpectral(0.05)).build();
        assertEquals(4100, method.apply(ENGINE, noise, make.zeros(noise.outputShape())).columns());
        AttentionInput clusters = clustered(1, 4200, 4100, 16, 16).withScale(0.03f);
        AttentionMethod.Statistics done = method.apply(ENGINE, clusters, make.zeros(clusters.outputShape()));
        assertTrue(done.columns() < 2000, done.columns() + " evaluations");
    }

    @Test
    void shortHeadsAreExactWithinABudget() {
        AttentionInput input = make.normal(1, 4, 2, 100, 90, 8, 8);
        AttentionMethod method = Attention.pilot().budget(ErrorBudget.relativeSpectral(0.1)).build();
        assertEquals(0, error(method, input));
        assertEquals("4 of 4 heads computed exactly, which the error budget made cheaper",
                method.apply(ENGINE, input, make.zeros(input.outputShape())).note());
    }

    @Test
    void bitsDoNotDependOnThreads() {
        for (AttentionInput input : List.of(clustered(1, 2500, 2100, 16, 12),
                make.normal(2, 4, 2, 700, 600, 8, 8).withMask(Mask.none().withKeyLengths(600, 333)))) {
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(input.outputShape());
                    Attention.pilot().near(32).candidates(2).build().apply(engine, input, output);
                    if (first != null) {
                        assertArrayEquals(first, output.toArray(), threads + " threads");
                    }
                    first = output.toArray();
                }
            }
        }
    }

    @Test
    void autoSaysWhatItTook() {
        AttentionInput small = make.normal(1, 1, 1, 64, 64, 8, 8);
        AttentionMethod auto = Attention.auto().build();
        assertEquals("took exact: only 64 queries or keys, fewer than 4096",
                auto.apply(ENGINE, small, make.zeros(small.outputShape())).note());
        assertEquals("took exact: only 64 queries or keys, fewer than 12288",
                auto.apply(ENGINE, small.withMask(Mask.causal()), make.zeros(small.outputShape())).note());
        AttentionInput large = clustered(1, 8192, 8192, 8, 8);
        assertTrue(auto.apply(ENGINE, large, make.zeros(large.outputShape())).note().startsWith("took pilot"));
    }

    @Test
    void refusesWhatItCannotDo() {
        AttentionInput input = make.normal(1, 1, 1, 8, 8, 4, 4);
        Tensor output = make.zeros(input.outputShape());
        assertThrows(IllegalArgumentException.class,
                () -> Attention.pilot().unbiased(8).build().apply(ENGINE, input.withMask(Mask.causal()), output));
        AttentionInput wide = make.normal(1, 1, 1, 3, 3, 257, 2);
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
                () -> Attention.pilot().build().apply(ENGINE, wide, make.zeros(Shape.of(3, 2))));
        assertTrue(e.getMessage().contains("257"));
        assertThrows(IllegalArgumentException.class, () -> Attention.pilot().near(0));
        assertThrows(IllegalArgumentException.class, () -> Attention.pilot().tile(4097));
        assertThrows(IllegalArgumentException.class, () -> ErrorBudget.relativeSpectral(Double.NaN));
    }

    /** There are 32 top nodes, and four times as many below: eight together with one thread, each alone with 40. */
    @Test
    void siblingsGiveTheSameBitsTogetherAndAlone() {
        int n = 8192;
        AttentionInput input = clustered(1, n, n, 40, 24);
        AttentionMethod method = Attention.pilot().candidates(4).tile(64).near(100).build();
        assertEquals(8, PilotWalk.together(32, 0));
        assertEquals(4, PilotWalk.together(4, 0));
        assertEquals(1, PilotWalk.together(4, 9), "a correction follows one path");
        float[] first = null;
        for (int threads : new int[] {1, 3, 40}) {
            try (Engine engine = Engine.create(threads)) {
                Tensor output = make.zeros(input.outputShape());
                method.apply(engine, input, output);
                first = first == null ? output.toArray() : first;
                assertArrayEquals(first, output.toArray(), threads + " threads");
            }
        }
    }

    /** Norms with a heavy tail take queries far away from the centroid of their tile, where expansions fail. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void outputsStayWithinTheRangeOfTheValues(boolean causal) {
        AttentionInput input = make.normal(1, 1, 1, 3000, 3000, 16, 6);
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 3000; i++) {
            float stretch = (float) Math.min(8, 1 / Math.sqrt(random.nextDouble()));
            for (int c = 0; c < 16; c++) {
                input.query().matrix(0, 0).set(i, c, stretch * input.query().matrix(0, 0).get(i, c));
                input.key().matrix(0, 0).set(i, c, stretch * input.key().matrix(0, 0).get(i, c));
            }
            for (int c = 0; c < 6; c++) {
                input.value().matrix(0, 0).set(i, c, (float) Math.tanh(input.key().matrix(0, 0).get(i, c)) + 3);
            }
        }
        AttentionInput masked = causal ? input.withMask(Mask.causal()) : input;
        Tensor output = make.zeros(masked.outputShape());
        Attention.pilot().near(32).build().apply(ENGINE, masked, output);
        for (float x : output.toArray()) {
            assertTrue(x > 2 - 1e-5 && x < 4 + 1e-5, "output " + x);
        }
    }
}
