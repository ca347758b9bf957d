package dev.kdeformer.kde;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RadialKernelTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final Set<Kernel.Form> DENSITIES = EnumSet.complementOf(EnumSet.of(Kernel.Form.EXPONENTIAL));

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private static double profile(Kernel.Form form, double r) {
        return switch (form) {
            case GAUSSIAN -> Math.exp(-r * r / 2);
            case LAPLACE -> Math.exp(-r);
            case TOP_HAT -> r < 1 ? 1 : 0;
            case EPANECHNIKOV -> Math.max(0, 1 - r * r);
            case TRIANGULAR -> Math.max(0, 1 - r);
            case COSINE -> r < 1 ? Math.cos(Math.PI * r / 2) : 0;
            case EXPONENTIAL -> Double.NaN;
        };
    }

    private static double[] direct(Kernel kernel, Tensor points, double[] weights, Tensor queries) {
        double[] sums = new double[queries.shape().rows()];
        for (int i = 0; i < sums.length; i++) {
            for (int j = 0; j < points.shape().rows(); j++) {
                double squares = 0;
                for (int c = 0; c < points.shape().columns(); c++) {
                    double x = (double) queries.matrix(0, 0).get(i, c) - points.matrix(0, 0).get(j, c);
                    squares += x * x;
                }
                sums[i] += weights[j] * profile(kernel.form(), Math.sqrt(squares) / kernel.parameter());
            }
        }
        return sums;
    }

    @ParameterizedTest
    @EnumSource(names = {"EXACT", "TREE", "UNIFORM"})
    void everyKernelIsItsDefinition(Estimator estimator) {
        double[] weights = new double[1500];
        for (int j = 0; j < weights.length; j++) {
            weights[j] = j % 5 == 0 ? 0 : 1 + Math.sin(j);
        }
        int empty = 0;
        int full = 0;
        for (int d : new int[] {1, 2, 5}) {
            Tensor points = KernelDensityTest.mixture(1500, d, d);
            Tensor queries = KernelDensityTest.mixture(60, d, 99);
            for (Kernel.Form form : DENSITIES) {
                for (double h : new double[] {0.05, 0.7, 30}) {
                    Kernel kernel = new Kernel(form, h);
                    double[] truth = direct(kernel, points, weights, queries);
                    double[] logs = new double[truth.length];
                    try (KernelDensity density = KernelDensity.builder().kernel(kernel).estimator(estimator)
                            .weights(weights).relativeError(0.05).failureProbability(1e-9).build(ENGINE, points)) {
                        density.query(ENGINE, queries, logs);
                    }
                    for (int i = 0; i < truth.length; i++) {
                        if (truth[i] == 0) {
                            assertEquals(Double.NEGATIVE_INFINITY, logs[i], kernel + " d = " + d);
                            empty++;
                        } else {
                            assertEquals(1, Math.exp(logs[i] - Math.log(truth[i])), 0.05, kernel + " d = " + d);
                            full++;
                        }
                    }
                }
            }
        }
        assertTrue(empty > 50 && full > 500, empty + " without and " + full + " with points in reach");
    }

    /** By the definition of both, on a grid of the plane and of the line. */
    @Test
    void integralsAndDeviationsAreThoseOfTheKernel() {
        for (Kernel.Form form : DENSITIES) {
            double h = 0.7;
            Kernel kernel = new Kernel(form, h);
            double reach = form == Kernel.Form.LAPLACE ? 40 * h : form == Kernel.Form.GAUSSIAN ? 9 * h : h;
            int cells = 3000;
            double step = 2 * reach / cells;
            double line = 0;
            double plane = 0;
            double spread = 0;
            for (int i = 0; i < cells; i++) {
                double x = -reach + (i + 0.5) * step;
                line += step * profile(form, Math.abs(x) / h);
                double r = (i + 0.5) * reach / cells;
                double ring = 2 * Math.PI * r * reach / cells * profile(form, r / h);
                plane += ring;
                spread += ring * r * r / 2;
            }
            assertEquals(Math.log(line), kernel.logIntegral(1), 2e-4, form + " on a line");
            assertEquals(Math.log(plane), kernel.logIntegral(2), 2e-4, form + " on a plane");
            assertEquals(Math.sqrt(spread / plane) / h, kernel.deviation(2), 2e-4, form + " on a plane");
        }
        // Unit balls of 3 and 10 dimensions: 4π/3 and π^5/120; a cone over the first, π/3.
        assertEquals(Math.log(4 * Math.PI / 3), new Kernel(Kernel.Form.TOP_HAT, 1).logIntegral(3), 1e-12);
        assertEquals(Math.log(Math.pow(Math.PI, 5) / 120), new Kernel(Kernel.Form.TOP_HAT, 1).logIntegral(10), 1e-12);
        assertEquals(Math.log(Math.PI / 3), new Kernel(Kernel.Form.TRIANGULAR, 1).logIntegral(3), 1e-12);
        assertThrows(IllegalArgumentException.class, () -> Kernel.exponential().logIntegral(2));
    }

    @Test
    void densitiesAddUpToOne() {
        try (Arena arena = Arena.ofShared()) {
            Tensor points = Tensor.copyOf(arena, Shape.of(3, 1), 0, 1, 5);
            int cells = 4000;
            float[] grid = new float[cells];
            for (int i = 0; i < cells; i++) {
                grid[i] = -30 + 65f * i / cells;
            }
            for (Kernel.Form form : DENSITIES) {
                double[] logs = new double[cells];
                try (KernelDensity density = KernelDensity.builder().kernel(new Kernel(form, 0.8)).weights(1, 2, 0.5)
                        .build(ENGINE, points)) {
                    density.queryDensity(ENGINE, Tensor.copyOf(arena, Shape.of(cells, 1), grid), logs);
                }
                double sum = 0;
                for (double log : logs) {
                    sum += Math.exp(log) * 65 / cells;
                }
                assertEquals(1, sum, 0.01, form.name());
            }
        }
    }

    /** Figures of SciPy's gaussian_kde for standardised points: n^(−1/5) and (3n/4)^(−1/5) on a line. */
    @Test
    void rulesOfThumbAreTheirFormulas() {
        try (Arena arena = Arena.ofShared()) {
            Tensor points = Tensor.copyOf(arena, Shape.of(4, 1), 1, 2, 4, 7);
            double sigma = Math.sqrt((6.25 + 2.25 + 0.25 + 12.25) / 4);
            assertEquals(sigma * Math.pow(4, -0.2), Bandwidth.SCOTT.of(Kernel.Form.GAUSSIAN, points, null), 1e-12);
            assertEquals(sigma * Math.pow(3, -0.2), Bandwidth.SILVERMAN.of(Kernel.Form.GAUSSIAN, points, null), 1e-12);
            assertEquals(Math.sqrt(5) * sigma * Math.pow(4, -0.2),
                    Bandwidth.SCOTT.of(Kernel.Form.EPANECHNIKOV, points, null), 1e-9);
            // A weight of 0 takes a point away.
            assertEquals(Bandwidth.SCOTT.of(Kernel.Form.GAUSSIAN, points.rows(0, 3), null),
                    Bandwidth.SCOTT.of(Kernel.Form.GAUSSIAN, points, new double[] {2, 2, 2, 0}), 1e-12);
            assertThrows(IllegalArgumentException.class,
                    () -> Bandwidth.SCOTT.of(Kernel.Form.GAUSSIAN, points.rows(0, 1), null));
        }
    }

    @Test
    void hashingNamesTheKernelsItTakes() {
        Tensor points = KernelDensityTest.mixture(20, 2, 1);
        assertEquals("estimator HASHING takes the kernels GAUSSIAN and EXPONENTIAL, got TOP_HAT",
                assertThrows(IllegalArgumentException.class, () -> KernelDensity.builder()
                        .kernel(new Kernel(Kernel.Form.TOP_HAT, 1)).estimator(Estimator.HASHING)
                        .build(ENGINE, points)).getMessage());
    }
}
