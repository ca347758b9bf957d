package dev.kdeformer.kde;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.reference.EmbeddedData;
import dev.kdeformer.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class WeightedExponentialDensityTest {
    private static final Engine ENGINE = Engine.create(2);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private static double[] sums(double scale, Tensor points, double[] logWeights, Tensor queries,
            WeightedExponentialDensity.Factory factory) {
        double[] sums = new double[queries.shape().rows()];
        try (var density = new WeightedExponentialDensity(ENGINE, scale, points, logWeights, new Target(0.1, 0.001, 5),
                factory)) {
            density.query(ENGINE, queries, sums);
            assertTrue(density.classes() > 1 || scale == 0);
        }
        return sums;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.1767767, -0.05, 3, 0})
    void isTheDefinitionOnRealData(double scale) {
        Tensor points = EmbeddedData.load("minilm-512.layer0.k", 2, 512);
        Tensor queries = EmbeddedData.load("minilm-512.layer0.q", 2, 200);
        double[] logWeights = new double[512];
        for (int j = 0; j < logWeights.length; j++) {
            logWeights[j] = j % 7 == 0 ? Double.NEGATIVE_INFINITY : 5 * Math.sin(j);
        }
        double[] truth = PlainDensity.logSums(Kernel.exponential(scale), points, logWeights, queries);
        double[] sums = sums(scale, points, logWeights, queries,
                WeightedExponentialDensity.Factory.of(Estimator.EXACT));
        assertTrue(PlainDensity.largestError(sums, truth) <= 0.02, "" + PlainDensity.largestError(sums, truth));
    }

    @ParameterizedTest
    @EnumSource
    void everyEstimatorPlugsIn(Estimator estimator) {
        Tensor points = EmbeddedData.load("e5-pool16384.layer11.k", 0, 2000);
        Tensor queries = EmbeddedData.load("e5-pool16384.layer11.q", 0, 60);
        double[] truth = PlainDensity.logSums(Kernel.exponential(0.125), points, null, queries);
        int[] largest = new int[1];
        double[] sums = sums(0.125, points, null, queries, (engine, rows, logWeights, target) -> {
            largest[0] = Math.max(largest[0], rows.shape().rows());
            return WeightedExponentialDensity.Factory.of(estimator).build(engine, rows, logWeights, target);
        });
        // Smaller ones are evaluated exactly whatever the estimator.
        assertTrue(largest[0] > 256, "the largest class has " + largest[0] + " points");
        assertTrue(PlainDensity.largestError(sums, truth) <= 0.1, "" + PlainDensity.largestError(sums, truth));
    }

    /** An estimator of the caller's, which sees what the classes look like. */
    @Test
    void weightsOfAClassLieWithinAPowerOfTwo() {
        Tensor points = EmbeddedData.load("minilm-512.layer2.k", 0, 512);
        int[] count = new int[1];
        sums(0.2, points, null, points.rows(0, 3), (engine, rows, logWeights, target) -> {
            double least = Double.POSITIVE_INFINITY;
            double most = Double.NEGATIVE_INFINITY;
            for (double log : logWeights) {
                least = Math.min(least, log);
                most = Math.max(most, log);
            }
            assertTrue(most - least <= Math.log(2) + 1e-9);
            count[0] += logWeights.length;
            return WeightedExponentialDensity.Factory.of(Estimator.EXACT).build(engine, rows, logWeights, target);
        });
        assertEquals(512, count[0]);
    }

    @Test
    void lightClassesAreLeftOut() {
        Tensor points = KernelDensityTest.mixture(900, 4, 1);
        double[] logWeights = new double[900];
        for (int j = 0; j < 900; j++) {
            logWeights[j] = j < 450 ? 0 : -60;
        }
        try (var density = new WeightedExponentialDensity(ENGINE, 1, points, logWeights, new Target(0.1, 0.01, 1),
                WeightedExponentialDensity.Factory.of(Estimator.EXACT))) {
            double evaluations = density.query(ENGINE, points.rows(0, 50), new double[50]).evaluations();
            assertTrue(evaluations <= 450, evaluations + " evaluations");
        }
    }

    @Test
    void badTargetsAreNamed() {
        assertEquals("failureProbability must be between 1e-9 and 0.5, got 0.0",
                assertThrows(IllegalArgumentException.class, () -> new WeightedExponentialDensity(ENGINE, 1,
                        KernelDensityTest.mixture(9, 2, 1), null, new Target(0.1, 0, 1),
                        WeightedExponentialDensity.Factory.of(Estimator.EXACT))).getMessage());
    }
}
