package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class CheckedRowsTest {
    private static final int POPULATION = 500;
    private static final int REPETITIONS = 2000;
    private static final double CONFIDENCE = 0.95;
    /** Three standard deviations of a share of 0.95 among the repetitions. */
    private static final double SLACK = 0.015;

    static Stream<Arguments> populations() {
        CounterRandom random = CounterRandom.of(5);
        IntToDoubleFunction normal = random::gaussian;
        return Stream.of(Arguments.of("equal", (IntToDoubleFunction) i -> 1),
                Arguments.of("uniform", (IntToDoubleFunction) random::uniform),
                Arguments.of("log-normal 3", (IntToDoubleFunction) i -> Math.exp(3 * normal.applyAsDouble(i))),
                Arguments.of("one in a hundred is wholly wrong",
                        (IntToDoubleFunction) i -> i % 100 == 0 ? 1 : 1e-9 * random.uniform(i)),
                Arguments.of("one in ten is wholly wrong", (IntToDoubleFunction) i -> i % 10 == 0 ? 1 : 1e-9),
                Arguments.of("one of all", (IntToDoubleFunction) i -> i == 77 ? 1e9 : i));
    }

    /** Both for an error chosen beforehand and for the largest that was drawn. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("populations")
    void thePartThatKeepsAnErrorIsBoundedAtItsConfidence(String name, IntToDoubleFunction square) {
        double[] squares = new double[POPULATION];
        Arrays.setAll(squares, square);
        double median = Math.sqrt(Arrays.stream(squares).sorted().skip(POPULATION / 2).findFirst().orElseThrow());
        for (int drawn : new int[] {4, 16, 64}) {
            int chosen = 0;
            int largest = 0;
            for (int repetition = 0; repetition < REPETITIONS; repetition++) {
                int[] rows = CounterRandom.of(8).stream(drawn, repetition).sample(POPULATION, drawn);
                CheckedRows checked = new CheckedRows(POPULATION,
                        Arrays.stream(rows).mapToObj(i -> squares[i]).toList());
                chosen += checked.partWithin(median, CONFIDENCE) <= part(squares, median) ? 1 : 0;
                double most = checked.largest();
                largest += checked.partWithin(most, CONFIDENCE) <= part(squares, most) ? 1 : 0;
            }
            assertTrue(chosen >= (CONFIDENCE - SLACK) * REPETITIONS, name + ": " + chosen);
            assertTrue(largest >= (CONFIDENCE - SLACK) * REPETITIONS, name + ": " + largest);
        }
    }

    private static double part(double[] squares, double error) {
        return (double) Arrays.stream(squares).filter(each -> Math.sqrt(each) <= error).count() / squares.length;
    }

    @Test
    void figuresAreWhatTheySay() {
        CheckedRows rows = new CheckedRows(10, List.of(4.0, 0.0, 9.0)).plus(new CheckedRows(20, List.of(16.0)));
        assertEquals(30, rows.rows());
        assertEquals(4, rows.count());
        assertEquals(4, rows.largest());
        assertEquals(Math.sqrt(29 / 4.0), rows.error());
        // Sixteen of sixteen: 0.05 to the power of 1/16; 59 of 59 are the first to give 0.95.
        assertEquals(Math.pow(0.05, 1 / 16.0), same(100, 16).partWithin(1, 0.95), 1e-9);
        assertTrue(same(100, 58).partWithin(1, 0.95) < 0.95 && same(100, 59).partWithin(1, 0.95) > 0.95);
        assertEquals(0, same(100, 16).partWithin(0.5, 0.95));
    }

    private static CheckedRows same(long rows, int drawn) {
        return new CheckedRows(Math.max(0, rows), Collections.nCopies(drawn, 1.0));
    }

    @Test
    void allRowsAreKnownAndNoneSayNothing() {
        CheckedRows all = new CheckedRows(4, List.of(1.0, 4.0, 9.0, 16.0));
        assertEquals(0.75, all.partWithin(3, 0.95));
        assertEquals(1, CheckedRows.none().partWithin(0, 0.95));
        assertEquals(0, same(5, 0).partWithin(100, 0.95));
        assertEquals(0, same(5, 0).partWithin(same(5, 0).largest(), 0.95));
        assertTrue(Double.isNaN(CheckedRows.none().error()));
    }

    @Test
    void badArgumentsAreNamed() {
        assertThrows(IllegalArgumentException.class, () -> new CheckedRows(1, List.of(1.0, 2.0)));
        assertThrows(IllegalArgumentException.class, () -> new CheckedRows(1, List.of(-1.0)));
        assertThrows(IllegalArgumentException.class, () -> new CheckedRows(1, List.of(Double.NaN)));
        assertThrows(IllegalArgumentException.class, () -> same(9, 2).partWithin(1, 1));
        assertThrows(IllegalArgumentException.class, () -> same(9, 2).partWithin(-1, 0.9));
    }
}
