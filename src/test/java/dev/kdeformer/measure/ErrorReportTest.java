package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Engine;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErrorReportTest {
    private static final double INFINITY = Double.POSITIVE_INFINITY;

    private static ErrorReport measure(int threads, Tensor approximate, Tensor exact) {
        try (Engine engine = Engine.create(threads)) {
            return ErrorReport.of(engine, approximate, exact);
        }
    }

    private static Tensor tensor(Shape shape, float... values) {
        return Tensor.copyOf(Arena.ofAuto(), shape, values);
    }

    private static void assertMeasures(ErrorMeasures expected, ErrorMeasures actual) {
        assertEquals(expected.spectral(), actual.spectral(), 1e-11 * expected.spectral());
        assertEquals(expected.spectralCentred(), actual.spectralCentred(), 1e-11 * expected.spectralCentred());
        assertEquals(expected.frobeniusCentred(), actual.frobeniusCentred(), 1e-11 * expected.frobeniusCentred());
        assertEquals(expected.maxRow(), actual.maxRow(), 1e-11 * expected.maxRow());
        assertEquals(expected.row50(), actual.row50(), 1e-11 * expected.row50());
        assertEquals(expected.row99(), actual.row99(), 1e-11 * expected.row99());
        assertEquals(expected.row999(), actual.row999(), 1e-11 * expected.row999());
    }

    /** The largest singular value by one-sided Jacobi rotations of the columns (Hestenes 1958). */
    private static double operatorNorm(double[][] rows) {
        int columns = rows[0].length;
        double[][] a = new double[columns][rows.length];
        for (int c = 0; c < columns; c++) {
            for (int r = 0; r < rows.length; r++) {
                a[c][r] = rows[r][c];
            }
        }
        for (int sweep = 0; sweep < 30; sweep++) {
            for (int p = 0; p < columns; p++) {
                for (int q = p + 1; q < columns; q++) {
                    double apq = dot(a[p], a[q]);
                    if (apq == 0) {
                        continue;
                    }
                    double zeta = (dot(a[q], a[q]) - dot(a[p], a[p])) / (2 * apq);
                    double t = Math.signum(zeta == 0 ? 1 : zeta) / (Math.abs(zeta) + Math.hypot(1, zeta));
                    double cos = 1 / Math.hypot(1, t);
                    for (int r = 0; r < rows.length; r++) {
                        double x = a[p][r];
                        a[p][r] = cos * (x - t * a[q][r]);
                        a[q][r] = cos * (t * x + a[q][r]);
                    }
                }
            }
        }
        double max = 0;
        for (double[] column : a) {
            max = Math.max(max, Math.sqrt(dot(column, column)));
        }
        return max;
    }

    private static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += x[i] * y[i];
        }
        return sum;
    }

    /** The definitions, written out. */
    private static ErrorMeasures byDefinition(Tensor approximate, Tensor exact, int b, int h) {
        int n = exact.shape().rows();
        int columns = exact.shape().columns();
        double[][] o = new double[n][columns];
        double[][] difference = new double[n][columns];
        double[][] centred = new double[n][columns];
        double[] mean = new double[columns];
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < columns; c++) {
                o[i][c] = exact.matrix(b, h).get(i, c);
                difference[i][c] = approximate.matrix(b, h).get(i, c) - o[i][c];
                mean[c] += o[i][c] / n;
            }
        }
        double errors = 0;
        double spread = 0;
        double[] lengths = new double[n];
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < columns; c++) {
                centred[i][c] = o[i][c] - mean[c];
            }
            errors += dot(difference[i], difference[i]);
            spread += dot(centred[i], centred[i]);
            lengths[i] = Math.sqrt(dot(difference[i], difference[i]));
        }
        double unit = Math.sqrt(spread / n);
        double norm = operatorNorm(difference);
        return new ErrorMeasures(norm / operatorNorm(o), norm / operatorNorm(centred), Math.sqrt(errors / spread),
                percentile(lengths, 1000) / unit, percentile(lengths, 500) / unit, percentile(lengths, 990) / unit,
                percentile(lengths, 999) / unit);
    }

    /** The least length that so many in a thousand do not exceed, found by counting. */
    private static double percentile(double[] lengths, int inThousand) {
        return Arrays.stream(lengths).filter(least ->
                1000L * Arrays.stream(lengths).filter(length -> length <= least).count()
                        >= (long) inThousand * lengths.length).min().orElseThrow();
    }

    @ParameterizedTest
    @CsvSource({"2, 1", "3, 5", "7, 7", "61, 13", "700, 17", "5003, 3"})
    void followsTheDefinitions(int n, int columns) {
        TestInputs make = TestInputs.of(n);
        Shape shape = Shape.of(2, 3, n, columns);
        Tensor exact = make.tensor(shape, 2);
        Tensor approximate = make.tensor(shape, 2);
        ErrorReport report = measure(2, approximate, exact);
        assertEquals(6, report.each().size());
        double sum = 0;
        double max = 0;
        for (int b = 0; b < 2; b++) {
            for (int h = 0; h < 3; h++) {
                ErrorMeasures expected = byDefinition(approximate, exact, b, h);
                assertMeasures(expected, report.head(b, h));
                sum += expected.spectralCentred();
                max = Math.max(max, expected.maxRow());
            }
        }
        assertEquals(sum / 6, report.mean().spectralCentred(), 1e-11);
        assertEquals(max, report.max().maxRow(), 1e-11 * max);
    }

    /** O = [[3, 0], [0, 4], [3, 4]] against itself with 1 added to an element. */
    @Test
    void followsAnExampleByHand() {
        Shape shape = Shape.of(3, 2);
        Tensor exact = tensor(shape, 3, 0, 0, 4, 3, 4);
        Tensor approximate = tensor(shape, 3, 0, 1, 4, 3, 4);
        // OᵀO = [[18, 12], [12, 32]] and CᵀC = [[6, −4], [−4, 32/3]].
        double norm = Math.sqrt(25 + Math.sqrt(49 + 144));
        double centred = Math.sqrt(25.0 / 3 + Math.sqrt(49.0 / 9 + 16));
        double spread = Math.sqrt(6 + 32.0 / 3);
        assertMeasures(new ErrorMeasures(1 / norm, 1 / centred, 1 / spread, Math.sqrt(3) / spread, 0,
                        Math.sqrt(3) / spread, Math.sqrt(3) / spread),
                measure(1, approximate, exact).head(0, 0));
    }

    @Test
    void anOutputEqualToTheExactOneHasNoError() {
        Tensor exact = TestInputs.of(3).tensor(Shape.of(1, 2, 300, 5), 1);
        assertEquals(ErrorMeasures.NONE, measure(1, exact, exact).max());
    }

    @Test
    void theMeanRowAloneIsNoGoodByTheCentredMeasures() {
        Shape shape = Shape.of(400, 6);
        Tensor exact = TestInputs.of(4).tensor(shape, 0.01);
        Tensor mean = TestInputs.of(0).zeros(shape);
        for (int c = 0; c < 6; c++) {
            double sum = 0;
            for (int i = 0; i < 400; i++) {
                exact.matrix(0, 0).set(i, c, exact.matrix(0, 0).get(i, c) + 5);
                sum += exact.matrix(0, 0).get(i, c);
            }
            for (int i = 0; i < 400; i++) {
                mean.matrix(0, 0).set(i, c, (float) (sum / 400));
            }
        }
        ErrorMeasures errors = measure(1, mean, exact).head(0, 0);
        assertTrue(errors.spectral() < 0.002, errors::toString);
        assertEquals(1, errors.spectralCentred(), 1e-3);
        assertEquals(1, errors.frobeniusCentred(), 1e-3);
        assertTrue(errors.maxRow() > 1, errors::toString);
    }

    /** 0.1 is no sum of powers of two, so a mean by plain summation would leave a spread of rounding errors. */
    @Test
    void divisorsOfZeroGiveZeroOrInfinity() {
        Shape shape = Shape.of(1000, 3);
        float[] rows = new float[3000];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = 0.1f + i % 3;
        }
        Tensor equal = tensor(shape, rows);
        rows[7] += 1;
        Tensor other = tensor(shape, rows);
        Tensor zeros = tensor(shape, new float[3000]);
        assertEquals(ErrorMeasures.NONE, measure(1, equal, equal).max());
        assertEquals(ErrorMeasures.NONE, measure(1, zeros, zeros).max());
        ErrorMeasures errors = measure(1, other, equal).max();
        assertTrue(errors.spectral() > 0 && errors.spectral() < 1);
        assertEquals(INFINITY, errors.spectralCentred());
        assertEquals(INFINITY, errors.frobeniusCentred());
        assertEquals(INFINITY, errors.maxRow());
        assertEquals(ErrorMeasures.INFINITE, measure(1, equal, zeros).max());
    }

    @Test
    void anOutputThatIsNotFiniteHasInfiniteErrors() {
        Shape shape = Shape.of(1, 2, 300, 3);
        Tensor exact = TestInputs.of(9).tensor(shape, 1);
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            Tensor approximate = tensor(shape, exact.toArray());
            approximate.matrix(0, 1).set(123, 1, bad);
            ErrorReport report = measure(1, approximate, exact);
            assertEquals(ErrorMeasures.NONE, report.head(0, 0));
            assertEquals(ErrorMeasures.INFINITE, report.head(0, 1));
            assertEquals(INFINITY, report.mean().maxRow());
            assertThrows(IllegalArgumentException.class, () -> measure(1, exact, approximate));
        }
    }

    @Test
    void takesLargestAndSmallestFloats() {
        for (float size : new float[] {Float.MAX_VALUE, Float.MIN_NORMAL / 1000}) {
            Tensor exact = tensor(Shape.of(2, 2), size, 0, 0, size);
            Tensor approximate = tensor(Shape.of(2, 2), size, 0, 0, size / 2);
            assertEquals(0.5, measure(1, approximate, exact).max().spectral(), 1e-3);
        }
    }

    @Test
    void doesNotDependOnThreadsOrStrides() {
        Shape shape = Shape.of(2, 2, 5003, 11);
        TestInputs make = TestInputs.of(17);
        Tensor exact = make.tensor(shape, 1);
        Tensor approximate = make.tensor(shape, 1);
        ErrorReport one = measure(1, approximate, exact);
        assertEquals(one, measure(2, approximate, exact));
        assertEquals(one, measure(7, approximate, exact));
        assertEquals(one, measure(3, make.strided(approximate), make.strided(exact)));
    }

    @Test
    void rejectsWhatCannotBeCompared() {
        Tensor a = TestInputs.of(1).zeros(Shape.of(1, 1, 3, 4));
        Tensor b = TestInputs.of(1).zeros(Shape.of(1, 1, 4, 3));
        assertThrows(IllegalArgumentException.class, () -> measure(1, a, b));
        assertThrows(NullPointerException.class, () -> measure(1, null, b));
        assertThrows(IllegalArgumentException.class, () -> new ErrorReport(2, 2, List.of(ErrorMeasures.NONE)));
        assertThrows(IllegalArgumentException.class, () -> ErrorMeasures.max(List.of()));
        Tensor closed;
        try (Arena arena = Arena.ofConfined()) {
            closed = Tensor.allocate(arena, Shape.of(1, 1, 3, 4));
        }
        assertThrows(IllegalStateException.class, () -> measure(1, a, closed));
    }
}
