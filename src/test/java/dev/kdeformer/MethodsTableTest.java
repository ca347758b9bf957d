package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What docs/methods.md says of masks, gradients and sinks is what the methods take. */
class MethodsTableTest {
    private static final int ROWS = 48;
    private static final Mask CAUSAL = Mask.causal();

    @Test
    void everyMethodTakesWhatTheTableSays() throws Exception {
        List<String> expected = new ArrayList<>();
        List<String> found = new ArrayList<>();
        try (Engine engine = Engine.create(1); Arena arena = Arena.ofShared()) {
            AttentionInput input = AttentionInput.of(random(arena, 4), random(arena, 2), random(arena, 2))
                    .withMask(Mask.none().withKeyLengths(ROWS - 5))
                    .withKeyBias(Tensor.allocate(arena, Shape.of(1, ROWS)));
            for (String[] row : rows()) {
                AttentionMethod method = method(row[1].replace("`", ""));
                expected.add(method.name() + says(row[2]) + says(row[3]) + says(row[6]) + says(row[7]));
                found.add(method.name() + takes(engine, arena, method, input.withMask(CAUSAL))
                        + takes(engine, arena, method, input.withMask(CAUSAL.withWindow(7)))
                        + (method instanceof DifferentiableMethod)
                        + takes(engine, arena, method, input.withSinks(0, 1, 2, 3)));
                assertEquals(true, takes(engine, arena, method, input), method.name());
            }
        }
        assertEquals(expected, found);
    }

    private static List<String[]> rows() throws IOException {
        return Files.readString(Path.of("docs", "methods.md")).split("\n## What each takes\n")[1].lines()
                .filter(line -> line.startsWith("| `")).map(line -> line.split(" *\\| *")).toList();
    }

    private static boolean says(String cell) {
        return !cell.equals("no");
    }

    private static AttentionMethod method(String name) throws ReflectiveOperationException {
        Object builder = Attention.class.getMethod(name).invoke(null);
        return (AttentionMethod) builder.getClass().getMethod("build").invoke(builder);
    }

    private static boolean takes(Engine engine, Arena arena, AttentionMethod method, AttentionInput input) {
        try {
            method.apply(engine, input, Tensor.allocate(arena, input.outputShape()));
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static Tensor random(Arena arena, int heads) {
        Shape shape = Shape.of(1, heads, ROWS, 8);
        Random random = new Random(heads);
        float[] numbers = new float[(int) shape.elements()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        return Tensor.copyOf(arena, shape, numbers);
    }
}
