package dev.kdeformer.method;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Every tensor of a call, with every fault that it can have, one at a time: the refusal names both. */
class RefusalsTest {
    private static final Map<String, Shape> SHAPES = new LinkedHashMap<>();
    private static final List<String> INPUTS = List.of("query", "key", "value", "key bias");
    private static final List<String> OUTPUTS = List.of("output", "logSumExp");
    private static final List<String> SAVED = List.of("output", "logSumExp", "outputGradient");
    private static final List<String> GRADIENTS = List.of("dQuery", "dKey", "dValue");

    static {
        SHAPES.put("query", Shape.of(1, 2, 5, 3));
        SHAPES.put("key", Shape.of(1, 2, 7, 3));
        SHAPES.put("value", Shape.of(1, 2, 7, 4));
        SHAPES.put("key bias", Shape.of(1, 2, 1, 7));
        SHAPES.put("output", Shape.of(1, 2, 5, 4));
        SHAPES.put("logSumExp", Shape.of(1, 2, 5, 1));
        SHAPES.put("outputGradient", Shape.of(1, 2, 5, 4));
        SHAPES.put("dQuery", Shape.of(1, 2, 5, 3));
        SHAPES.put("dKey", Shape.of(1, 2, 7, 3));
        SHAPES.put("dValue", Shape.of(1, 2, 7, 4));
    }

    private final Engine engine = Engine.create(1);
    private final Arena arena = Arena.ofShared();
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    RefusalsTest() {
        SHAPES.forEach((name, shape) -> tensors.put(name, Tensor.allocate(arena, shape)));
    }

    @AfterEach
    void close() {
        engine.close();
        arena.close();
    }

    private AttentionInput input() {
        return AttentionInput.of(tensors.get("query"), tensors.get("key"), tensors.get("value"))
                .withKeyBias(tensors.get("key bias"));
    }

    private void outputs() {
        Checks.outputs(engine, input(), tensors.get("output"), tensors.get("logSumExp"));
    }

    private void gradients() {
        new GradientChecks(input(), tensors.get("output"), tensors.get("logSumExp"), tensors.get("outputGradient"))
                .tensors(engine, new InputGradients(tensors.get("dQuery"), tensors.get("dKey"),
                        tensors.get("dValue")));
    }

    /** Puts another tensor in a place, expects the sentence, and puts the old one back. */
    private void refused(Runnable check, String name, Tensor bad, String sentence) {
        Tensor good = tensors.put(name, bad);
        RuntimeException e = assertThrows(RuntimeException.class, check::run, sentence);
        assertEquals(name + " " + sentence, e.getMessage().split(",")[0].replaceAll(" \\(.*", ""));
        tensors.put(name, good);
        assertDoesNotThrow(check::run);
    }

    private void shapes(Runnable check, List<String> names) {
        for (String name : names) {
            Shape s = SHAPES.get(name);
            Tensor bad = Tensor.allocate(arena, Shape.of(s.batch(), s.heads(), s.rows() + 1, s.columns()));
            refused(check, name, bad, "must have shape");
        }
    }

    private void closed(Runnable check, List<String> names) {
        for (String name : names) {
            Tensor bad;
            try (Arena shut = Arena.ofShared()) {
                bad = Tensor.allocate(shut, SHAPES.get(name));
            }
            refused(check, name, bad, "belongs to a closed arena");
        }
    }

    private void readOnly(Runnable check, List<String> names) {
        for (String name : names) {
            Tensor good = tensors.get(name);
            refused(check, name, Tensor.of(good.segment().asReadOnly(), good.shape()), "must be writable");
            if (good.shape().columns() > 1) {
                refused(check, name, Tensor.of(good.segment(), good.shape(), 0, good.headStride(),
                        good.rowStride() - 1, 1), "must not overlap itself");
            }
        }
    }

    /** Each of the written tensors lies on the last float of each other one in turn. */
    private void overlaps(Runnable check, List<String> written, List<String> others) {
        for (String name : written) {
            for (String other : others) {
                Tensor under = tensors.get(other);
                long bytes = SHAPES.get(name).elements() * Float.BYTES;
                long length = under.shape().elements() * Float.BYTES;
                Tensor both = Tensor.allocate(arena, Shape.of(1, (int) ((bytes + length) / Float.BYTES)));
                tensors.put(other, Tensor.of(both.segment(), under.shape()));
                refused(check, name, Tensor.of(both.segment().asSlice(length - Float.BYTES, bytes), SHAPES.get(name)),
                        "must not overlap " + other);
                tensors.put(other, under);
            }
        }
    }

