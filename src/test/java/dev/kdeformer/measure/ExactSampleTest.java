package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ExactSampleTest {
    private static AttentionInput input() {
        return TestInputs.of(8).normal(2, 2, 1, 70, 90, 7, 5).withMask(Mask.causal().withKeyLengths(90, 31));
    }

    @Test
    void holdsTheRowsOfExactAttention() {
        AttentionInput input = input();
        try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(2)) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Attention.exact().build().apply(engine, input, output);
            ExactSample sample = ExactSample.of(engine, arena, input, 20, 3);
            assertEquals(20, sample.rows());
            for (int b = 0; b < 2; b++) {
                for (int h = 0; h < 2; h++) {
                    int[] places = sample.places(b, h);
                    assertArrayEquals(Arrays.stream(places).distinct().sorted().toArray(), places);
                    for (int i = 0; i < 20; i++) {
                        for (int c = 0; c < 5; c++) {
                            assertEquals(output.matrix(b, h).get(places[i], c), sample.exact().matrix(b, h).get(i, c),
                                    1e-5);
                        }
                    }
                }
            }
            assertTrue(sample.error(engine, output).max().maxRow() < 1e-5);
            assertTrue(Arrays.stream(sample.places(0, 0)).sum() != Arrays.stream(sample.places(1, 1)).sum());
        }
    }

    @Test
    void allRowsGiveTheErrorsOnAllRows() {
        AttentionInput input = input();
        try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(1)) {
            Tensor exact = Tensor.allocate(arena, input.outputShape());
            Tensor mean = Tensor.allocate(arena, input.outputShape());
            Attention.exact().build().apply(engine, input, exact);
            Attention.mean().build().apply(engine, input, mean);
            ErrorMeasures all = ErrorReport.of(engine, mean, exact).mean();
            ErrorMeasures sampled = ExactSample.of(engine, arena, input, 1000, 3).error(engine, mean).mean();
            assertEquals(all.spectral(), sampled.spectral(), 1e-5);
            assertEquals(all.maxRow(), sampled.maxRow(), 1e-5);
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        AttentionInput input = input();
        try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(1)) {
            assertThrows(IllegalArgumentException.class, () -> ExactSample.of(engine, arena, input, 0, 1));
            ExactSample sample = ExactSample.of(engine, arena, input, 4, 1);
            assertThrows(IllegalArgumentException.class, () -> sample.error(engine, input.query()));
        }
    }
}
