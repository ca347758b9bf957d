package dev.kdeformer.kde;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.reference.EmbeddedData;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class KernelDensityTest {
    private static final Engine ENGINE = Engine.create(2);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    @ParameterizedTest
    @EnumSource
    void realDataIsWithinTheTargetAtTheStatedProbability(Estimator estimator) {
        Tensor points = EmbeddedData.load("minilm-16384.layer0.k", 0, 4096);
        Tensor queries = EmbeddedData.load("minilm-16384.layer0.q", 0, 96);
        failsRarely(estimator, Kernel.exponential(1 / Math.sqrt(32)), points, null, queries);
        Tensor words = EmbeddedData.load("glove-16384.q", 0, 4096);
        failsRarely(estimator, Kernel.gaussian(2), words, null, words.rows(500, 96));
    }

    @ParameterizedTest
    @EnumSource
    void mixturesAreWithinTheTargetAtTheStatedProbability(Estimator estimator) {
        Tensor points = mixture(6000, 3, 11);
        double[] logWeights = new double[6000];
        for (int j = 0; j < logWeights.length; j++) {
            logWeights[j] = Math.cos(j);
        }
        failsRarely(estimator, Kernel.gaussian(0.5), points, logWeights, mixture(96, 3, 12));
    }

    private static void failsRarely(Estimator estimator, Kernel kernel, Tensor points, double[] logWeights,
            Tensor queries) {
        double[] truth = PlainDensity.logSums(kernel, points, logWeights, queries);
        int seeds = 5;
        int beyond = 0;
        for (int seed = 0; seed < seeds; seed++) {
            DensityBuilder builder = KernelDensity.builder().kernel(kernel).estimator(estimator).relativeError(0.2)
                    .failureProbability(0.1).seed(seed);
            if (logWeights != null) {
                builder.logWeights(logWeights);
            }
            try (KernelDensity density = builder.build(ENGINE, points)) {
                double[] sums = new double[truth.length];
                density.query(ENGINE, queries, sums);
                beyond += PlainDensity.beyond(density.relativeError(), sums, truth);
                assertTrue(density.failureProbability() <= 0.1);
            }
        }
        // Queries share their random choices, so the count varies more than a binomial one; the mean does not.
        assertTrue(beyond <= 0.1 * seeds * truth.length, estimator + ": " + beyond);
    }

    /** The mean over a Gaussian of a Gaussian kernel has a closed form, which many points come near. */
    @ParameterizedTest
    @EnumSource
    void aMixtureOfKnownDensityIsFound(Estimator estimator) {
        int n = 50_000;
        double h = 0.7;
        Tensor queries = mixture(32, 2, 5);
        double[] sums = new double[32];
        KernelDensity.Statistics statistics;
        try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(h)).estimator(estimator)
                .relativeError(0.2).failureProbability(0.01).build(ENGINE, mixture(n, 2, 6))) {
            statistics = density.query(ENGINE, queries, sums);
        }
        for (int i = 0; i < sums.length; i++) {
            double known = knownMean(queries.matrix(0, 0), i, h);
            assertEquals(1, Math.exp(sums[i]) / n / known, 0.25);
        }
        if (estimator != Estimator.EXACT) {
            assertTrue(statistics.evaluations() < n / 2.0, estimator + ": " + statistics);
        }
    }

    @ParameterizedTest
    @EnumSource
    void threadsAndBatchesDoNotChangeABit(Estimator estimator) {
        Tensor points = mixture(3000, 5, 1);
        Tensor queries = mixture(150, 5, 2);
        UnaryOperator<DensityBuilder> options = builder -> builder.estimator(estimator).relativeError(0.3).seed(9);
        double[] one = new double[150];
        double[] three = new double[150];
        double[] part = new double[30];
        try (Engine single = Engine.create(1); Engine triple = Engine.create(3);
                KernelDensity a = options.apply(KernelDensity.builder()).build(single, points);
                KernelDensity b = options.apply(KernelDensity.builder()).build(triple, points)) {
            a.query(single, queries, one);
            b.query(triple, queries, three);
            b.query(triple, queries.rows(70, 30), part);
        }
        assertArrayEquals(one, three);
        assertArrayEquals(java.util.Arrays.copyOfRange(one, 70, 100), part, 1e-6);
    }

    @Test
    void uniformSamplingNeedsFewPointsWhereTheDensityIsHigh() {
        double[] sums = new double[50];
        try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(5)).estimator(Estimator.UNIFORM)
                .relativeError(0.1).build(ENGINE, mixture(50_000, 3, 3))) {
            KernelDensity.Statistics statistics = density.query(ENGINE, mixture(50, 3, 4), sums);
            assertTrue(statistics.evaluations() < 5000, statistics.toString());
            assertEquals(0, statistics.exact());
        }
    }

    @ParameterizedTest
    @EnumSource
    void equalPointsAndFarQueriesAndHugeLogitsAreTaken(Estimator estimator) {
        Tensor equal = TestInputs.of(1).equalRows(1, 1, 1, 5, 700, 6, 1).key();
        Tensor queries = TestInputs.of(2).tensor(Shape.of(40, 6), 3);
        for (Kernel kernel : new Kernel[] {Kernel.gaussian(0.05), Kernel.gaussian(100), Kernel.exponential(20)}) {
            double[] truth = PlainDensity.logSums(kernel, equal, null, queries);
            double[] sums = new double[40];
            try (KernelDensity density = KernelDensity.builder().kernel(kernel).estimator(estimator)
                    .relativeError(0.2).failureProbability(1e-6).build(ENGINE, equal)) {
                density.query(ENGINE, queries, sums);
            }
            assertTrue(PlainDensity.largestError(sums, truth) <= 0.2, kernel + ": "
                    + PlainDensity.largestError(sums, truth));
        }
    }

    /** Logits of 1e8 and more leave float32 no digit of an exponent; sums keep to their target all the same. */
    @ParameterizedTest
    @EnumSource
    void hugeScalesKeepTheirDigits(Estimator estimator) {
        Tensor points = mixture(700, 5, 3);
        Tensor queries = TestInputs.of(4).tensor(Shape.of(40, 5), 1);
        for (Kernel kernel : new Kernel[] {Kernel.exponential(1e8), Kernel.exponential(-1e8), Kernel.exponential(3e4),
            Kernel.gaussian(1e-8)}) {
            double[] truth = PlainDensity.logSums(kernel, points, null, queries);
            double[] sums = new double[truth.length];
            try (KernelDensity density = KernelDensity.builder().kernel(kernel).estimator(estimator)
                    .relativeError(0.01).build(ENGINE, points)) {
                density.query(ENGINE, queries, sums);
            }
            for (int i = 0; i < sums.length; i++) {
                // In double precision the logarithm itself has about so many digits.
                assertEquals(truth[i], sums[i], 0.01 + 1e-14 * Math.abs(truth[i]), kernel + " " + estimator);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aClosedDensityRefuses(Estimator estimator) {
        KernelDensity density = KernelDensity.builder().estimator(estimator).build(ENGINE, mixture(600, 2, 1));
        density.close();
        density.close();
        assertThrows(IllegalStateException.class, () -> density.query(ENGINE, mixture(3, 2, 1), new double[3]));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "relativeError must be between 0.0001 and 0.9, got 1.0      | 1.0 | 0.1 | 2",
        "relativeError must be between 0.0001 and 0.9, got NaN      | NaN | 0.1 | 2",
        "failureProbability must be between 1e-15 and 0.5, got 0.6 | 0.1 | 0.6 | 2",
        "weights must be given for each of the 2 points, got 3     | 0.1 | 0.1 | 3"})
    void badOptionsAreNamed(String message, double error, double failure, int weights) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, () -> KernelDensity.builder()
                .relativeError(error).failureProbability(failure).weights(new double[weights])
                .build(ENGINE, mixture(2, 2, 1)).close()).getMessage());
    }

    @Test
    void badPointsAndQueriesAreNamed() {
        Tensor bad = mixture(5, 2, 1);
        bad.matrix(0, 0).set(3, 1, Float.NaN);
        refuses("points must be finite, got NaN at (row 3, column 1)",
                () -> KernelDensity.builder().build(ENGINE, bad).close());
        refuses("points must have shape (1, 1, n, d), got (1, 2, 3, 4)",
                () -> KernelDensity.builder().build(ENGINE, TestInputs.of(1).zeros(Shape.of(1, 2, 3, 4))).close());
        refuses("weights must not all be 0",
                () -> KernelDensity.builder().weights(0, 0, 0, 0, 0).build(ENGINE, mixture(5, 2, 1)).close());
        refuses("weights must be finite and not negative, got -1.0 for point 1",
                () -> KernelDensity.builder().weights(0, -1));
        refuses("logWeights must be finite or -Infinity, got NaN for point 0",
                () -> KernelDensity.builder().logWeights(Double.NaN));
        refuses("bandwidth must be between 1e-30 and 1e30, got 0.0", () -> Kernel.gaussian(0));
        refuses("scale must be finite, got Infinity", () -> Kernel.exponential(Double.POSITIVE_INFINITY));
        try (KernelDensity density = KernelDensity.builder().build(ENGINE, mixture(9, 2, 1))) {
            refuses("queries must be finite, got NaN at (row 3, column 1)",
                    () -> density.query(ENGINE, bad, new double[5]));
            refuses("queries must have 2 columns like the points, got 3",
                    () -> density.query(ENGINE, mixture(5, 3, 1), new double[5]));
            refuses("logSums must have an element for each of the 5 queries, got 4",
                    () -> density.query(ENGINE, mixture(5, 2, 1), new double[4]));
        }
    }

    private static void refuses(String message, org.junit.jupiter.api.function.Executable action) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, action).getMessage());
    }

    /** Points of two Gaussians of deviation 1, a third of them at (3, 0, …), the others at (−1, 0, …). */
    static Tensor mixture(int n, int d, long seed) {
        Tensor tensor = Tensor.copyOf(Arena.ofAuto(), Shape.of(n, d),
                TestInputs.of(seed).tensor(Shape.of(n, d), 1).toArray());
        for (int i = 0; i < n; i++) {
            Matrix matrix = tensor.matrix(0, 0);
            matrix.set(i, 0, matrix.get(i, 0) + (i % 3 == 0 ? 3 : -1));
        }
        return tensor;
    }

    private static double knownMean(Matrix queries, int row, double h) {
        double variance = 1 + h * h;
        double mean = 0;
        for (int component = 0; component < 2; component++) {
            double squares = 0;
            for (int c = 0; c < queries.columns(); c++) {
                double centre = c > 0 ? 0 : component == 0 ? 3 : -1;
                squares += Math.pow(queries.get(row, c) - centre, 2);
            }
            mean += (component == 0 ? 1.0 : 2.0) / 3 * Math.pow(h * h / variance, queries.columns() / 2.0)
                    * Math.exp(-squares / (2 * variance));
        }
        return mean;
    }
}
