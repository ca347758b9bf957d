package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Gradients of approximate methods beside sinks, and by sinks. */
class SinkGradientTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(51);
    private final SplittableRandom random = new SplittableRandom(29);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private Mask mask(int batch, int n, int m) {
        Mask mask = List.of(Mask.none(), Mask.causal(), Mask.causalUpperLeft()).get(random.nextInt(3));
        return switch (random.nextInt(4)) {
            case 0 -> mask.withSequences(random.ints(4, 0, n + 1).sorted().toArray(),
                    random.ints(4, 0, m + 1).sorted().toArray());
            case 1 -> mask.withKeyLengths(random.ints(batch, 0, m + 1).toArray());
            case 2 -> mask.withQueryLengths(random.ints(batch, 0, n + 1).toArray());
            default -> mask;
        };
    }

    /** Keys with a large common part and without. */
    private AttentionInput random(int most) {
        int batch = 1 + random.nextInt(2);
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(2));
        int n = 1 + random.nextInt(most);
        int m = 1 + random.nextInt(most);
        AttentionInput input = make.normal(batch, heads, kvHeads, n, m, 1 + random.nextInt(4), 1 + random.nextInt(4));
        boolean common = random.nextBoolean();
        if (common) {
            input = TestInputs.offsetKeys(input, 5);
        }
        float[] sinks = new float[heads];
        for (int h = 0; h < heads; h++) {
            sinks[h] = random.nextInt(5) == 0 ? Float.NEGATIVE_INFINITY
                    : (float) ((common ? 8 : 3) + 2 * random.nextGaussian());
        }
        return input.withMask(mask(batch, n, m)).withSinks(sinks);
    }

    @Test
    void exactEffortsAreThoseOfTheReference() {
        List<DifferentiableMethod> methods = List.of(Attention.kdeformer().blockSize(256).samples(64).build(),
                Attention.hyper().build(), Attention.pilot().near(320).build());
        for (int i = 0; i < 24; i++) {
            AttentionInput input = random(i % 2 == 0 ? 20 : 200);
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
            for (DifferentiableMethod method : methods) {
                GradientChecking.run(ENGINE, method, input, outputGradient).assertClose(exact, 3e-4,
                        method.name() + ": " + input.mask());
            }
        }
    }

    @Test
    void hostileSinksLeaveNothingOrAll() {
        AttentionInput input = make.normal(1, 3, 1, 90, 130, 4, 3).withSinks(1e30f, -1e30f, 400);
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        for (Mask mask : List.of(Mask.none(), Mask.causal())) {
            AttentionInput masked = input.withMask(mask);
            ReferenceGradient reference = mask.isCausal() ? ReferenceGradient.of(masked, outputGradient) : exact;
            for (DifferentiableMethod method : List.of(Attention.kdeformer().blockSize(64).samples(70).build(),
                    Attention.pilot().near(140).build())) {
                GradientChecking.run(ENGINE, method, masked, outputGradient).assertClose(reference, 3e-4,
                        method.name());
            }
        }
    }

    @Test
    void gradientsAreThoseOfTheFixedFunction() {
        for (int i = 0; i < 10; i++) {
            AttentionInput input = random(i == 0 ? 90 : 45);
            Tensor outputGradient = make.tensor(input.outputShape(), 1);
            for (DifferentiableMethod method : List.of(Attention.kdeformer().blockSize(8).samples(9).build(),
                    Attention.hyper().blockSize(7).samples(5).minLength(20).build(),
                    Attention.pilot().near(8).build())) {
                GradientChecking.assertFollows(ENGINE, method, input, outputGradient, 2e-4);
                bySinks(method, input, outputGradient);
            }
        }
    }

    /** Compares the gradient by sinks with differences of the fixed function. */
    private void bySinks(DifferentiableMethod method, AttentionInput input, Tensor outputGradient) {
        GradientChecking found = GradientChecking.run(ENGINE, method, input, outputGradient);
        float[] gradient = new float[input.heads()];
        InputGradients others = InputGradients.allocate(Arena.ofAuto(), input);
        method.gradient().apply(ENGINE, input, found.output(), found.sums(), outputGradient, others,
                BiasGradients.none().withSinks(gradient));
        assertArrayEquals(found.query().toArray(), others.dQuery().toArray());
        float step = 0x1p-8f;
        for (int h = 0; h < input.heads(); h++) {
            double difference = (loss(method, input, outputGradient, h, step)
                    - loss(method, input, outputGradient, h, -step)) / (2 * step);
            assertEquals(difference, gradient[h], 1e-3 * Math.max(1, Math.abs(difference)), method.name());
        }
    }

    private static double loss(DifferentiableMethod method, AttentionInput input, Tensor outputGradient, int head,
            float step) {
        float[] sinks = new float[input.heads()];
        for (int h = 0; h < sinks.length; h++) {
            sinks[h] = input.sink(h) + (h == head ? step : 0);
        }
        double[][] q = GradientChecking.doubles(input.query());
        double[][] k = GradientChecking.doubles(input.key());
        double[][] v = GradientChecking.doubles(input.value());
        double[][] weights = GradientChecking.doubles(outputGradient);
        double sum = 0;
        for (int unit = 0; unit < k.length; unit++) {
            double[][] outputs = method.gradient().fixed(ENGINE, input.withSinks(sinks)).outputs(unit, q, k, v);
            for (int member = 0; member < outputs.length; member++) {
                for (int i = 0; i < outputs[member].length; i++) {
                    sum += outputs[member][i] * weights[unit * outputs.length + member][i];
                }
            }
        }
        return sum;
    }

    @Test
    void gradientsByOtherBiasesAreRefused() {
        AttentionInput input = make.normal(1, 1, 1, 5, 7, 4, 3);
        GradientChecking found = GradientChecking.run(ENGINE, Attention.pilot().build(), input,
                make.zeros(input.outputShape()));
        assertEquals("this gradient has no gradient by a bias per pair; that of exact attention has",
                assertThrows(IllegalArgumentException.class, () -> Attention.pilot().build().gradient().apply(ENGINE,
                        input, found.output(), found.sums(), make.zeros(input.outputShape()),
                        InputGradients.allocate(Arena.ofAuto(), input), BiasGradients.none().withPairs(make.zeros(
                                Shape.of(5, 7))))).getMessage());
    }
}
