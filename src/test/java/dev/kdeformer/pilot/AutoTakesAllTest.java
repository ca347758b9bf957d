package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Element;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** The default method takes whatever exact attention takes, at lengths where it has a choice, and keeps its budget. */
class AutoTakesAllTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final int N = 4200;
    private static final int M = 4300;
    private static final double BUDGET = 0.05;

    private final TestInputs make = TestInputs.of(5);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private AttentionInput with(AttentionInput input, InputFeature feature) {
        Mask mask = input.mask();
        return switch (feature) {
            case WINDOW -> input.withMask(mask.isCausal() ? mask.withWindow(300) : Mask.window(300, 40));
            case CAUSAL -> input.withMask(Mask.causal());
            case CAUSAL_OFFSET -> input.withMask(Mask.causalAt(-10));
            case KEY_LENGTHS -> input.withMask(mask.withKeyLengths(4200));
            case QUERY_LENGTHS -> input.withMask(mask.withQueryLengths(4111));
            case SEQUENCES -> input.withMask(mask.withSequences(0, 60, 4190));
            case RANGES -> input.withMask(mask.withRanges(filled(5), filled(4260)));
            case KEY_BIAS -> input.withKeyBias(make.hiding(Shape.of(1, 1, 1, M), 40, 90));
            case PAIR_BIAS -> input.withPairBias(PairBias.alibi(M - N, 0.01f));
            case SOFT_CAP -> input.withSoftCap(3);
            case SINKS -> input.withSinks(1.5f);
        };
    }

    private static int[] filled(int value) {
        int[] filled = new int[N];
        Arrays.fill(filled, value);
        return filled;
    }

    private void keepsBudget(AttentionInput input) {
        Tensor exact = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, input, exact, sums);
        AttentionMethod auto = Attention.auto().build();
        Tensor output = make.tensor(input.outputShape(), 1);
        Tensor autoSums = make.tensor(input.outputShape().withColumns(1), 1);
        Statistics done = auto.apply(ENGINE, input, output, autoSums);
        String what = input.features() + ": " + done.note();
        assertTrue(ErrorReport.of(ENGINE, output, exact).each().get(0).spectral() <= BUDGET, what);
        if (done.note().startsWith("took exact")) {
            assertArrayEquals(exact.toArray(), output.toArray(), what);
            assertArrayEquals(sums.toArray(), autoSums.toArray(), what);
        } else {
            assertTrue(done.note().startsWith("took pilot"), what);
        }
        assertTrue(auto.estimate(input, 2).operations() > 0, what);
    }

    @Test
    void takesEveryFeature() {
        assertEquals(Attention.exact().build().takes(), Attention.auto().build().takes());
        AttentionInput plain = make.normal(1, 1, 1, N, M, 6, 3);
        keepsBudget(plain);
        for (InputFeature feature : InputFeature.values()) {
            AttentionInput input = with(plain, feature);
            Set<InputFeature> said = EnumSet.of(feature);
            if (feature == InputFeature.CAUSAL_OFFSET) {
                said.add(InputFeature.CAUSAL);
            }
            assertEquals(said, input.features());
            keepsBudget(input);
        }
    }

    /** Everything together, and what only sizes and elements say. */
    @Test
    void takesAllTogether() {
        AttentionInput all = make.normal(1, 1, 1, N, M, 6, 3);
        for (InputFeature feature : List.of(InputFeature.CAUSAL, InputFeature.WINDOW, InputFeature.KEY_LENGTHS,
                InputFeature.QUERY_LENGTHS, InputFeature.SEQUENCES, InputFeature.RANGES, InputFeature.KEY_BIAS,
                InputFeature.PAIR_BIAS, InputFeature.SOFT_CAP, InputFeature.SINKS)) {
            all = with(all, feature);
            keepsBudget(all);
        }
        keepsBudget(make.normal(1, 1, 1, N, M, 257, 3));
        AttentionInput input = make.normal(1, 1, 1, N, M, 6, 3);
        Tensor half = Tensor.allocate(Arena.ofAuto(), input.key().shape(), Element.BFLOAT16);
        for (int row = 0; row < M; row++) {
            for (int c = 0; c < 6; c++) {
                half.matrix(0, 0).set(row, c, input.key().matrix(0, 0).get(row, c));
            }
        }
        keepsBudget(AttentionInput.of(input.query(), half, input.value()).withMask(Mask.none().withQueryLengths(4150)));
    }
}
