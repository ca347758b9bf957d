package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ExactRowsTest {
    static List<TestInputs.Case> cases() {
        return Stream.concat(TestInputs.all(40).stream(), TestInputs.windows(41).stream()).toList();
    }

    /** Rows of every head, in the order of heads and indices, each d_v long. */
    private static double[][] compute(int threads, AttentionInput input, int[][] rows) {
        double[][] result = new double[rows.length * rows[0].length][];
        try (Engine engine = Engine.create(threads)) {
            Team crew = Crews.begin(engine);
            ExactRows.compute(crew, input, rows,
                    (head, index, row) -> result[head * rows[0].length + index] = Arrays.copyOf(row, input.dv()));
            Crews.end(engine, crew);
        }
        return result;
    }

    private static int[][] sample(AttentionInput input, int count) {
        int[][] rows = new int[input.batch() * input.heads()][];
        Arrays.setAll(rows, head -> CounterRandom.of(head).sample(input.queries(), count));
        return rows;
    }

    private static void assertExact(AttentionInput input, int count) {
        int[][] rows = sample(input, count);
        double[][] result = compute(2, input, rows);
        ReferenceAttention reference = ReferenceAttention.of(input);
        double largest = TestInputs.largestLogit(input);
        for (int head = 0; head < rows.length; head++) {
            double[] output = reference.output(head / input.heads(), head % input.heads());
            for (int i = 0; i < count; i++) {
                int from = rows[head][i] * input.dv();
                double[] expected = Arrays.copyOfRange(output, from, from + input.dv());
                assertArrayEquals(expected, result[head * count + i], 1e-13 * (10 + largest));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void followsTheReference(TestInputs.Case test) {
        assertExact(test.input(), (test.input().queries() + 1) / 2);
    }

    @Test
    void followsTheReferenceOverSeveralSpansAndChunks() {
        AttentionInput input = TestInputs.of(1).normal(1, 2, 1, 300, 4357, 5, 3);
        assertExact(input, 300);
        assertExact(input.withMask(Mask.causal()), 290);
        assertExact(input.withMask(Mask.causalUpperLeft()), 290);
        assertExact(input.withMask(Mask.causal().withKeyLengths(4200)), 290);
    }

    @Test
    void doesNotDependOnThreads() {
        AttentionInput input = TestInputs.of(2).normal(1, 2, 2, 50, 5000, 7, 6).withMask(Mask.causal());
        int[][] rows = sample(input, 30);
        double[][] one = compute(1, input, rows);
        for (int threads : new int[] {2, 7}) {
            double[][] many = compute(threads, input, rows);
            for (int i = 0; i < one.length; i++) {
                assertArrayEquals(one[i], many[i]);
            }
        }
    }

    @Test
    void keepsWhatIsNotANumber() {
        AttentionInput input = TestInputs.of(3).normal(1, 1, 1, 2, 100, 3, 2);
        input.key().matrix(0, 0).set(70, 1, Float.NaN);
        double[][] rows = compute(1, input, new int[][] {{0, 1}});
        assertEquals(2, rows.length);
        assertTrue(Double.isNaN(rows[0][0]) && Double.isNaN(rows[1][1]));
    }
}
