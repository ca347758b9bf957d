package dev.kdeformer.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ReferenceAttentionTest {
    private static final Arena ARENA = Arena.ofAuto();
    private static final double E = Math.E;

    static List<TestInputs.Case> cases() {
        return TestInputs.all(1);
    }

    /** Logits 0, 1, 2 for query 0 and 0, 2, 4 for query 1, written out by hand. */
    private static AttentionInput byHand() {
        Tensor q = Tensor.copyOf(ARENA, Shape.of(2, 1), 1, 2);
        Tensor k = Tensor.copyOf(ARENA, Shape.of(3, 1), 0, 1, 2);
        Tensor v = Tensor.copyOf(ARENA, Shape.of(3, 2), 1, 10, 2, 20, 4, 40);
        return AttentionInput.of(q, k, v);
    }

    private static double mean(double w0, double w1, double w2) {
        return (w0 + 2 * w1 + 4 * w2) / (w0 + w1 + w2);
    }

    @Test
    void matchesTheFormulaByHand() {
        ReferenceAttention result = ReferenceAttention.of(byHand());
        double first = mean(1, E, E * E);
        double second = mean(1, E * E, Math.pow(E, 4));
        assertArrayEquals(new double[] {first, 10 * first, second, 10 * second}, result.output(0, 0), 1e-13);
        assertArrayEquals(new double[] {Math.log(1 + E + E * E), Math.log(1 + E * E + Math.pow(E, 4))},
                result.logSumExp(0, 0), 1e-13);
    }

    @Test
    void masksByHand() {
        ReferenceAttention lower = ReferenceAttention.of(byHand().withMask(Mask.causal()));
        assertEquals(mean(1, E, 0), lower.output(0, 0)[0], 1e-13);
        assertEquals(mean(1, E * E, Math.pow(E, 4)), lower.output(0, 0)[2], 1e-13);
        ReferenceAttention upper = ReferenceAttention.of(byHand().withMask(Mask.causalUpperLeft()));
        assertEquals(1, upper.output(0, 0)[0], 1e-13);
        assertEquals(mean(1, E * E, 0), upper.output(0, 0)[2], 1e-13);
        ReferenceAttention none = ReferenceAttention.of(byHand().withMask(Mask.none().withKeyLengths(0)));
        assertArrayEquals(new double[4], none.output(0, 0));
        assertEquals(Double.NEGATIVE_INFINITY, none.logSumExp(0, 0)[1]);
    }

    @Test
    void biasCountsAKeyWithItsWeight() {
        Tensor bias = Tensor.copyOf(ARENA, Shape.of(1, 3), (float) Math.log(3), Float.NEGATIVE_INFINITY, 0);
        ReferenceAttention result = ReferenceAttention.of(byHand().withKeyBias(bias));
        assertEquals(mean(3, 0, E * E), result.output(0, 0)[0], 1e-7);
        assertEquals(Math.log(3 + E * E), result.logSumExp(0, 0)[0], 1e-7);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void plainFloatAgrees(TestInputs.Case test) {
        AttentionInput input = test.input();
        TestInputs make = TestInputs.of(0);
        Tensor output = make.zeros(input.outputShape());
        Tensor logSumExp = make.zeros(input.outputShape().withColumns(1));
        PlainFloatAttention.apply(input, output, logSumExp);
        ReferenceAttention reference = ReferenceAttention.of(input);
        // A logit of size L is off by about L·2⁻²⁴ for each of its d additions, and so is the logarithm of its weight.
        double tolerance = 2e-5 + TestInputs.largestLogit(input) * 1e-6;
        assertTrue(reference.maxLogSumExpDifference(logSumExp) <= tolerance,
                () -> "log-sum-exp off by " + reference.maxLogSumExpDifference(logSumExp));
        assertTrue(reference.maxDifference(output) <= 4 * tolerance,
                () -> "output off by " + reference.maxDifference(output));
    }

    @Test
    void spectralErrorByHand() {
        ReferenceAttention reference = ReferenceAttention.of(byHand());
        Tensor doubled = TestInputs.of(0).zeros(Shape.of(2, 2));
        for (int i = 0; i < 4; i++) {
            doubled.matrix(0, 0).set(i / 2, i % 2, (float) (2 * reference.output(0, 0)[i]));
        }
        assertEquals(1, reference.spectralError(doubled), 1e-6);
        doubled.matrix(0, 0).set(1, 1, Float.NaN);
        assertTrue(Double.isNaN(reference.spectralError(doubled)));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void stridedMemoryMakesNoDifference(TestInputs.Case test) {
        AttentionInput input = test.input();
        ReferenceAttention plain = ReferenceAttention.of(input);
        ReferenceAttention strided = ReferenceAttention.of(TestInputs.of(0).strided(input));
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                assertArrayEquals(plain.output(b, h), strided.output(b, h));
            }
        }
    }
}
