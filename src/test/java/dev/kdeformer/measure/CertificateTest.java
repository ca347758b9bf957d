package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class CertificateTest {
    private static final double INFINITY = Double.POSITIVE_INFINITY;

    /** The true figures of an approximate output, over all rows. */
    private record Truth(double relative, double meanSquare) {
        static Truth of(ReferenceAttention reference, AttentionInput input, Tensor approximate) {
            double relative = 0;
            double meanSquare = 0;
            for (int b = 0; b < input.batch(); b++) {
                for (int h = 0; h < input.heads(); h++) {
                    double[] exact = reference.output(b, h);
                    float[] values = approximate.matrix(b, h).toArray();
                    double errors = 0;
                    double norms = 0;
                    for (int i = 0; i < exact.length; i++) {
                        errors += (values[i] - exact[i]) * (values[i] - exact[i]);
                        norms += exact[i] * exact[i];
                    }
                    relative += Math.sqrt(ErrorMeasures.ratio(errors, norms));
                    meanSquare += errors / input.queries();
                }
            }
            int heads = input.batch() * input.heads();
            return new Truth(relative / heads, meanSquare / heads);
        }
    }

    static List<TestInputs.Case> cases() {
        return Stream.concat(TestInputs.all(50).stream(), TestInputs.windows(51).stream()).toList();
    }

    private static Certificate certify(int threads, AttentionInput input, Tensor approximate, int rows, long seed) {
        try (Engine engine = Engine.create(threads)) {
            return Certificate.of(engine, input, approximate, rows, seed, 0.95);
        }
    }

    /** The exact output, rounded, with every row moved by a log-normal length in a random direction. */
    private static Tensor disturbed(ReferenceAttention reference, AttentionInput input, double sigma, long seed) {
        Tensor tensor = TestInputs.of(0).zeros(input.outputShape());
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                double[] exact = reference.output(b, h);
                Matrix matrix = tensor.matrix(b, h);
                CounterRandom length = CounterRandom.of(seed).stream(b, h, 0);
                CounterRandom direction = CounterRandom.of(seed).stream(b, h, 1);
                for (int at = 0; at < exact.length; at++) {
                    int i = at / input.dv();
                    double step = 0.05 * (1 + h) * Math.exp(sigma * length.gaussian(i)) * direction.gaussian(at);
                    matrix.set(i, at % input.dv(), (float) (exact[at] + step));
                }
            }
        }
        return tensor;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void allRowsGiveTheTruth(TestInputs.Case test) {
        AttentionInput input = test.input();
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor approximate = disturbed(reference, input, 1, 3);
        Truth truth = Truth.of(reference, input, approximate);
        Certificate certificate = certify(2, input, approximate, Math.max(8, input.queries()), 0);
        assertEquals(input.queries(), certificate.rows());
        double tolerance = 1e-9 * (1 + TestInputs.largestLogit(input));
        assertEquals(truth.relative, certificate.estimate(), tolerance * truth.relative);
        assertEquals(truth.meanSquare, certificate.meanSquare().estimate(), tolerance * truth.meanSquare);
        assertEquals(certificate.estimate(), certificate.low(), 1e-15 * certificate.estimate());
        assertEquals(certificate.estimate(), certificate.high(), 1e-15 * certificate.estimate());
        assertEquals(certificate.meanSquare().estimate(), certificate.bound());
        assertEquals(input.batch() * input.heads(), certificate.heads().size());
    }

    /** Over 1,000 seeds: both intervals and the bound hold the truth often enough, and the estimate has no bias. */
    @ParameterizedTest
    @CsvSource({"0.2, 0.5", "0.8, 1.3"})
    void coversTheTruthOverSeeds(double sigma, double largestWidth) {
        AttentionInput input = TestInputs.of(6).normal(1, 3, 3, 700, 40, 4, 3).withMask(Mask.causalUpperLeft());
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor approximate = disturbed(reference, input, sigma, 8);
        Truth truth = Truth.of(reference, input, approximate);
        int repetitions = 1000;
        int relative = 0;
        int square = 0;
        int bound = 0;
        double sum = 0;
        double squares = 0;
        double width = 0;
        try (Engine engine = Engine.create(1)) {
            for (int seed = 0; seed < repetitions; seed++) {
                Certificate c = Certificate.of(engine, input, approximate, 64, seed, 0.95);
                relative += c.low() <= truth.relative && truth.relative <= c.high() ? 1 : 0;
                square += c.meanSquare().low() <= truth.meanSquare && truth.meanSquare <= c.meanSquare().high() ? 1 : 0;
                bound += truth.meanSquare <= c.bound() ? 1 : 0;
                sum += c.meanSquare().estimate();
                squares += c.meanSquare().estimate() * c.meanSquare().estimate();
                width += (c.high() - c.low()) / truth.relative / repetitions;
            }
        }
        String report = relative + ", " + square + ", " + bound + " of " + repetitions + ", mean width " + width;
        assertTrue(relative >= 930, report);
        assertTrue(square >= 930, report);
        assertTrue(bound >= 930, report);
        assertTrue(width < largestWidth, report);
        double mean = sum / repetitions;
        double deviation = Math.sqrt((squares / repetitions - mean * mean) / repetitions);
        assertEquals(truth.meanSquare, mean, 4 * deviation);
    }

    @Test
    void dependsOnTheSeedAndOnNothingElse() {
        AttentionInput input = TestInputs.of(7).normal(2, 2, 1, 400, 3000, 5, 4);
        Tensor approximate = TestInputs.of(8).tensor(input.outputShape(), 1);
        Certificate one = certify(1, input, approximate, 32, 1);
        assertEquals(one, certify(2, input, approximate, 32, 1));
        assertEquals(one, certify(7, TestInputs.of(0).strided(input), approximate, 32, 1));
        assertNotEquals(one.estimate(), certify(1, input, approximate, 32, 2).estimate());
    }

    @Test
    void theMeanOverHeadsIsThatOfTheHeads() {
        AttentionInput input = TestInputs.of(9).normal(2, 2, 2, 300, 50, 5, 4);
        Tensor approximate = TestInputs.of(8).tensor(input.outputShape(), 0.3);
        Certificate certificate = certify(1, input, approximate, 40, 1);
        double sum = 0;
        for (Interval head : certificate.heads()) {
            assertTrue(head.low() < head.estimate() && head.estimate() < head.high());
            sum += head.estimate();
        }
        assertEquals(sum / 4, certificate.estimate(), 1e-12);
        assertTrue(certificate.high() - certificate.low()
                < certificate.heads().get(0).high() - certificate.heads().get(0).low());
        assertTrue(certificate.low() < certificate.estimate() && certificate.estimate() < certificate.high());
    }

    /** All errors in one row that the sample misses: the interval is short, the bound is not. */
    @Test
    void theBoundHoldsForOneBadRow() {
        AttentionInput input = TestInputs.of(10).normal(1, 1, 1, 2000, 30, 4, 4);
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor approximate = disturbed(reference, input, 0, 1);
        for (int c = 0; c < 4; c++) {
            approximate.matrix(0, 0).set(77, c, 200);
        }
        Truth truth = Truth.of(reference, input, approximate);
        Certificate certificate = certify(1, input, approximate, 64, 5);
        assertTrue(certificate.meanSquare().high() < truth.meanSquare);
        assertTrue(certificate.bound() > truth.meanSquare);
    }

    @Test
    void zeroErrorsInTheSampleLeaveTheUpperEndToTheBound() {
        Tensor value = TestInputs.of(1).tensor(Shape.of(1, 3), 1);
        AttentionInput input = AttentionInput.of(TestInputs.of(2).tensor(Shape.of(500, 2), 1),
                TestInputs.of(3).tensor(Shape.of(1, 2), 1), value);
        Tensor approximate = TestInputs.of(0).zeros(Shape.of(500, 3));
        for (int i = 0; i < 500; i++) {
            for (int c = 0; c < 3; c++) {
                approximate.matrix(0, 0).set(i, c, value.matrix(0, 0).get(0, c));
            }
        }
        assertEquals(0, certify(1, input, approximate, 20, 1).high(), "a single value leaves nothing to be wrong");
        approximate.matrix(0, 0).set(311, 0, 100);
        Certificate certificate = certify(1, input, approximate, 20, 1);
        assertEquals(0, certificate.estimate());
        assertEquals(0, certificate.low());
        assertTrue(certificate.high() > 1);
    }

    @Test
    void rowsThatSeeNothingAreExactlyZero() {
        AttentionInput input = TestInputs.of(1).normal(2, 1, 1, 40, 30, 3, 2).withMask(Mask.none().withKeyLengths(0,
                0));
        Tensor zeros = TestInputs.of(0).zeros(input.outputShape());
        Interval none = new Interval(0, 0, 0);
        assertEquals(none, certify(1, input, zeros, 10, 1).relative());
        zeros.matrix(1, 0).set(3, 0, 1);
        Certificate certificate = certify(1, input, zeros, 40, 1);
        assertEquals(none, certificate.heads().get(0));
        assertEquals(INFINITY, certificate.estimate());
        assertEquals(0.5 / 40, certificate.meanSquare().estimate(), 1e-15);
    }

    @Test
    void anOutputThatIsNotFiniteIsInfinitelyWrong() {
        AttentionInput input = TestInputs.of(1).normal(1, 2, 2, 400, 30, 3, 2);
        Tensor output = TestInputs.of(0).zeros(input.outputShape());
        output.matrix(0, 1).set(399, 1, Float.NaN);
        Certificate certificate = certify(1, input, output, 10, 1);
        assertEquals(INFINITY, certificate.low());
        assertEquals(INFINITY, certificate.meanSquare().estimate());
        assertEquals(INFINITY, certificate.bound());
    }

    @Test
    void rejectsWhatCannotBeCertified() {
        AttentionInput input = TestInputs.of(1).normal(1, 2, 2, 40, 30, 3, 2);
        Tensor output = TestInputs.of(0).zeros(input.outputShape());
        assertThrows(IllegalArgumentException.class, () -> certify(1, input, output, 7, 1));
        assertThrows(IllegalArgumentException.class,
                () -> certify(1, input, TestInputs.of(0).zeros(Shape.of(1, 2, 40, 3)), 10, 1));
        try (Engine engine = Engine.create(1)) {
            for (double confidence : new double[] {0, 1, -1, Double.NaN}) {
                assertThrows(IllegalArgumentException.class,
                        () -> Certificate.of(engine, input, output, 10, 1, confidence));
            }
        }
        for (Tensor tensor : List.of(input.key(), input.value())) {
            float kept = tensor.matrix(0, 1).get(20, 1);
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                tensor.matrix(0, 1).set(20, 1, bad);
                assertThrows(IllegalArgumentException.class, () -> certify(1, input, output, 40, 1));
            }
            tensor.matrix(0, 1).set(20, 1, kept);
        }
        Tensor closed;
        try (Arena arena = Arena.ofConfined()) {
            closed = Tensor.allocate(arena, input.outputShape());
        }
        assertThrows(IllegalStateException.class, () -> certify(1, input, closed, 10, 1));
    }
}
