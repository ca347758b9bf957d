package dev.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ErrorBudgetTest {
    private static void refuses(String message, Runnable made) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, made::run).getMessage());
    }

    @Test
    void saysWhatItIsAbout() {
        assertEquals(0.05, ErrorBudget.relativeSpectral(0.05).relativeSpectral());
        assertEquals("relative spectral error of 0.05", ErrorBudget.relativeSpectral(0.05).toString());
        ErrorBudget rows = ErrorBudget.rows(0.1, 0.99);
        assertEquals("error of 0.1 in 0.99 of the rows", rows.toString());
        assertTrue(assertThrows(IllegalStateException.class, rows::relativeSpectral).getMessage().contains("rows"));
    }

    @Test
    void refusesWhatIsNoBudget() {
        refuses("error budget must be a positive number, got 0.0", () -> ErrorBudget.relativeSpectral(0));
        refuses("error budget must be a positive number, got NaN", () -> ErrorBudget.rows(Double.NaN, 0.5));
        refuses("fraction of the rows must be above 0 and at most 1, got 0.0", () -> ErrorBudget.rows(0.1, 0));
        refuses("fraction of the rows must be above 0 and at most 1, got 1.5", () -> ErrorBudget.rows(0.1, 1.5));
        refuses("fraction must be 1 for the spectral error, got 0.5",
                () -> new ErrorBudget(ErrorBudget.Measure.SPECTRAL, 0.1, 0.5));
    }
}
