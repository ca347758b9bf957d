package dev.kdeformer.exact;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.ReferenceGradient;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Logits and biases of any size that a float holds, and sums over many keys. */
class ExtremeLogitsTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(31);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** Small whole numbers, so that every logit is exact in float32 and only equal ones share a weight. */
    private AttentionInput whole(int n, int m, float scale) {
        AttentionInput input = make.normal(1, 2, 1, n, m, 3, 4);
        for (Tensor tensor : new Tensor[] {input.query(), input.key()}) {
            for (int h = 0; h < tensor.shape().heads(); h++) {
                for (int r = 0; r < tensor.shape().rows(); r++) {
                    for (int c = 0; c < 3; c++) {
                        tensor.matrix(0, h).set(r, c, Math.round(2 * tensor.matrix(0, h).get(r, c)));
                    }
                }
            }
        }
        return input.withScale(scale);
    }

    @ParameterizedTest
    @ValueSource(floats = {1e3f, 3e5f, 1e6f, 2e7f, 1e8f, 1e9f, 3e10f, 7e13f, 1e20f, -1e25f, 1e33f})
    void theLargestLogitTakesTheWeight(float scale) {
        for (int m : new int[] {1, 2, 70, 1000}) {
            AttentionInput input = whole(50, m, scale);
            for (Mask mask : new Mask[] {Mask.none(), Mask.causal(), Mask.causalUpperLeft().withWindow(9)}) {
                AttentionInput masked = input.withMask(mask);
                ReferenceAttention reference = ReferenceAttention.of(masked);
                Tensor output = make.zeros(input.outputShape());
                Tensor sums = make.zeros(input.outputShape().withColumns(1));
                Attention.exact().build().apply(ENGINE, masked, output, sums);
                assertTrue(reference.maxDifference(output) <= 1e-5, mask + ": " + reference.maxDifference(output));
                assertTrue(reference.maxLogSumExpDifference(sums) <= 1e-6 * TestInputs.largestLogit(input) + 1e-5);
            }
            try (KeyValueCache cache = KeyValueCache.create(1, 1, 3, 4)) {
                cache.append(ENGINE, input.key(), input.value());
                AttentionInput last = AttentionInput.of(input.query().rows(0, 3), input.key(), input.value())
                        .withScale(scale).withMask(Mask.causal());
                Tensor output = make.zeros(last.outputShape());
                cache.decode(ENGINE, last.query(), output, null, scale);
                assertEquals(0, ReferenceAttention.of(last).maxDifference(output), 1e-5);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {1e4f, -1e7f, -1e8f, -7e8f, -1e9f, 3e20f, -1e30f})
    void aBiasOnAllKeysChangesNothing(float bias) {
        AttentionInput input = make.normal(1, 2, 1, 60, 130, 8, 5);
        Tensor biases = make.zeros(Shape.of(1, 130));
        for (int j = 0; j < 130; j++) {
            biases.matrix(0, 0).set(0, j, bias);
        }
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        ReferenceGradient exact = ReferenceGradient.of(input, outputGradient);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        AttentionInput biased = input.withKeyBias(biases);
        Attention.exact().build().apply(ENGINE, biased, output, sums);
        assertEquals(0, ReferenceAttention.of(input).maxDifference(output), 3e-6);
        Tensor dQuery = make.zeros(input.query().shape());
        Tensor dKey = make.zeros(input.key().shape());
        Tensor dValue = make.zeros(input.value().shape());
        Attention.exactGradient().build().apply(ENGINE, biased, output, sums, outputGradient, new InputGradients(dQuery,
                dKey, dValue));
        assertEquals(0, ReferenceGradient.error(dQuery, exact.query()), 2e-5);
        assertEquals(0, ReferenceGradient.error(dKey, exact.key()), 2e-5);
        assertEquals(0, ReferenceGradient.error(dValue, exact.value()), 2e-5);
    }

    @ParameterizedTest
    @ValueSource(floats = {1e4f, 3e6f, 1e9f, 1e14f})
    void gradientsOfLargeLogitsHaveTheWeightsOfTheForwardComputation(float scale) {
        AttentionInput input = whole(70, 150, scale);
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, input, output, sums);
        Tensor outputGradient = make.tensor(input.outputShape(), 1);
        Tensor dValue = make.zeros(input.value().shape());
        Attention.exactGradient().build().apply(ENGINE, input, output, sums, outputGradient,
                new InputGradients(make.zeros(input.query().shape()), make.zeros(input.key().shape()), dValue));
        assertEquals(0, ReferenceGradient.error(dValue, ReferenceGradient.of(input, outputGradient).value()), 1e-5);
    }

    @Test
    void theLeastFiniteBiasHides() {
        AttentionInput input = make.normal(2, 2, 1, 30, 40, 5, 3);
        Tensor least = make.bias(Shape.of(2, 1, 1, 40));
        Tensor infinite = make.zeros(least.shape());
        for (int b = 0; b < 2; b++) {
            for (int j = 0; j < 40; j++) {
                boolean hidden = b == 0 ? j > 25 : true;
                infinite.matrix(b, 0).set(0, j, hidden ? Float.NEGATIVE_INFINITY : least.matrix(b, 0).get(0, j));
                least.matrix(b, 0).set(0, j, hidden ? j % 2 == 0 ? -Float.MAX_VALUE : -3.39e38f
                        : least.matrix(b, 0).get(0, j));
            }
        }
        Tensor expected = make.zeros(input.outputShape());
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input.withKeyBias(infinite), expected);
        Attention.exact().build().apply(ENGINE, input.withKeyBias(least), output);
        assertArrayEquals(expected.toArray(), output.toArray());
    }

    @ParameterizedTest
    @ValueSource(ints = {1_000, 16_384, 400_000})
    void equalValuesStayWhatTheyAreHoweverManyKeys(int m) {
        AttentionInput input = make.normal(1, 1, 1, 5, m, 2, 3);
        for (int j = 0; j < m; j++) {
            for (int c = 0; c < 3; c++) {
                input.value().matrix(0, 0).set(j, c, 3.3f);
            }
        }
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, output);
        for (float each : output.toArray()) {
            assertEquals(3.3f, each, 5e-6);
        }
    }

    @Test
    void valueGradientsKeepTheirDigitsHoweverManyQueries() {
        int n = 200_000;
        AttentionInput input = make.normal(1, 1, 1, n, 3, 2, 2).withScale(0);
        Tensor ones = make.zeros(input.outputShape());
        for (int i = 0; i < n; i++) {
            ones.matrix(0, 0).set(i, 0, 3.3f);
            ones.matrix(0, 0).set(i, 1, 3.3f);
        }
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, input, output, sums);
        Tensor dValue = make.zeros(input.value().shape());
        Attention.exactGradient().build().apply(ENGINE, input, output, sums, ones,
                new InputGradients(make.zeros(input.query().shape()), make.zeros(input.key().shape()), dValue));
        for (float each : dValue.toArray()) {
            assertEquals(1, each / (3.3f * n / 3.0), 3e-6);
        }
    }
}
