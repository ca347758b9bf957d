package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

class SlidingWindowTest {
    private final TestInputs make = TestInputs.of(9);
    private final AttentionInput input = make.normal(1, 1, 1, 40, 40, 8, 8).withMask(Mask.causal().withWindow(6));

    @Test
    void methodsThatComputeNothingExactlyRefuseIt() {
        List<AttentionMethod> methods = List.of(Attention.provable().build(), Attention.mean().build(),
                Attention.uniform().build(), Attention.thinformer().build(), Attention.wildcat().build(),
                Attention.performer().build(), Attention.reformer().build(), Attention.nystrom().build(),
                Attention.scatterbrain().build());
        try (Engine engine = Engine.create(1)) {
            for (AttentionMethod method : methods) {
                Tensor output = make.tensor(input.outputShape(), 1);
                float[] before = output.toArray();
                IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
                        () -> method.apply(engine, input, output), method.name());
                assertEquals("method " + method.name() + " takes no sliding window, got Mask[LOWER_RIGHT, window=6];"
                        + " method exact does", e.getMessage());
                assertArrayEquals(before, output.toArray());
            }
        }
    }

    @Test
    void autoTakesExact() {
        try (Engine engine = Engine.create(1)) {
            Tensor exact = make.zeros(input.outputShape());
            Tensor output = make.zeros(input.outputShape());
            Attention.exact().build().apply(engine, input, exact);
            assertEquals("took exact: the mask has a sliding window",
                    Attention.auto().build().apply(engine, input, output).note());
            assertArrayEquals(exact.toArray(), output.toArray());
        }
    }

    @Test
    void bitsDoNotDependOnThreads() {
        for (int window : new int[] {1, 150, 600}) {
            AttentionInput longer = make.normal(1, 1, 1, 1000, 1100, 16, 8)
                    .withMask(Mask.causal().withWindow(window));
            float[] first = null;
            for (int threads : new int[] {1, 2, 3, 7, 30}) {
                try (Engine engine = Engine.create(threads)) {
                    Tensor output = make.zeros(longer.outputShape());
                    Attention.exact().build().apply(engine, longer, output);
                    first = first == null ? output.toArray() : first;
                    assertArrayEquals(first, output.toArray(), window + " keys, " + threads + " threads");
                }
            }
        }
    }
}
