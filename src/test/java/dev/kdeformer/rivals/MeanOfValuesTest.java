package dev.kdeformer.rivals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MeanOfValuesTest {
    static List<TestInputs.Case> cases() {
        return TestInputs.all(5);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isAttentionWithAllLogitsZero(TestInputs.Case each) {
        AttentionInput input = each.input();
        try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(2)) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Tensor logSumExp = Tensor.allocate(arena, input.outputShape().withColumns(1));
            Attention.mean().build().apply(engine, input, output, logSumExp);

            assertEquals(0, ReferenceAttention.of(input.withScale(0)).maxDifference(output), 2e-6);
            ReferenceAttention exact = ReferenceAttention.of(input);
            for (int b = 0; b < input.batch(); b++) {
                for (int h = 0; h < input.heads(); h++) {
                    for (int i = 0; i < input.queries(); i++) {
                        double truth = exact.logSumExp(b, h)[i];
                        float bound = logSumExp.matrix(b, h).get(i, 0);
                        assertTrue(bound - 1e-5 * Math.max(1, Math.abs(bound)) <= truth, bound + " is above " + truth);
                    }
                }
            }
        }
    }

    @Test
    void theLogSumExpIsExactForOneKey() {
        try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(1)) {
            AttentionInput input = AttentionInput.of(Tensor.copyOf(arena, Shape.of(1, 2), 3, 4),
                    Tensor.copyOf(arena, Shape.of(1, 2), 5, 6), Tensor.copyOf(arena, Shape.of(1, 1), 7)).withScale(1);
            Tensor output = Tensor.allocate(arena, Shape.of(1, 1));
            Tensor logSumExp = Tensor.allocate(arena, Shape.of(1, 1));
            assertEquals(1, Attention.mean().build().apply(engine, input, output, logSumExp).columns());
            assertEquals(7, output.matrix(0, 0).get(0, 0));
            assertEquals(39, logSumExp.matrix(0, 0).get(0, 0));
        }
    }
}
