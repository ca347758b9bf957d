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
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CausalPilotTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final int SPAN = 50;
    private final TestInputs make = TestInputs.of(5);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /**
     * Inputs whose queries are alike within every span of {@link #SPAN}: then the groups stand for their keys
     * without an error, and the output has to be exact however few keys are near.
     */
    static List<TestInputs.Case> alikeInSpans() {
        TestInputs make = TestInputs.of(31);
        List<TestInputs.Case> cases = new ArrayList<>();
        for (int[] s : new int[][] {{800, 800, 16, 16, 1}, {650, 1100, 7, 3, 1}, {1200, 700, 33, 21, 1},
            {50, 900, 5, 1, 1}, {600, 613, 100, 40, 2}, {900, 650, 1, 2, 3}}) {
            int heads = s[4];
            AttentionInput input = make.normal(2, heads, 1, s[0], s[1], s[2], s[3]);
            for (int unit = 0; unit < 2 * heads; unit++) {
                Matrix query = input.query().matrix(unit / heads, unit % heads);
                float[] row = new float[s[2]];
                for (int i = 0; i < s[0]; i++) {
                    if (i % SPAN == 0) {
                        query.readRow(i, row, 0);
                    }
                    query.writeRow(i, row, 0);
                }
            }
            String size = "n=" + s[0] + " m=" + s[1] + " d=" + s[2] + " dv=" + s[3] + " grouped by " + s[4];
            cases.add(new TestInputs.Case("lower right, " + size, input.withMask(Mask.causal())));
            cases.add(new TestInputs.Case("upper left, " + size, input.withMask(Mask.causalUpperLeft())));
            cases.add(new TestInputs.Case("padding, " + size,
                    input.withMask(Mask.causal().withKeyLengths(s[1] - 77, 0))));
            cases.add(new TestInputs.Case("bias, " + size, input.withMask(Mask.causal())
                    .withKeyBias(make.bias(Shape.of(2, 1, 1, s[1])))));
            cases.add(new TestInputs.Case("hidden keys, " + size, input.withMask(Mask.causalUpperLeft())
                    .withKeyBias(make.hiding(Shape.of(1, 1, 1, s[1]), 3, 500))));
        }
        cases.add(new TestInputs.Case("logits to 300",
                TestInputs.withLogits(cases.get(0).input(), 300).withMask(Mask.causal())));
        return cases;
    }

    @ParameterizedTest
    @MethodSource("alikeInSpans")
    void isExactWhereQueriesOfASpanAreAlike(TestInputs.Case each) {
        AttentionInput input = each.input();
        ReferenceAttention reference = ReferenceAttention.of(input);
        double logit = TestInputs.largestLogit(input);
        for (int tile : new int[] {0, 13}) {
            PilotAttention.Builder options = Attention.pilot().near(20).span(SPAN);
            AttentionMethod method = tile == 0 ? options.build() : options.tile(tile).build();
            Tensor output = make.zeros(input.outputShape());
            Tensor sums = make.zeros(input.outputShape().withColumns(1));
            method.apply(ENGINE, input, output, sums);
            assertTrue(reference.maxDifference(output) < 3e-5 * (1 + logit / 10), each.name());
            assertTrue(reference.maxLogSumExpDifference(sums) < 3e-5 * (1 + logit / 10), each.name());
        }
    }

    @Test
    void approximatesWhatLiesBeforeASpan() {
        // The cases above would also pass if all of it were computed exactly.
        AttentionInput input = alikeInSpans().get(0).input();
        double columns = Attention.pilot().near(20).span(SPAN).build()
                .apply(ENGINE, input, make.zeros(input.outputShape())).columns();
        assertTrue(columns < 300, columns + " of 400.5");
    }

    /** Queries that drift slowly through the space, values that depend on the keys and have a mean. */
    private AttentionInput drifting(int heads, int n, int m, int d, int dv) {
        AttentionInput input = make.normal(1, heads, heads, n, m, d, dv);
        SplittableRandom random = new SplittableRandom(23);
        for (int h = 0; h < heads; h++) {
            double[] place = new double[d];
            for (int i = 0; i < n; i++) {
                for (int c = 0; c < d; c++) {
                    place[c] = 0.995 * place[c] + 0.2 * random.nextGaussian();
                    float x = input.query().matrix(0, h).get(i, c);
                    input.query().matrix(0, h).set(i, c, (float) (0.3 * x + place[c]));
                }
            }
            for (int j = 0; j < m; j++) {
                for (int c = 0; c < dv; c++) {
                    float x = input.value().matrix(0, h).get(j, c);
                    input.value().matrix(0, h).set(j, c, 0.5f * x + input.key().matrix(0, h).get(j, c % d) + 0.5f);
                }
            }
        }
        return input.withMask(Mask.causal());
    }

    private double error(AttentionMethod method, AttentionInput input) {
        Tensor exact = make.zeros(input.outputShape());
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        method.apply(ENGINE, input, output);
        return ErrorReport.of(ENGINE, output, exact).max().spectral();
    }

    @Test
    void errorFallsWithNearKeysAndWithSmallerTiles() {
        AttentionInput input = drifting(1, 3000, 3200, 16, 12);
        double coarse = error(Attention.pilot().near(16).build(), input);
        double fine = error(Attention.pilot().near(128).build(), input);
        double finest = error(Attention.pilot().near(128).tile(32).build(), input);
        assertTrue(coarse < 0.2, "" + coarse);
        assertTrue(fine < 0.8 * coarse, fine + " against " + coarse);
        assertTrue(finest < 0.9 * fine, finest + " against " + fine);
    }

    @Test
    void theTiltLowersTheError() {
        AttentionInput input = drifting(1, 2048, 2048, 16, 16);
        double without = error(Attention.pilot().near(32).tilt(0).build(), input);
        double with = error(Attention.pilot().near(32).tilt(128).build(), input);
        assertTrue(with < 0.9 * without, with + " against " + without);
    }

    @Test
    void columnsBuyAccuracyAndAreKept() {
        AttentionInput input = drifting(1, 5000, 5000, 16, 16);
        double before = Double.POSITIVE_INFINITY;
        for (int columns : new int[] {350, 600}) {
            AttentionMethod method = Attention.pilot().columns(columns).build();
            double spent = method.apply(ENGINE, input, make.zeros(input.outputShape())).columns();
            assertEquals(columns, spent, 0.35 * columns);
            double error = error(method, input);
            assertTrue(error < before, columns + ": " + error + " against " + before);
            before = error;
        }
        AttentionMethod all = Attention.pilot().columns(10_000).build();
        assertTrue(error(all, input) < 1e-5);
    }

    @Test
    void aBudgetIsKeptAndCostsMoreTheSmallerItIs() {
        AttentionInput input = drifting(2, 20_000, 20_100, 16, 16);
        double before = 0;
        for (double budget : new double[] {0.1, 0.03}) {
            AttentionMethod method = Attention.pilot().budget(ErrorBudget.relativeSpectral(budget)).seed(3).build();
            Tensor output = make.zeros(input.outputShape());
            AttentionMethod.Statistics done = method.apply(ENGINE, input, output);
            double error = error(method, input);
            assertTrue(error > 0 && error <= budget, error + " for " + budget);
            assertTrue(done.error() <= budget && done.error() >= 0.5 * error, done.error() + " for " + error);
            assertTrue(done.columns() > before, done.columns() + " against " + before);
            before = done.columns();
        }
    }

    @Test
    void aBudgetThatNothingKeepsGivesExactAttention() {
        // Queries that have nothing in common.
        AttentionInput input = make.normal(1, 1, 1, 12_288, 12_288, 24, 4).withScale(1.5f).withMask(Mask.causal());
        AttentionMethod method = Attention.pilot().budget(ErrorBudget.relativeSpectral(0.001)).build();
        assertEquals("1 of 1 heads computed exactly, which the error budget made cheaper",
                method.apply(ENGINE, input, make.zeros(input.outputShape())).note());
        assertEquals(0, error(method, input));
    }

    @Test
    void autoTakesItForLongInput() {
        AttentionInput input = drifting(1, 12_288, 12_288, 8, 8);
        Tensor output = make.zeros(input.outputShape());
        AttentionMethod auto = Attention.auto().budget(ErrorBudget.relativeSpectral(0.15)).build();
        assertTrue(auto.apply(ENGINE, input, output).note().startsWith("took pilot"));
        assertTrue(auto.apply(ENGINE, input, output).columns() < 4096.5);
        Certificate certificate = Certificate.of(ENGINE, input, output, 128, 1, 0.95);
        Tensor exact = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, exact);
        float[] approximate = output.toArray();
        float[] truth = exact.toArray();
        double wrong = 0;
        double norm = 0;
        for (int i = 0; i < truth.length; i++) {
            wrong += Math.pow(approximate[i] - truth[i], 2);
            norm += Math.pow(truth[i], 2);
        }
        double frobenius = Math.sqrt(wrong / norm);
        assertTrue(certificate.low() <= frobenius && frobenius <= certificate.high(),
                frobenius + " outside " + certificate.relative());
    }

    @Test
    void bitsDoNotDependOnThreads() {
        for (AttentionInput input : List.of(drifting(1, 1700, 1800, 16, 12),
                make.normal(2, 4, 2, 900, 950, 8, 8).withMask(Mask.causal().withKeyLengths(950, 733)))) {
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(input.outputShape());
                    Attention.pilot().near(32).span(64).tile(30).build().apply(engine, input, output);
                    if (first != null) {
                        assertArrayEquals(first, output.toArray(), threads + " threads");
                    }
                    first = output.toArray();
                }
            }
        }
    }

    @Test
    void refusesASpanOutOfRange() {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> Attention.pilot().span(15));
        assertEquals("span must be between 16 and 4096, got 15", e.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Attention.pilot().span(4097));
    }
}
