package dev.kdeformer.pilot.keys;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LeverageTest {
    private final Engine engine = Engine.create(2);
    private final Team crew = Crews.begin(engine);

    @AfterEach
    void close() {
        Crews.end(engine, crew);
        engine.close();
    }

    @ParameterizedTest
    @CsvSource({"40, 5", "33, 17", "64, 100"})
    void isTheSquaredDistanceFromTheMiddleInUnitsOfTheKeysVariances(int n, int d) {
        try (Scratch scratch = new Scratch()) {
            RandomKeys make = new RandomKeys(scratch, new SplittableRandom(n));
            Rows queries = make.rows(n, d);
            Rows keys = make.rows(200, d);
            int[] starts = {0, 1, n / 3, n};
            double[] expected = new double[n];
            for (int tile = 0; tile + 1 < starts.length; tile++) {
                for (int c = 0; c < d; c++) {
                    double variance = variance(keys, c, 0, 200);
                    double mean = mean(queries, c, starts[tile], starts[tile + 1]);
                    for (int i = starts[tile]; i < starts[tile + 1]; i++) {
                        expected[i] += Math.pow(queries.get(i, c) - mean, 2) * variance;
                    }
                }
            }
            double sum = Arrays.stream(expected).sum();
            double[] parts = Leverage.of(queries, starts, keys, crew).parts();
            for (int i = 0; i < n; i++) {
                assertEquals(expected[i] / sum, parts[i], 1e-5);
            }
        }
    }

    @Test
    void isTheSameForAllWhereThereIsNone() {
        try (Scratch scratch = new Scratch()) {
            Rows queries = Rows.allocate(scratch, 8, 3);
            for (int i = 0; i < 8; i++) {
                queries.write(i, new float[] {1, 2, 3}, 0);
            }
            double[] parts = Leverage.of(queries, new int[] {0, 8}, queries, crew).parts();
            double[] same = new double[8];
            Arrays.fill(same, 0.125);
            assertArrayEquals(same, parts);
        }
    }

    private static double mean(Rows rows, int c, int from, int to) {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += rows.get(i, c);
        }
        return sum / (to - from);
    }

    private static double variance(Rows rows, int c, int from, int to) {
        double mean = mean(rows, c, from, to);
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += Math.pow(rows.get(i, c) - mean, 2);
        }
        return sum / (to - from);
    }
}
