package dev.kdeformer.pilot.repeats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.Mask;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RepeatedRowsTest {
    private static final Engine ENGINE = Engine.create(2);
    private final TestInputs make = TestInputs.of(8);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** Overwrites all rows but the first few by copies of these. */
    private static void repeat(Tensor tensor, int distinct, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int b = 0; b < tensor.shape().batch(); b++) {
            for (int h = 0; h < tensor.shape().heads(); h++) {
                Matrix matrix = tensor.matrix(b, h);
                float[] row = new float[matrix.columns()];
                for (int i = distinct; i < matrix.rows(); i++) {
                    matrix.readRow(random.nextInt(distinct), row, 0);
                    matrix.writeRow(i, row, 0);
                }
            }
        }
    }

    private AttentionInput repeated(AttentionInput input, int distinct) {
        repeat(input.query(), distinct, 1);
        repeat(input.key(), distinct, 2);
        return input;
    }

    private void assertExact(AttentionInput input, PilotAttention method) {
        Tensor output = make.zeros(input.outputShape());
        Tensor sums = make.zeros(input.outputShape().withColumns(1));
        Statistics done = method.apply(ENGINE, input, output, sums);
        assertTrue(done.note().contains("distinct"), done.note());
        ReferenceAttention reference = ReferenceAttention.of(input);
        assertTrue(reference.maxDifference(output) < 3e-6, "off by " + reference.maxDifference(output));
        assertTrue(reference.maxLogSumExpDifference(sums) < 3e-6);
        for (int threads : new int[] {1, 7}) {
            try (Engine engine = Engine.create(threads)) {
                Tensor again = make.zeros(input.outputShape());
                Tensor sumsAgain = make.zeros(input.outputShape().withColumns(1));
                method.apply(engine, input, again, sumsAgain);
                assertArrayEquals(output.toArray(), again.toArray());
                assertArrayEquals(sums.toArray(), sumsAgain.toArray());
            }
        }
    }

    @Test
    void fewDistinctRowsAreExactAtAFixedCostAndWithinABudget() {
        AttentionInput input = repeated(make.normal(2, 4, 2, 700, 900, 9, 7), 60)
                .withMask(Mask.none().withKeyLengths(900, 431)).withKeyBias(make.bias(Shape.of(1, 2, 1, 900)));
        assertExact(input, Attention.pilot().near(8).candidates(1).tile(16).build());
        assertExact(input, Attention.pilot().budget(ErrorBudget.relativeSpectral(0.05)).build());
    }

    @Test
    void otherElementsAndStridesAreReadAsTheyAre() {
        AttentionInput input = make.strided(repeated(make.normal(1, 2, 2, 640, 512, 5, 3), 40));
        assertExact(input, Attention.pilot().near(8).candidates(1).tile(16).build());
    }

    @Test
    void partsTogetherAreTheWholeCall() {
        AttentionInput input = repeated(make.normal(1, 2, 1, 700, 900, 9, 7), 60);
        PilotAttention method = Attention.pilot().near(8).tile(16).build();
        Tensor whole = make.zeros(input.outputShape());
        method.apply(ENGINE, input, whole, null);
        Tensor parts = make.zeros(input.outputShape());
        for (int part = 0; part < 3; part++) {
            method.part(part, 3).apply(ENGINE, input, parts, null);
        }
        assertArrayEquals(whole.toArray(), parts.toArray());
    }

    @Test
    void manyDistinctRowsAndCausalMasksAreLeftToTheMethod() {
        PilotAttention method = Attention.pilot().near(8).tile(16).build();
        for (AttentionInput input : new AttentionInput[] {
                repeated(make.normal(1, 1, 1, 600, 600, 8, 8), 400),
                repeated(make.normal(1, 1, 1, 600, 600, 8, 8), 40).withMask(Mask.causal())}) {
            assertFalse(method.apply(ENGINE, input, make.zeros(input.outputShape()), null).note()
                    .contains("distinct"));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 30, 500, 4000})
    void guessesTheNumberOfDistinctRows(int distinct) {
        Tensor rows = make.tensor(Shape.of(8000, 3), 1);
        repeat(rows, distinct, 5);
        double guess = DistinctRows.guess(rows.matrix(0, 0), IntStream.range(0, 8000).toArray());
        assertTrue(guess > 0.4 * distinct && guess < 2.5 * distinct, "guessed " + guess);
    }

    @Test
    void rowsThatDifferInASignOfZeroAreDistinct() {
        Tensor rows = Tensor.copyOf(Arena.ofAuto(), Shape.of(4, 2), 0f, 1f, -0f, 1f, 0f, 1f, 1f, 0f);
        int[] all = {0, 1, 2, 3};
        Team crew = Crews.begin(ENGINE);
        DistinctRows found = DistinctRows.of(rows.matrix(0, 0), all, crew);
        Crews.end(ENGINE, crew);
        assertArrayEquals(new int[] {0, 1, 3}, found.first());
        assertArrayEquals(new int[] {0, 1, 0, 2}, found.number());
    }
}
