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
import java.util.SplittableRandom;
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

    /** How a part is computed. */
    private interface Apply {
        PilotPart.Done apply(PilotPart part, Tensor output, Tensor sums);
    }

    /**
     * Runs all parts without a plan, with one and with one that was read, and returns the columns of those without,
     * divided by those of the whole.
     */
    private double assertParts(PilotAttention method, AttentionInput input, int parts) {
        PilotPlan plan = PilotPlan.of(method, ENGINE, input);
        double whole = method.apply(ENGINE, input, make.zeros(input.outputShape())).columns();
        double planned = assertParts(method, input, parts,
                (part, output, sums) -> part.apply(ENGINE, plan, output, sums));
        double alone = assertParts(method, input, parts,
                (part, output, sums) -> part.apply(ENGINE, input, output, sums));
        assertTrue(planned * whole + plan.columns() <= alone * whole * 1.000001 + 1e-9);
        byte[] bytes = plan.toBytes();
        PilotPlan read = PilotPlan.fromBytes(method, ENGINE, input, bytes);
        assertParts(method, input, parts, (part, output, sums) -> part.apply(ENGINE, read, output, sums));
        assertArrayEquals(bytes, read.toBytes());
        return alone;
    }

    /** Runs all parts, each into an output of its own, and returns their columns added up. */
    private double assertParts(PilotAttention method, AttentionInput input, int parts, Apply apply) {
        Shape shape = input.outputShape();
        Tensor whole = make.zeros(shape);
        Tensor wholeSums = make.zeros(shape.withColumns(1));
        double columns = method.apply(ENGINE, input, whole, wholeSums).columns();
        double all = 0;
        int[][] times = new int[shape.batch() * shape.heads()][shape.rows()];
        for (int part = 0; part < parts; part++) {
            Tensor output = filled(shape);
            Tensor sums = filled(shape.withColumns(1));
            PilotPart.Done done = apply.apply(method.part(part, parts), output, sums);
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
    void stragglersAreComputedByThePartThatHasTheirTile() {
        AttentionInput input = make.normal(1, 2, 1, 900, 700, 12, 8);
        for (int i = 0; i < 900; i += 90) {
            for (int c = 0; c < 12; c++) {
                input.query().matrix(0, 1).set(i, c, 5 - c);
            }
        }
        assertParts(Attention.pilot().near(32).tile(32).build(), input, 5);
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
    void withPlanNothingIsRepeatedUpToTheTopNodes() {
        AttentionInput input = make.normal(1, 2, 2, 4096, 4096, 32, 16);
        PilotAttention method = Attention.pilot().near(64).tile(64).build();
        PilotPlan plan = PilotPlan.of(method, ENGINE, input);
        double whole = method.apply(ENGINE, input, make.zeros(input.outputShape())).columns();
        assertTrue(plan.columns() > 0.02 * whole);
        for (int parts : new int[] {1, 4, 16}) {
            double sum = plan.columns();
            for (int part = 0; part < parts; part++) {
                sum += method.part(part, parts).apply(ENGINE, plan, make.zeros(input.outputShape()), null)
                        .statistics().columns();
            }
            assertEquals(whole, sum, 1e-6 * whole);
        }
    }

    @Test
    void keysOfTheirOwnAreInThePlan() {
        AttentionInput normal = make.normal(1, 1, 1, 2000, 2000, 24, 8);
        // Every query is its key, and wants it more than all others.
        AttentionInput input = AttentionInput.of(normal.key(), normal.key(), normal.value()).withScale(1);
        assertParts(Attention.pilot().near(32).tile(32).build(), input, 4);
    }

    @Test
    void rowsThatRepeatAreComputedByThemselves() {
        AttentionInput few = make.normal(1, 1, 1, 8, 8, 6, 4);
        int[] rows = new SplittableRandom(3).ints(600, 0, 8).toArray();
        AttentionInput input = AttentionInput.of(picked(few.query(), rows), picked(few.key(), rows),
                picked(few.value(), rows));
        assertParts(Attention.pilot().near(8).tile(8).build(), input, 3);
    }

    private Tensor picked(Tensor from, int[] rows) {
        Tensor result = make.zeros(Shape.of(rows.length, from.shape().columns()));
        float[] row = new float[from.shape().columns()];
        for (int i = 0; i < rows.length; i++) {
            from.matrix(0, 0).readRow(rows[i], row, 0);
            result.matrix(0, 0).writeRow(i, row, 0);
        }
        return result;
    }

    @Test
    void plansAreOfOneInputAndMethod() {
        AttentionInput input = make.normal(1, 1, 1, 900, 900, 16, 8);
        PilotAttention method = Attention.pilot().near(16).tile(32).build();
        PilotPlan plan = PilotPlan.of(method, ENGINE, input);
        PilotAttention other = Attention.pilot().near(17).tile(32).build();
        Tensor output = make.zeros(input.outputShape());
        assertTrue(assertThrows(IllegalArgumentException.class,
                () -> other.part(0, 2).apply(ENGINE, plan, output, null)).getMessage().contains("near=17"));
        assertThrows(IllegalArgumentException.class, () -> PilotPlan.fromBytes(other, ENGINE, input, plan.toBytes()));
        AttentionInput changed = make.normal(1, 1, 1, 900, 900, 16, 8);
        assertTrue(assertThrows(IllegalArgumentException.class,
                () -> PilotPlan.fromBytes(method, ENGINE, changed, plan.toBytes())).getMessage()
                .contains("same input"));
        PilotAttention budget = Attention.pilot().budget(ErrorBudget.relativeSpectral(0.1)).build();
        assertThrows(IllegalStateException.class, () -> PilotPlan.of(budget, ENGINE, input));
    }

    @Test
    void damagedPlansAreRefusedOrDoNoHarm() {
        for (boolean causal : new boolean[] {false, true}) {
            AttentionInput input = make.normal(1, 2, 1, 700, 900, 16, 8)
                    .withMask(causal ? Mask.causal() : Mask.none());
            PilotAttention method = Attention.pilot().near(16).tile(16).groups(8).span(64).build();
            byte[] bytes = PilotPlan.of(method, ENGINE, input).toBytes();
            SplittableRandom random = new SplittableRandom(7);
            for (int i = 0; i < 400; i++) {
                byte[] damaged = i % 4 == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes.clone();
                for (int times = 0; times < 3 && i % 4 > 0; times++) {
                    int at = i % 4 == 1 ? random.nextInt(Math.min(64, bytes.length)) : random.nextInt(bytes.length);
                    damaged[at] = (byte) random.nextInt();
                }
                try {
                    PilotPlan plan = PilotPlan.fromBytes(method, ENGINE, input, damaged);
                    for (int part = 0; part < 3; part++) {
                        method.part(part, 3).apply(ENGINE, plan, make.zeros(input.outputShape()), null);
                    }
                } catch (IllegalArgumentException e) {
                    assertTrue(e.getMessage().startsWith("bytes of a plan must "), e.getMessage());
                }
            }
            assertTrue(assertThrows(IllegalArgumentException.class,
                    () -> PilotPlan.fromBytes(method, ENGINE, input, Arrays.copyOf(bytes, bytes.length + 1)))
                    .getMessage().contains("1 more"));
        }
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
