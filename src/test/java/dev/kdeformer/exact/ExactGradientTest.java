package dev.kdeformer.exact;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ExactGradientTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(5);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** The tensors of one backward call. */
    private record Gradients(Tensor output, Tensor sums, Tensor query, Tensor key, Tensor value) {
    }

    private Gradients apply(Engine engine, AttentionInput input, Tensor outputGradient) {
        Gradients g = new Gradients(make.zeros(input.outputShape()), make.zeros(input.outputShape().withColumns(1)),
                make.tensor(input.query().shape(), 9), make.tensor(input.key().shape(), 9),
                make.tensor(input.value().shape(), 9));
        Attention.exact().build().apply(engine, input, g.output, g.sums);
        Attention.exactGradient().build().apply(engine, input, g.output, g.sums, outputGradient,
                new InputGradients(g.query, g.key, g.value));
        return g;
    }

    static List<TestInputs.Case> cases() {
        // Where one key has all the weight, gradients are zeros, and an error relative to them means nothing.
        Stream<TestInputs.Case> windows = TestInputs.windows(12).stream()
                .filter(each -> !each.name().startsWith("steep"));
        return Stream.concat(TestInputs.all(11).stream(), windows).toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isCloseToTheReference(TestInputs.Case each) {
        AttentionInput input = each.input();
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        Gradients g = apply(ENGINE, input, outputGradient);
        // Logits and log-sum-exps are rounded in proportion to their size, and weights follow.
        double tolerance = 2e-5 + 1e-6 * TestInputs.largestLogit(input);
        assertEquals(0, ReferenceGradient.error(g.query, exact.query()), tolerance, "dQuery");
        assertEquals(0, ReferenceGradient.error(g.key, exact.key()), tolerance, "dKey");
        assertEquals(0, ReferenceGradient.error(g.value, exact.value()), tolerance, "dValue");
    }

    @Test
    void followsFiniteDifferences() {
        AttentionInput input = make.normal(2, 4, 2, 9, 13, 5, 3).withMask(Mask.causal().withKeyLengths(13, 11))
                .withKeyBias(make.bias(Shape.of(1, 2, 1, 13)));
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        Gradients g = apply(ENGINE, input, outputGradient);
        differences(exact, exact.queries(), exact.query(), g.query);
        differences(exact, exact.keys(), exact.key(), g.key);
        differences(exact, exact.values(), exact.value(), g.value);
    }

    @Test
    void theFixedFunctionIsTheMethodItself() {
        AttentionInput input = make.normal(2, 4, 2, 9, 13, 3, 2).withMask(Mask.causal().withKeyLengths(13, 11))
                .withKeyBias(make.hiding(Shape.of(1, 2, 1, 13), 2, 5));
        GradientChecking.assertFollows(ENGINE, Attention.exact().build(), input, make.tensor(input.outputShape(), 1),
                1e-5);
    }

    private static void differences(ReferenceGradient reference, double[][] elements, double[][] analytic, Tensor x) {
        double step = 1e-5;
        double[][] differences = new double[elements.length][];
        double error = 0;
        double norm = 0;
        for (int h = 0; h < elements.length; h++) {
            differences[h] = new double[elements[h].length];
            for (int i = 0; i < elements[h].length; i++) {
                double value = elements[h][i];
                elements[h][i] = value + step;
                double above = reference.loss();
                elements[h][i] = value - step;
                double below = reference.loss();
                elements[h][i] = value;
                differences[h][i] = (above - below) / (2 * step);
                error += Math.pow(differences[h][i] - analytic[h][i], 2);
                norm += analytic[h][i] * analytic[h][i];
            }
        }
        assertTrue(Math.sqrt(error / norm) <= 1e-5, "double precision: " + Math.sqrt(error / norm));
        double single = ReferenceGradient.error(x, differences);
        assertTrue(single <= 1e-3, () -> "float32: " + single);
    }

    @Test
    void manyBlocksPhasesAndShares() {
        for (Mask mask : List.of(Mask.none(), Mask.causal(), Mask.causalUpperLeft())) {
            AttentionInput input = make.normal(1, 1, 1, 9800, 430, 6, 5).withMask(mask);
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
            Gradients g = apply(ENGINE, input, outputGradient);
            assertEquals(0, ReferenceGradient.error(g.query, exact.query()), 2e-5);
            assertEquals(0, ReferenceGradient.error(g.key, exact.key()), 2e-5);
            assertEquals(0, ReferenceGradient.error(g.value, exact.value()), 2e-5);
        }
    }

    @Test
    void featuresBeyondOneBlockAreSummed() {
        AttentionInput input = make.normal(1, 1, 1, 33, 140, 601, 530);
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        Gradients g = apply(ENGINE, input, outputGradient);
        assertEquals(0, ReferenceGradient.error(g.query, exact.query()), 2e-5);
        assertEquals(0, ReferenceGradient.error(g.key, exact.key()), 2e-5);
        assertEquals(0, ReferenceGradient.error(g.value, exact.value()), 2e-5);
    }

    @Test
    void stridedGradientsAreWritten() {
        AttentionInput input = make.normal(2, 2, 2, 21, 34, 5, 6);
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        Gradients g = apply(ENGINE, input, outputGradient);
        Tensor query = make.strided(input.query());
        Tensor key = make.strided(input.key());
        Tensor value = make.strided(input.value());
        Attention.exactGradient().build().apply(ENGINE, input, g.output, g.sums, make.strided(outputGradient),
                new InputGradients(query, key, value));
        assertArrayEquals(g.query.toArray(), query.toArray());
        assertArrayEquals(g.key.toArray(), key.toArray());
        assertArrayEquals(g.value.toArray(), value.toArray());
    }

    @Test
    void whatIsHiddenGetsZeros() {
        // Upper left with n > m shows all keys to late queries; lower right hides all keys from the first ones.
        AttentionInput input = make.normal(1, 2, 1, 150, 100, 4, 3).withMask(Mask.causal().withKeyLengths(70));
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        Gradients g = apply(ENGINE, input, outputGradient);
        for (int h = 0; h < 2; h++) {
            assertArrayEquals(new float[50 * 4], g.query.rows(0, 50).matrix(0, h).toArray());
        }
        assertArrayEquals(new float[30 * 4], g.key.rows(70, 30).matrix(0, 0).toArray());
        assertArrayEquals(new float[30 * 3], g.value.rows(70, 30).matrix(0, 0).toArray());
        AttentionInput nothing = make.normal(1, 1, 1, 5, 6, 3, 3).withMask(Mask.none().withKeyLengths(0));
        Gradients zero = apply(ENGINE, nothing, make.tensor(nothing.outputShape(), 1));
        assertArrayEquals(new float[15], zero.query.toArray());
        assertArrayEquals(new float[18], zero.key.toArray());
        assertArrayEquals(new float[18], zero.value.toArray());
    }

    @Test
    void bitsDoNotDependOnThreads() {
        for (AttentionInput input : List.of(make.normal(1, 1, 1, 1000, 700, 20, 30),
                make.normal(2, 6, 3, 130, 400, 16, 16).withMask(Mask.causal()))) {
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            Gradients first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Gradients g = apply(engine, input, outputGradient);
                    if (first != null) {
                        assertArrayEquals(first.query.toArray(), g.query.toArray(), threads + " threads");
                        assertArrayEquals(first.key.toArray(), g.key.toArray(), threads + " threads");
                        assertArrayEquals(first.value.toArray(), g.value.toArray(), threads + " threads");
                    }
                    first = g;
                }
            }
        }
    }

    @Test
    void badArgumentsAreNamed() {
        AttentionInput input = make.normal(1, 1, 1, 4, 6, 3, 2);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Tensor gradient = make.zeros(input.outputShape());
        Tensor dq = make.tensor(Shape.of(4, 3), 1);
        Tensor dk = make.tensor(Shape.of(6, 3), 1);
        Tensor dv = make.tensor(Shape.of(6, 2), 1);
        InputGradients all = new InputGradients(dq, dk, dv);
        float[] before = dq.toArray();
        refused("dKey must have shape (1, 1, 6, 3)", input, output, sums, gradient, new InputGradients(dq, dq, dv));
        refused("dQuery must not overlap query", input, output, sums, gradient,
                new InputGradients(input.query(), dk, dv));
        refused("dValue must not overlap outputGradient", input, output, sums,
                Tensor.of(dv.segment(), gradient.shape()), all);
        sums.matrix(0, 0).set(2, 0, Float.NaN);
        refused("logSumExp must be finite or -Infinity, got NaN", input, output, sums, gradient, all);
        sums.matrix(0, 0).set(2, 0, 0);
        gradient.matrix(0, 0).set(1, 1, Float.POSITIVE_INFINITY);
        refused("outputGradient must be finite", input, output, sums, gradient, all);
        gradient.matrix(0, 0).set(1, 1, 1e37f);
        refused("gradients may exceed what float32 holds", input, output, sums, gradient, all);
        assertArrayEquals(before, dq.toArray());
    }

    private void refused(String words, AttentionInput input, Tensor output, Tensor sums, Tensor gradient,
            InputGradients into) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> Attention.exactGradient()
                .build().apply(ENGINE, input, output, sums, gradient, into));
        assertTrue(e.getMessage().contains(words), e.getMessage());
    }
}
