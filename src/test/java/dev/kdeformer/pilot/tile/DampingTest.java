package dev.kdeformer.pilot.tile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class DampingTest {
    @Test
    void smallVariancesAreBelieved() {
        for (double variance : new double[] {0, 0.3, 4}) {
            assertEquals(1, Damping.factor(variance));
            assertEquals(0, Damping.slope(variance));
        }
    }

    /** The second order goes on growing, as fast as before where it begins to be damped and ever slower from there. */
    @Test
    void largeOnesGrowAsTheirRoot() {
        double before = 2;
        for (double variance = 4; variance < 1e6; variance *= 1.01) {
            double second = variance / 2 * Damping.factor(variance);
            assertTrue(second >= before, second + " after " + before);
            before = second;
        }
        assertEquals(1, Damping.factor(4 + 1e-9), 1e-9);
        assertEquals(Math.sqrt(4e6) - 2, 5e5 * Damping.factor(1e6), 1e-6);
    }

    @Test
    void theSlopeIsTheDerivative() {
        for (double variance : new double[] {1, 4.1, 5, 10, 1000}) {
            double step = 1e-5 * variance;
            double difference = (Damping.factor(variance + step) - Damping.factor(variance - step)) / (2 * step);
            assertEquals(difference, Damping.slope(variance), 1e-6);
        }
    }
}
