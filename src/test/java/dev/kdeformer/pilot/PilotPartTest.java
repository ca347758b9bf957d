package dev.kdeformer.pilot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

class PilotPartTest {
    private static final Engine ENGINE = Engine.create(2);
    /** What no computation gives, so that rows left alone are seen. */
    private static final float LEFT = 12345.678f;

    private final TestInputs make = TestInputs.of(5);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    private static Tensor filled(Shape shape) {
        float[] values = new float[Math.toIntExact(shape.elements())];
        Arrays.fill(values, LEFT);
        return Tensor.copyOf(Arena.ofAuto(), shape, values);
    }

    /** Runs all parts, each into an output of its own, and returns their columns added up. */
    private double assertParts(PilotAttention method, AttentionInput input, int parts) {
        Shape shape = input.outputShape();
        Tensor whole = make.zeros(shape);
        Tensor wholeSums = make.zeros(shape.withColumns(1));
        double columns = method.apply(ENGINE, input, whole, wholeSums).columns();
        double all = 0;
        int[][] times = new int[shape.batch() * shape.heads()][shape.rows()];
        for (int part = 0; part < parts; part++) {
            Tensor output = filled(shape);
            Tensor sums = filled(shape.withColumns(1));
            PilotPart.Done done = method.part(part, parts).apply(ENGINE, input, output, sums);
            all += done.statistics().columns();
            for (int head = 0; head < times.length; head++) {
                boolean[] written = new boolean[shape.rows()];
                for (int row : done.rows()[head]) {
                    written[row] = true;
                    times[head][row]++;
                }
                for (int row = 0; row < shape.rows(); row++) {
                    float[] expected = new float[shape.columns()];
                    float[] actual = new float[shape.columns()];
                    Arrays.fill(expected, LEFT);
                    int b = head / shape.heads();
                    int h = head % shape.heads();
                    if (written[row]) {
                        whole.matrix(b, h).readRow(row, expected, 0);
                    }
                    output.matrix(b, h).readRow(row, actual, 0);
                    assertArrayEquals(expected, actual);
                    assertEquals(written[row] ? wholeSums.matrix(b, h).get(row, 0) : LEFT,
                            sums.matrix(b, h).get(row, 0));
                }
            }
        }
        for (int[] head : times) {
            assertTrue(Arrays.stream(head).allMatch(count -> count == 1), "a row was not written once");
        }
        return columns == 0 ? 1 : all / columns;
    }

    @Test
    void partsTogetherAreTheWholeCall() {
        for (TestInputs.Case each : TestInputs.unmasked(11)) {
            if (each.input().d() <= 256) {
                assertParts(Attention.pilot().near(8).candidates(1).tile(4).build(), each.input(), 3);
            }
        }
    }

    @Test
    void fourAndSixteenPartsRepeatLittle() {
        AttentionInput input = make.normal(1, 2, 1, 4096, 4096, 32, 16);
        PilotAttention method = Attention.pilot().near(64).tile(64).build();
        assertTrue(assertParts(method, input, 4) <= 1.15);
        assertTrue(assertParts(method, input, 16) <= 1.15);
        assertTrue(assertParts(method, input, 48) <= 2);
    }

    @Test
    void drawnKeysAreTheSameInEveryPart() {
        AttentionInput input = make.normal(1, 2, 2, 700, 900, 16, 8);
        assertParts(Attention.pilot().near(16).tile(32).unbiased(64).seed(3).build(), input, 5);
    }

    @Test
    void causalPartsTogetherAreTheWholeCall() {
        AttentionInput input = make.normal(2, 2, 1, 1500, 1500, 24, 24).withMask(Mask.causal());
        PilotAttention method = Attention.pilot().near(32).span(64).build();
        assertParts(method, input, 4);
        assertTrue(assertParts(method, input, 16) <= 1.15);
        assertParts(method, input, 40);
    }

    @Test
    void paddingAndInputWithoutVisibleKeysAreCut() {
        AttentionInput input = make.normal(2, 2, 2, 50, 60, 8, 8).withMask(Mask.none().withKeyLengths(0, 37));
        assertParts(Attention.pilot().near(4).tile(8).build(), input, 7);
    }

    @Test
    void refusesWhatLooksAtAllRows() {
        PilotAttention budget = Attention.pilot().budget(ErrorBudget.relativeSpectral(0.1)).build();
        assertTrue(assertThrows(IllegalStateException.class, () -> budget.part(0, 2)).getMessage()
                .contains("error budget"));
        PilotAttention peaked = Attention.pilot().peaked(64).build();
        assertTrue(assertThrows(IllegalStateException.class, () -> peaked.part(0, 2)).getMessage()
                .contains("peaked"));
        PilotAttention fixed = Attention.pilot().build();
        assertEquals("parts must be between 1 and 4096, got 0",
                assertThrows(IllegalArgumentException.class, () -> fixed.part(0, 0)).getMessage());
        assertEquals("part must be between 0 and 3, got 4",
                assertThrows(IllegalArgumentException.class, () -> fixed.part(4, 4)).getMessage());
        assertFalse(assertThrows(IllegalArgumentException.class, () -> fixed.part(-1, 4)).getMessage().isEmpty());
    }
}
