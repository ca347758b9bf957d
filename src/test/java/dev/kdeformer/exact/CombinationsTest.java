package dev.kdeformer.exact;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.measure.ExactSample;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random combinations of masks, biases, soft caps and sinks, against double precision. */
class CombinationsTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(77);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<TestInputs.Case> cases() {
        return TestInputs.combinations(4, 150);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void outputsAndGradientsAreThoseOfTheReference(TestInputs.Case each) {
        AttentionInput input = each.input();
        ReferenceAttention reference = ReferenceAttention.of(input);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, input, output, sums);
        assertTrue(reference.maxDifference(output) <= 2e-5, () -> "output off by " + reference.maxDifference(output));
        assertTrue(reference.maxLogSumExpDifference(sums) <= 2e-5,
                () -> "log-sum-exp off by " + reference.maxLogSumExpDifference(sums));

        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        Tensor dQuery = make.tensor(input.query().shape(), 9);
        Tensor dKey = make.tensor(input.key().shape(), 9);
        Tensor dValue = make.tensor(input.value().shape(), 9);
        Attention.exactGradient().build().apply(ENGINE, input, output, sums, outputGradient, new InputGradients(dQuery,
                dKey, dValue));
        // Where few weights are neither 0 nor 1 gradients are small, and what remains is rounding of larger terms.
        assertEquals(0, ReferenceGradient.error(dValue, exact.value()), 1e-4, "dValue");
        assertEquals(0, difference(dQuery, exact.query()), 2e-4, "dQuery");
        assertEquals(0, difference(dKey, exact.key()), 2e-3, "dKey");

