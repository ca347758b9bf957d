package dev.kdeformer.pilot.search;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowErrorsTest {
    /** The tail of the binomial distribution, from its definition. */
    private static double atMost(int bad, int n, double part) {
        double sum = 0;
        for (int k = 0; k <= bad; k++) {
            double choose = 1;
            for (int i = 0; i < k; i++) {
                choose *= (double) (n - i) / (i + 1);
            }
            sum += choose * Math.pow(part, k) * Math.pow(1 - part, n - k);
        }
        return sum;
    }

    @ParameterizedTest
    @CsvSource({"100, 0.01", "458, 0.01", "459, 0.01", "1000, 0.01", "200, 0.1", "50, 0.5", "10, 0.2", "1, 0.5"})
    void soManyBadRowsAreImprobableAndOneMoreIsNot(int n, double part) {
        int bad = RowErrors.allowed(n, part);
        assertTrue(bad < 0 || atMost(bad, n, part) <= 0.01, bad + " of " + n);
        assertTrue(atMost(bad + 1, n, part) > 0.01, bad + " of " + n);
    }

    @Test
    void theErrorOfAPartOfTheRowsIsRelativeToTheirRootMeanSquare() {
        RowErrors errors = new RowErrors(1000);
        for (int i = 1; i <= 1000; i++) {
            errors.add((double) i * i, i % 2 == 0 ? 8 : 0, 1.0 / 1000);
        }
        RowSample.Error error = errors.at(0.9);
        assertEquals(900 / 2.0, error.likely(), 1e-9);
        int bad = RowErrors.allowed(1000, 1 - 0.9);
        assertEquals((1000 - bad) / 2.0, error.upper(), 1e-9);
        assertTrue(bad > 60 && bad < 100, bad + " bad rows");
    }

    @Test
    void fewRowsCannotSay() {
        RowErrors errors = new RowErrors(200);
        for (int i = 0; i < 200; i++) {
            errors.add(1e-6, 1, 1.0 / 200);
        }
        assertEquals(Double.POSITIVE_INFINITY, errors.at(0.99).upper());
        assertEquals(1e-3, errors.at(0.95).upper(), 1e-9);
        assertEquals(Double.POSITIVE_INFINITY, new RowErrors(0).at(0.5).upper());
    }
}
