package dev.kdeformer.pilot.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.ErrorBudget;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

/** Estimates of sums over all rows, from rows that were drawn with several densities. */
class CheckRowsTest {
    private static final int N = 500;
    private static final ErrorBudget BUDGET = ErrorBudget.relativeSpectral(0.1);

    /** An output of which row i has the squared norm i + 1, where the exact rows are zeros. */
    private static Matrix rising() {
        Matrix output = TestInputs.of(1).zeros(Shape.of(1, 1, N, 1)).matrix(0, 0);
        for (int i = 0; i < N; i++) {
            output.set(i, 0, (float) Math.sqrt(i + 1));
        }
        return output;
    }

    private static double[] parts(IntToDoubleFunction weight) {
        double[] parts = new double[N];
        Arrays.setAll(parts, weight);
        double sum = Arrays.stream(parts).sum();
        Arrays.setAll(parts, i -> parts[i] / sum);
        return parts;
    }

    @Test
    void sumsAreUnbiasedWhateverTheDensities() {
        Matrix output = rising();
        double mean = 0;
        int seeds = 400;
        for (int seed = 0; seed < seeds; seed++) {
            RowSample sample = new RowSample(output, null, BUDGET, null);
            CheckRows rows = new CheckRows(sample, N, (into, from, team) -> { }, CounterRandom.of(seed));
            rows.add(null, new CheckRows.Draw(10, rows.evenly()),
                    new CheckRows.Draw(15, parts(i -> i % 7 == 0 ? 5 : 0.1)));
            rows.add(null, new CheckRows.Draw(12, parts(i -> i)));
            assertEquals(37, sample.count());
            for (int i = 0; i < 37; i++) {
                mean += sample.weights()[i] * (sample.positions()[i] + 1) / seeds;
            }
        }
        assertEquals((N + 1) / 2.0, mean, 0.02 * N / 2);
    }

    @Test
    void rowsThatHoldTheErrorAreFoundByADensityThatPointsAtThem() {
        RowSample sample = new RowSample(rising(), null, BUDGET, null);
        CheckRows rows = new CheckRows(sample, N, (into, from, team) -> { }, CounterRandom.of(3));
        rows.add(null, new CheckRows.Draw(20, parts(i -> i == 77 ? 0.5 * N : 0.5)));
        long found = Arrays.stream(sample.positions()).filter(position -> position == 77).count();
        assertTrue(found >= 9 && found <= 11, found + " of 20");
    }

    @Test
    void oneRowOfEveryStretchIsDrawn() {
        RowSample sample = new RowSample(rising(), null, BUDGET, null);
        CheckRows rows = new CheckRows(sample, N, (into, from, team) -> { }, CounterRandom.of(4));
        rows.add(null, new CheckRows.Draw(50, rows.evenly()));
        for (int i = 0; i < 50; i++) {
            int position = sample.positions()[i];
            assertTrue(position >= 10 * i && position <= 10 * (i + 1), position + " in stretch " + i);
        }
    }
}