        try (Arena arena = Arena.ofShared()) {
            ExactSample sample = ExactSample.of(ENGINE, arena, input, 50, 3);
            for (int b = 0; b < input.batch(); b++) {
                for (int h = 0; h < input.heads(); h++) {
                    int[] places = sample.places(b, h);
                    for (int i = 0; i < places.length; i++) {
                        for (int c = 0; c < input.dv(); c++) {
                            assertEquals(reference.output(b, h)[places[i] * input.dv() + c],
                                    sample.exact().matrix(b, h).get(i, c), 1e-6);
                        }
                    }
                }
            }
        }
    }

    private static double difference(Tensor x, double[][] exact) {
        double largest = 0;
        for (int h = 0; h < exact.length; h++) {
            float[] values = x.matrix(h / x.shape().heads(), h % x.shape().heads()).toArray();
            for (int i = 0; i < values.length; i++) {
                largest = Math.max(largest, Math.abs(values[i] - exact[h][i]));
            }
        }
        return largest;
    }

    @Test
    void bitsDoNotDependOnThreads() {
        for (TestInputs.Case each : TestInputs.combinations(9, 40)) {
            AttentionInput input = each.input();
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(input.outputShape());
                    Attention.exact().build().apply(engine, input, output);
                    if (first != null) {
                        assertArrayEquals(first, output.toArray(), each + " at " + threads + " threads");
                    }
                    first = output.toArray();
                }
            }
        }
    }

    @Test
    void theFixedFunctionIsTheMethodItself() {
        for (int kind = 0; kind < 4; kind++) {
            AttentionInput input = make.normal(1, 4, 2, 9, 12, 3, 2).withMask(Mask.window(7, 4)).withSoftCap(2)
                    .withSinks(0, 1, -1, Float.NEGATIVE_INFINITY).withPairBias(make.pairBias(kind, 1, 4, 9, 12));
            GradientChecking.assertFollows(ENGINE, Attention.exact().build(), input,
                    make.tensor(input.outputShape(), 1), 1e-5);
        }
    }

    @Test
    void linearBiasesOverLongRows() {
        AttentionInput input = make.normal(1, 6, 6, 1300, 1300, 8, 8);
        float[] slopes = {0.003f, 0.3f, 3, 700, -0.05f, -0.3f};
        for (Mask mask : List.of(Mask.none(), Mask.causal(), Mask.causalUpperLeft().withWindow(300),
                Mask.window(500, 100), Mask.none().withSequences(0, 200, 900, 1300))) {
            AttentionInput biased = input.withMask(mask).withPairBias(PairBias.alibi(0, slopes));
            ReferenceAttention reference = ReferenceAttention.of(biased);
            float[] first = null;
            for (int threads : new int[] {1, 2, 7}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(biased.outputShape());
                    Attention.exact().build().apply(engine, biased, output);
                    assertEquals(0, reference.maxDifference(output), 5e-5, mask::toString);
                    if (first != null) {
                        assertArrayEquals(first, output.toArray(), mask + " at " + threads + " threads");
                    }
                    first = output.toArray();
                }
            }
        }
    }

    @Test
    void biasesAreThoseOfTheirPieces() {
        for (int kind = 1; kind < 4; kind++) {
            for (int[] s : new int[][] {{130, 1100}, {1100, 130}, {97, 720}, {200, 768}, {3, 2001}}) {
                PairBias bias = make.pairBias(kind, 2, 4, s[0], s[1]);
                AttentionInput input = make.normal(2, 4, 2, s[0], s[1], 8, 5);
                Tensor output = make.zeros(input.outputShape());
                Attention.exact().build().apply(ENGINE, input.withPairBias(bias), output);
                Tensor pieces = make.zeros(input.outputShape());
                Attention.exact().build().apply(ENGINE, input.withPairBias(bias::fill), pieces);
                assertArrayEquals(pieces.toArray(), output.toArray(), kind + " of " + s[0] + " by " + s[1]);
            }
        }
    }

    @Test
    void packedSequencesAreThoseSequences() {
        int[] starts = {0, 130, 130, 131, 400};
        AttentionInput all = make.normal(1, 2, 1, 400, 400, 16, 8);
        for (Mask mask : List.of(Mask.none(), Mask.causal(), Mask.causal().withWindow(20), Mask.window(3, 9))) {
            Tensor packed = make.zeros(all.outputShape());
            Attention.exact().build().apply(ENGINE, all.withMask(mask.withSequences(starts)), packed);
            for (int s = 0; s + 1 < starts.length; s++) {
                int length = starts[s + 1] - starts[s];
                if (length > 0) {
                    AttentionInput one = AttentionInput.of(all.query().rows(starts[s], length),
                            all.key().rows(starts[s], length), all.value().rows(starts[s], length)).withMask(mask);
                    assertEquals(0, ReferenceAttention.of(one).maxDifference(packed.rows(starts[s], length)), 1e-5);
                }
            }
        }
    }

    @Test
    void otherMethodsRefuseInOneSentence() {
        AttentionInput input = make.normal(1, 2, 2, 5, 7, 4, 3);
        Tensor output = make.zeros(input.outputShape());
        List<AttentionMethod> methods = List.of(Attention.kdeformer().build(), Attention.hyper().build(),
                Attention.pilot().build(), Attention.mean().build(), Attention.uniform().build(),
                Attention.thinformer().build(), Attention.performer().build(), Attention.provable().build());
        for (AttentionMethod method : methods) {
            refused(method, input.withPairBias(PairBias.alibi(2, 1, 0.5f)), output, " takes no bias per pair; ");
            refused(method, input.withSoftCap(3), output, " takes no soft cap; ");
            refused(method, input.withMask(Mask.none().withRanges(new int[5], new int[5])), output,
                    " takes no ranges of keys, got ");
            if (!method.takes().contains(InputFeature.WINDOW)) {
                refused(method, input.withMask(Mask.window(1, 1)), output, " takes no sliding window, got ");
            }
        }
        AttentionInput everything = input.withSoftCap(3).withMask(Mask.window(1, 1));
        Attention.auto().build().apply(ENGINE, everything, output);
        assertEquals(0, ReferenceAttention.of(everything).maxDifference(output), 1e-5);
    }

    private static void refused(AttentionMethod method, AttentionInput input, Tensor output, String words) {
        String message = assertThrows(IllegalArgumentException.class, () -> method.apply(ENGINE, input, output))
                .getMessage();
        assertTrue(message.startsWith("method " + method.name() + words), message);
    }

    @Test
    void badBiasesAreNamed() {
        AttentionInput input = make.normal(1, 2, 2, 5, 7, 4, 3);
        says("pair bias must have shape (1 or 1, 2 or 1, 5 or 1, 7), got (1, 1, 5, 6)",
                () -> input.withPairBias(PairBias.of(make.zeros(Shape.of(5, 6)))));
        says("pair bias must be for 1 or 2 heads, got 3", () -> input.withPairBias(PairBias.alibi(0, 1, 2, 3)));
        says("slope of head 1 must be finite, got NaN", () -> PairBias.alibi(0, 1, Float.NaN));
        says("soft cap must be 0 or positive and at most 1e30, got -1.0", () -> input.withSoftCap(-1));
        says("sinks must be given for each of the 2 heads, got 1", () -> input.withSinks(1));
        Tensor bias = make.zeros(Shape.of(5, 7));
        bias.matrix(0, 0).set(3, 6, Float.NaN);
        Tensor output = make.tensor(input.outputShape(), 1);
        float[] before = output.toArray();
        says("pair bias must be finite or -Infinity, got NaN at (batch 0, head 0, row 3, column 6)",
                () -> Attention.exact().build().apply(ENGINE, input.withPairBias(PairBias.of(bias)), output));
        says("output must not overlap pair bias, got memory shared with it", () -> Attention.exact().build().apply(
                ENGINE, input.withPairBias(PairBias.of(Tensor.of(output.segment(), Shape.of(1, 7)))), output));
        assertArrayEquals(before, output.toArray());
    }

    private static void says(String message, Runnable call) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, call::run).getMessage());
    }
}
