package dev.kdeformer.pilot.walk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.runtime.Scratch;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class NarrowingTest {
    private static final int LEVELS = 6;
    private static final Effort EFFORT = Effort.fixed(4, 64, 64);

    private final Scratch scratch = new Scratch();
    private final SplittableRandom random = new SplittableRandom(1);

    @AfterEach
    void close() {
        scratch.close();
    }

    @Test
    void variancesAreThoseOfTheNodes() {
        Narrowing narrowing = Narrowing.of(rows(4096, 20, i -> (i >> 11) * 10), LEVELS);
        // Two halves 10 apart in every feature, and a unit variance inside.
        assertEquals(20 * (25 + 1), narrowing.variances()[0], 60);
        for (int level = 1; level <= LEVELS; level++) {
            assertEquals(20, narrowing.variances()[level], 2, "level " + level);
        }
    }

    @Test
    void allArePassedDownWhereQueriesComeCloserAndFewWhereTheyDoNot() {
        Narrowing narrowing = Narrowing.of(rows(4096, 20, i -> (i >> 10) * 3), LEVELS);
        assertEquals(4, narrowing.passed(0, EFFORT));
        double few = narrowing.passed(2, EFFORT);
        assertTrue(few >= 1 && few < 2, "64 near keys for 64 queries at least: " + few);
        assertEquals(2.5, narrowing.passed(2, Effort.fixed(4, 160, 64)), 1e-12);
        assertEquals(4, narrowing.passed(2, Effort.fixed(4, 640, 64)), "what the effort allows");
        assertEquals(3, narrowing.passed(2, Effort.adaptive(3, -12, 64)), "an error budget decides for itself");
    }

    /** Queries in a square come closer with every level, those in twenty dimensions hardly do. */
    @Test
    void queriesOfFewDimensionsNarrow() {
        double[] variances = new double[LEVELS + 1];
        for (double dimensions : new double[] {1, 2, 3, 20}) {
            for (int level = 0; level <= LEVELS; level++) {
                variances[level] = Math.pow(2, -2 * level / dimensions);
            }
            assertEquals(dimensions < 20, new Narrowing(variances.clone()).narrows(), dimensions + " dimensions");
        }
        assertFalse(new Narrowing(new double[LEVELS + 1]).narrows());
        assertFalse(new Narrowing(new double[] {4, 1}).narrows(), "two levels do not tell");
    }

    @Test
    void equalQueriesAndSingleOnesHaveNothingToSave() {
        Narrowing equal = new Narrowing(new double[LEVELS + 1]);
        assertEquals(1, equal.passed(0, EFFORT));
        Narrowing single = Narrowing.of(rows(3, 2, i -> i), 2);
        assertEquals(0, single.variances()[2]);
        assertEquals(4, single.passed(0, EFFORT));
    }

    private Rows rows(int count, int d, IntToDoubleFunction shift) {
        Rows rows = Rows.allocate(scratch, count, d);
        float[] row = new float[d];
        for (int i = 0; i < count; i++) {
            for (int c = 0; c < d; c++) {
                row[c] = (float) (shift.applyAsDouble(i) + random.nextGaussian());
            }
            rows.write(i, row, 0);
        }
        return rows;
    }
}
