package dev.kdeformer.kde;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExactDensityTest {
    private static final Engine ENGINE = Engine.create(2);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "3, 7, 2", "97, 257, 64", "131, 1021, 100", "5, 40, 300", "200, 31, 17"})
    void isTheDefinition(int queries, int points, int d) {
        TestInputs make = TestInputs.of(queries + points + d);
        Tensor x = make.tensor(Shape.of(queries, d), 1);
        Tensor y = make.tensor(Shape.of(points, d), 1);
        double[] logWeights = logs(points);
        for (Kernel kernel : new Kernel[] {Kernel.gaussian(1.5), Kernel.gaussian(0.3), Kernel.exponential(),
            Kernel.exponential(-0.25), Kernel.exponential(0)}) {
            for (double[] weights : new double[][] {null, logWeights}) {
                double[] truth = PlainDensity.logSums(kernel, y, weights, x);
                double[] sums = query(kernel, y, weights, x);
                double error = PlainDensity.largestError(sums, truth);
                assertTrue(error < (kernel.parameter() == 0.3 ? 1e-3 : 1e-4), kernel + ": " + error);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1e-4, 1", "1e-6, 1000", "100, 1e5"})
    void keepsItsDigitsFarFromTheOriginAndAtTinyBandwidths(double bandwidth, double offset) {
        Tensor y = shifted(TestInputs.of(1).tensor(Shape.of(300, 3), 1), offset);
        Tensor x = shifted(TestInputs.of(2).tensor(Shape.of(40, 3), 1), offset);
        for (int i = 0; i < 20; i++) {
            for (int c = 0; c < 3; c++) {
                x.matrix(0, 0).set(i, c, y.matrix(0, 0).get(7 * i, c));
            }
        }
        double[] truth = PlainDensity.logSums(Kernel.gaussian(bandwidth), y, null, x);
        double[] sums = query(Kernel.gaussian(bandwidth), y, null, x);
        for (int i = 0; i < truth.length; i++) {
            assertEquals(truth[i], sums[i], 5e-4 + 1e-6 * Math.abs(truth[i]));
        }
    }

    @Test
    void logitsOfTenThousandDoNotOverflow() {
        Tensor y = TestInputs.of(3).tensor(Shape.of(500, 16), 30);
        Tensor x = TestInputs.of(4).tensor(Shape.of(50, 16), 30);
        double[] truth = PlainDensity.logSums(Kernel.exponential(), y, null, x);
        double[] sums = query(Kernel.exponential(), y, null, x);
        assertTrue(truth[0] > 2000);
        assertTrue(PlainDensity.largestError(sums, truth) < 2e-3, "" + PlainDensity.largestError(sums, truth));
    }

    @Test
    void pointsOfNoWeightDoNotCount() {
        Tensor y = TestInputs.of(5).tensor(Shape.of(100, 4), 1);
        Tensor x = TestInputs.of(6).tensor(Shape.of(10, 4), 1);
        double[] weights = new double[100];
        java.util.Arrays.fill(weights, 0, 60, 2);
        try (KernelDensity density = KernelDensity.builder().weights(weights).build(ENGINE, y)) {
            assertEquals(60, density.points());
            double[] sums = new double[10];
            assertEquals(60, density.query(ENGINE, x, sums).evaluations());
            double[] truth = PlainDensity.logSums(Kernel.gaussian(1), y.rows(0, 60), null, x);
            for (int i = 0; i < 10; i++) {
                assertEquals(truth[i] + Math.log(2), sums[i], 1e-5);
            }
        }
    }

    private static double[] logs(int count) {
        double[] logs = new double[count];
        for (int j = 0; j < count; j++) {
            logs[j] = 3 * Math.sin(j) - 400;
        }
        return logs;
    }

    private static Tensor shifted(Tensor tensor, double offset) {
        Matrix matrix = tensor.matrix(0, 0);
        for (int r = 0; r < matrix.rows(); r++) {
            for (int c = 0; c < matrix.columns(); c++) {
                matrix.set(r, c, (float) (matrix.get(r, c) + offset));
            }
        }
        return tensor;
    }

    private static double[] query(Kernel kernel, Tensor points, double[] logWeights, Tensor queries) {
        DensityBuilder builder = KernelDensity.builder().kernel(kernel);
        if (logWeights != null) {
            builder.logWeights(logWeights);
        }
        double[] sums = new double[queries.shape().rows()];
        try (KernelDensity density = builder.build(ENGINE, points)) {
            density.query(ENGINE, queries, sums);
        }
        return sums;
    }
}
