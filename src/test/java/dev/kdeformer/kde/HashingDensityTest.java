package dev.kdeformer.kde;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Tensor;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HashingDensityTest {
    @ParameterizedTest
    @ValueSource(doubles = {0.1, 0.7, 2, 6})
    void pointsShareACodeWithTheStatedProbability(double distance) {
        int count = 20_000;
        StableHash hash = new StableHash(CounterRandom.of(4), count, 2, 1.5, 3, 5);
        float[] x = new float[Lanes.padColumns(3)];
        float[] y = new float[x.length];
        x[0] = 0.3f;
        y[0] = 0.3f;
        y[2] = (float) distance;
        int shared = 0;
        for (int which = 0; which < count; which++) {
            shared += hash.code(which, x) == hash.code(which, y) ? 1 : 0;
        }
        double probability = Math.exp(hash.logCollision(distance));
        assertEquals(probability, shared / (double) count, 4 * Math.sqrt(probability / count));
    }

    /** The integral of (1 − t/w) times the density of |N(0, c²)|, by the trapezoidal rule. */
    @ParameterizedTest
    @ValueSource(doubles = {1e-10, 0.01, 0.2, 1, 3, 100})
    void theProbabilityIsTheIntegral(double distance) {
        int steps = 200_000;
        double sum = 0;
        for (int i = 0; i <= steps; i++) {
            double t = (double) i / steps;
            double density = Math.sqrt(2 / Math.PI) / distance * Math.exp(-t * t / (2 * distance * distance));
            sum += (i == 0 ? 0.5 : 1) * density * (1 - t) / steps;
        }
        assertEquals(distance < 1e-6 ? 1 : sum, StableHash.collision(distance), 1e-6);
    }

    /** The mean of the units of many tables comes near the sum, for weighted points too. */
    @Test
    void unitsAreUnbiased() {
        Tensor tensor = KernelDensityTest.mixture(9000, 3, 1);
        double[] logWeights = new double[9000];
        for (int j = 0; j < logWeights.length; j++) {
            logWeights[j] = Math.sin(j);
        }
        Kernel kernel = Kernel.gaussian(0.7);
        Tensor queries = KernelDensityTest.mixture(20, 3, 2);
        double[] truth = PlainDensity.logSums(kernel, tensor, logWeights, queries);
        Points points = Points.of(kernel, tensor.matrix(0, 0), logWeights);
        HashLevel level = new HashLevel(points, new Strata(points), 1 / 32.0, CounterRandom.of(3));
        float[] x = new float[points.stride()];
        double chi = 0;
        for (int i = 0; i < truth.length; i++) {
            points.load(queries.matrix(0, 0), i, x, 0);
            double sum = 0;
            double squares = 0;
            for (int table = 0; table < HashLevel.TABLES; table++) {
                double unit = level.unit(table, x, new SampledDensity.Counter());
                sum += unit;
                squares += unit * unit;
            }
            double mean = sum / HashLevel.TABLES;
            double deviation = Math.sqrt((squares / HashLevel.TABLES - mean * mean) / HashLevel.TABLES);
            double off = (mean - Math.exp(truth[i] - points.logTotal())) / deviation;
            assertTrue(Math.abs(off) < 4.5, off + " deviations");
            chi += off * off;
        }
        assertTrue(chi < 3 * truth.length, chi + " for " + truth.length);
    }

    @Test
    void asManyStrataAsEqualPointsTakeEachOnce() {
        Points points = Points.of(Kernel.gaussian(1), KernelDensityTest.mixture(1000, 2, 1).matrix(0, 0), null);
        int[] sample = new int[1000];
        new Strata(points).systematic(CounterRandom.of(1), sample);
        for (int j = 0; j < sample.length; j++) {
            assertEquals(j, sample[j]);
        }
    }

    @Test
    void aCoarseTargetNeedsFewerEvaluationsThanPoints() {
        Tensor points = KernelDensityTest.mixture(60_000, 3, 7);
        double[] sums = new double[40];
        try (Engine engine = Engine.create(2); KernelDensity density = KernelDensity.builder()
                .kernel(Kernel.gaussian(0.5)).estimator(Estimator.HASHING).relativeError(0.4).failureProbability(0.1)
                .build(engine, points)) {
            KernelDensity.Statistics statistics = density.query(engine, KernelDensityTest.mixture(40, 3, 8), sums);
            assertTrue(statistics.evaluations() < 20_000 && statistics.exact() < 0.3, statistics.toString());
        }
    }

    @Test
    void theMedianFailsAsSeldomAsAsked() {
        for (double probability : new double[] {0.3, 0.05, 1e-6}) {
            MedianOfMeans median = MedianOfMeans.of(probability);
            assertTrue(median.groups() == 1 ? median.failure() == probability
                    : MedianOfMeans.majority(median.groups(), median.failure()) <= probability);
        }
        assertTrue(MedianOfMeans.of(1e-6).groups() > 5);
        SplittableRandom random = new SplittableRandom(1);
        int failed = 0;
        for (int trial = 0; trial < 20_000; trial++) {
            int off = 0;
            for (int group = 0; group < 5; group++) {
                off += random.nextDouble() < 0.3 ? 1 : 0;
            }
            failed += off > 2 ? 1 : 0;
        }
        assertEquals(MedianOfMeans.majority(5, 0.3), failed / 20_000.0, 0.01);
        assertEquals(3, new MedianOfMeans(3, 0.1).of(new double[] {1, 3, 100, 1, 3, 100, 1}, 7));
    }
}
