package dev.kdeformer.pilot.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.runtime.Crew;
import dev.kdeformer.sampling.CounterRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SpectralErrorsTest {
    private static final int DV = 6;

    private final Crew alone = new Crew(1, Runnable::run);

    @AfterEach
    void close() {
        alone.close();
    }

    /** Normal errors, which are larger along the first feature, of rows that are 1 in the second one. */
    private static SpectralErrors sample(long seed, int rows, double first, double others) {
        CounterRandom random = CounterRandom.of(seed);
        SpectralErrors errors = new SpectralErrors(rows, DV);
        double[] exact = new double[DV];
        exact[1] = 1;
        for (int i = 0; i < rows; i++) {
            double[] error = new double[DV];
            for (int c = 0; c < DV; c++) {
                double radius = Math.sqrt(-2 * Math.log(1 - random.uniform(2L * (i * DV + c))));
                error[c] = (c == 0 ? first : others) * radius
                        * Math.cos(2 * Math.PI * random.uniform(2L * (i * DV + c) + 1));
            }
            errors.add(error, exact, 1.0 / rows);
        }
        return errors;
    }

    @Test
    void isNothingWithoutErrors() {
        RowSample.Error error = sample(0, 100, 0, 0).estimate(alone);
        assertEquals(0, error.likely());
        assertEquals(0, error.upper());
    }

    @Test
    void isTheDeviationAlongTheLargestDirection() {
        for (int seed = 0; seed < 20; seed++) {
            RowSample.Error error = sample(seed, 2000, 0.1, 0.02).estimate(alone);
            assertEquals(0.1, error.likely(), 0.01);
            assertTrue(error.upper() > 0.1 && error.upper() < 0.12, () -> "upper estimate " + error.upper());
        }
    }

    @Test
    void upperEstimateIsSeldomBelowTheErrorWhereAllDirectionsAreAlike() {
        int below = 0;
        for (int seed = 0; seed < 200; seed++) {
            below += sample(seed, 200, 0.1, 0.1).estimate(alone).upper() < 0.1 ? 1 : 0;
        }
        assertTrue(below <= 2, below + " of 200 below");
    }

    @Test
    void growsWithWhatRowsStandFor() {
        SpectralErrors errors = new SpectralErrors(4, 1);
        for (double weight : new double[] {0.25, 0.25, 0.5, 0.5}) {
            errors.add(new double[] {weight == 0.5 ? 0.3 : 0.1}, new double[] {1}, weight);
        }
        double square = (0.5 * 0.01 + 1.0 * 0.09) / 1.5;
        assertEquals(Math.sqrt(square), errors.estimate(alone).likely(), 1e-12);
    }

    @Test
    void isInfiniteWhereAnErrorIsNotFiniteOrTheRowsAreZero() {
        SpectralErrors infinite = new SpectralErrors(1, 2);
        infinite.add(new double[] {Double.NaN, 0}, new double[] {1, 0}, 1);
        assertEquals(Double.POSITIVE_INFINITY, infinite.estimate(alone).likely());
        SpectralErrors overflown = new SpectralErrors(1, 2);
        overflown.add(new double[] {Double.NaN, 0}, new double[] {Double.POSITIVE_INFINITY, 0}, 1);
        assertEquals(Double.POSITIVE_INFINITY, overflown.estimate(alone).upper());
        SpectralErrors zero = new SpectralErrors(1, 2);
        zero.add(new double[] {1, 0}, new double[] {0, 0}, 1);
        assertEquals(Double.POSITIVE_INFINITY, zero.estimate(alone).upper());
    }

    @Test
    void oneRowThatHoldsTheErrorIsUncertain() {
        SpectralErrors errors = new SpectralErrors(100, 2);
        for (int i = 0; i < 100; i++) {
            errors.add(new double[] {i == 40 ? 1 : 1e-3, 0}, new double[] {0, 1}, 0.01);
        }
        RowSample.Error error = errors.estimate(alone);
        assertTrue(error.upper() > 2 * error.likely(), () -> error.likely() + " to " + error.upper());
    }
}