    @Test
    void ofOutputs() {
        shapes(this::outputs, OUTPUTS);
        closed(this::outputs, INPUTS);
        closed(this::outputs, OUTPUTS);
        readOnly(this::outputs, OUTPUTS);
        overlaps(this::outputs, OUTPUTS, INPUTS);
        overlaps(this::outputs, List.of("logSumExp"), List.of("output"));
    }

    @Test
    void ofGradients() {
        shapes(this::gradients, SAVED);
        shapes(this::gradients, GRADIENTS);
        closed(this::gradients, INPUTS);
        closed(this::gradients, SAVED);
        closed(this::gradients, GRADIENTS);
        readOnly(this::gradients, GRADIENTS);
        overlaps(this::gradients, GRADIENTS, INPUTS);
        overlaps(this::gradients, GRADIENTS, SAVED);
        overlaps(this::gradients, List.of("dKey", "dValue"), List.of("dQuery"));
        overlaps(this::gradients, List.of("dValue"), List.of("dKey"));
    }

    @Test
    void neighboursAreApart() {
        Tensor both = Tensor.allocate(arena, Shape.of(1, 20));
        Tensor left = Tensor.of(both.segment().asSlice(0, 40), Shape.of(2, 5));
        Tensor right = Tensor.of(both.segment().asSlice(40, 40), Shape.of(2, 5));
        assertDoesNotThrow(() -> Checks.apart("left", left, "right", right));
        assertDoesNotThrow(() -> Checks.writable("left", left));
    }

    @Test
    void magnitudesAtTheBound() {
        double logit = 0x1p120 * Math.log(2);
        assertDoesNotThrow(() -> Checks.magnitudes(0.9 * logit / 40, 2, 0, 1, 10, 5, -2));
        for (double bias : new double[] {0, 0.2 * logit}) {
            double query = (bias > 0 ? 0.9 : 1.1) * logit / 40;
            assertTrue(assertThrows(IllegalArgumentException.class,
                    () -> Checks.magnitudes(query, 2, bias, 1, 10, 5,
                    -2)).getMessage().startsWith("logits may exceed"));
        }
        assertDoesNotThrow(() -> Checks.magnitudes(1, 1, 0, 0.9 * 0x1p108 / 1000, 1, 1000, 1));
        assertTrue(assertThrows(IllegalArgumentException.class,
                () -> Checks.magnitudes(1, 1, 0, 1.1 * 0x1p108 / 1000, 1, 1000, 1)).getMessage()
                .startsWith("sums of values may exceed"));
    }

    /** The element that counts is anywhere in a tensor of many pieces, or where padding begins. */
    @Test
    void everyElementIsLookedAt() {
        int rows = 40_001;
        int columns = 7;
        Tensor tensor = Tensor.allocate(arena, Shape.of(1, 2, rows, columns));
        Team crew = Crews.begin(engine);
        try {
            for (int row : new int[] {0, 1, 584, 585, 4680, 4681, 9361, 9362, 20_000, rows - 2, rows - 1}) {
                for (int column : new int[] {0, 3, columns - 1}) {
                    tensor.matrix(0, 1).set(row, column, -3);
                    assertEquals(3, Checks.largest(crew, "x", tensor, null));
                    tensor.matrix(0, 1).set(row, column, Float.NaN);
                    assertEquals("x must be finite, got NaN at (batch 0, head 1, row " + row + ", column " + column
                            + ")",
                            assertThrows(IllegalArgumentException.class,
                                    () -> Checks.largest(crew, "x", tensor, null)).getMessage());
                    tensor.matrix(0, 1).set(row, column, 0);
                }
            }
            AttentionInput input = AttentionInput.of(tensor, tensor, tensor)
                    .withMask(Mask.none().withKeyLengths(rows - 1));
            tensor.matrix(0, 1).set(rows - 2, 0, 5);
            tensor.matrix(0, 1).set(rows - 1, 0, Float.NaN);
            assertEquals(5, Checks.largest(crew, "x", tensor, input));
        } finally {
            Crews.end(engine, crew);
        }
    }
}
