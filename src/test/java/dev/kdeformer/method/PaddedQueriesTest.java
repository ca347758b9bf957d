package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.InputFeature;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Padding of queries, and short windows, in approximate methods. */
class PaddedQueriesTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final int N = 700;
    private static final int M = 830;

    private final TestInputs make = TestInputs.of(77);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    static List<AttentionMethod> methods() {
        return Stream.concat(SequencesTest.methods().stream(),
                Stream.of(Attention.provable().samples(60).build())).toList();
    }

    /** What a tensor has in one batch item of an input, copied. */
    private static float[] rows(Tensor tensor, int item, int from, int to) {
        return tensor.items(item, 1).rows(from, to - from).toArray();
    }

    private static float[] filled(int length, float with) {
        float[] filled = new float[length];
        Arrays.fill(filled, with);
        return filled;
    }

    @ParameterizedTest
    @MethodSource("methods")
    void bitsAreThoseOfEachItemWithoutItsPadding(AttentionMethod method) {
        AttentionInput all = make.normal(3, 2, 1, N, M, 8, 6).withScale(0.5f)
                .withKeyBias(make.hiding(Shape.of(3, 1, 1, M), 100, 200));
        int[] queries = {N, 0, 512};
        int[] keys = {M, 600, 640};
        Mask plain = Mask.none().withKeyLengths(keys);
        AttentionInput input = all.withMask(plain.withQueryLengths(queries));
        Tensor output = make.tensor(all.outputShape(), 1);
        Tensor sums = SequencesTest.sums(method, make.tensor(all.outputShape().withColumns(1), 1));
        AttentionMethod.Statistics done = method.apply(ENGINE, input, output, sums);
        assertTrue(method.name().equals("auto") || done.note().endsWith("3 batch items, whose queries are padded"
                + " differently, each computed by itself"), done.note());
        double columns = 0;
        for (int b = 0; b < queries.length; b++) {
            int length = queries[b];
            assertArrayEquals(new float[2 * (N - length) * 6], rows(output, b, length, N));
            if (sums != null) {
                assertArrayEquals(filled(2 * (N - length), Float.NEGATIVE_INFINITY), rows(sums, b, length, N));
            }
            AttentionInput one = AttentionInput.of(all.query().items(b, 1).rows(0, length), all.key().items(b, 1),
                    all.value().items(b, 1)).withScale(0.5f).withKeyBias(all.keyBias().items(b, 1))
                    .withMask(Mask.none().withKeyLengths(keys[b]));
            Tensor alone = make.zeros(one.outputShape());
            Tensor aloneSums = SequencesTest.sums(method, make.zeros(one.outputShape().withColumns(1)));
            columns += method.apply(ENGINE, one, alone, aloneSums).columns() * length / N / queries.length;
            if (!method.name().equals("auto")) {
                assertArrayEquals(alone.toArray(), rows(output, b, 0, length), "item " + b);
            }
            if (aloneSums != null && !method.name().equals("auto")) {
                assertArrayEquals(aloneSums.toArray(), rows(sums, b, 0, length), "item " + b);
            }
        }
        assertEquals(columns, done.columns(), 1e-9 * columns);
    }

    @ParameterizedTest
    @MethodSource("methods")
    void noPaddingChangesNoBit(AttentionMethod method) {
        AttentionInput input = make.normal(2, 2, 1, N, M, 8, 6);
        Tensor plain = make.zeros(input.outputShape());
        Tensor padded = make.tensor(input.outputShape(), 1);
        method.apply(ENGINE, input, plain);
        method.apply(ENGINE, input.withMask(Mask.none().withQueryLengths(N, N)), padded);
        assertArrayEquals(plain.toArray(), padded.toArray());
    }

    /** Nothing but the padding of queries tells these apart from what a query sees under a causal rule. */
    @Test
    void causalRulesCountPadding() {
        List<AttentionMethod> methods = List.of(Attention.kdeformer().build(), Attention.hyper().build(),
                Attention.pilot().near(M).build(), Attention.auto().build());
        for (AttentionMethod method : methods) {
            for (int keys : new int[] {60, 110, 200}) {
                for (Mask rule : List.of(Mask.causal(), Mask.causalUpperLeft())) {
                    AttentionInput input = make.normal(2, 2, 1, 110, keys, 8, 6)
                            .withMask(rule.withQueryLengths(37, 90).withKeyLengths(keys, keys - 20));
                    nearReference(method, input, 1e-5);
                    nearReference(method, input.withMask(rule.withQueryLengths(80, 80)
                            .withSequences(new int[] {0, 50, 110}, new int[] {0, keys - 40, keys})), 1e-5);
                }
            }
        }
    }

    private void nearReference(AttentionMethod method, AttentionInput input, double tolerance) {
        Tensor output = make.tensor(input.outputShape(), 1);
        method.apply(ENGINE, input, output);
        assertEquals(0, ReferenceAttention.of(input).maxDifference(output), tolerance,
                method.name() + ": " + input.mask());
    }

    @Test
    void shortWindowsAreExactAndLongOnesRefused() {
        AttentionInput input = make.normal(2, 2, 1, 900, 1000, 8, 6);
        Object[][] most = {{Attention.kdeformer().blockSize(64).samples(36).build(), 100},
            {Attention.hyper().blockSize(32).samples(32).minLength(301).build(), 300},
            {Attention.pilot().near(70).build(), 70},
            {Attention.pilot().columns(500).build(), 500}};
        for (Object[] each : most) {
            AttentionMethod method = (AttentionMethod) each[0];
            int keys = (int) each[1];
            Mask mask = method.name().equals("hyper") ? Mask.window(keys - 21, 20)
                    : Mask.causal().withWindow(keys);
            nearReference(method, input.withMask(mask), 1e-5);
            nearReference(method, input.withMask(mask.withQueryLengths(800, 900).withSequences(0, 300, 700)), 1e-5);
            Mask longer = Mask.causal().withWindow(keys + 1);
            assertEquals("method " + method.name() + " takes windows of at most " + keys + " keys, "
                    + (method.name().equals("pilot") ? "as many as it evaluates for a query"
                            : "so many it computes exactly") + ", got " + longer + "; method exact takes any",
                    assertThrows(IllegalArgumentException.class, () -> method.apply(ENGINE, input.withMask(longer),
                            make.zeros(input.outputShape()))).getMessage());
        }
        AttentionMethod within = Attention.pilot().budget(ErrorBudget.relativeSpectral(0.1)).build();
        nearReference(within, input.withMask(Mask.window(400, 400)), 1e-5);
    }

    @Test
    void everyMethodTakesPadding() {
        for (AttentionMethod method : methods()) {
            assertTrue(method.takes().containsAll(List.of(InputFeature.KEY_LENGTHS, InputFeature.QUERY_LENGTHS,
                    InputFeature.SEQUENCES, InputFeature.KEY_BIAS)), method.name());
        }
    }
}
