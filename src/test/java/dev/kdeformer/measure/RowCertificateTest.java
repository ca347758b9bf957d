package dev.kdeformer.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowCertificateTest {
    private static final Engine ENGINE = Engine.create(2);
    private static final int N = 400;
    private final TestInputs make = TestInputs.of(3);
    private final AttentionInput input = make.normal(1, 1, 1, N, 60, 6, 5);

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    /** An output of which one row in so many is off by its own length. */
    private Tensor damaged(int every) {
        Tensor output = make.zeros(input.outputShape());
        Attention.exact().build().apply(ENGINE, input, output);
        for (int i = 0; i < N; i += every) {
            for (int c = 0; c < 5; c++) {
                output.matrix(0, 0).set(i, c, 100);
            }
        }
        return output;
    }

    private RowCertificate certificate(Tensor output, int rows, long seed) {
        return RowCertificate.of(ENGINE, input, output, 0.01, new RowCertificate.Draw(rows, seed, 0.9));
    }

    @Test
    void holdsAsOftenAsItSays() {
        Tensor output = damaged(8);
        int wrong = 0;
        for (int seed = 0; seed < 200; seed++) {
            wrong += certificate(output, 60, seed).least() > 7 / 8.0 ? 1 : 0;
        }
        // One in twenty may be wrong, the rest is left to the norm; 20 of 200 are 3 deviations more.
        assertTrue(wrong < 20, wrong + " of 200");
    }

    @Test
    void saysMoreTheMoreRowsThereAre() {
        Tensor output = damaged(200);
        double before = 0;
        for (int rows : new int[] {10, 50, 200}) {
            double least = certificate(output, rows, 4).least();
            assertTrue(least > before && least < 1, rows + " rows: " + least);
            before = least;
        }
        assertEquals(1 - 2.0 / N, certificate(output, N, 1).least(), "all rows are a count");
        assertEquals(0, RowCertificate.of(ENGINE, input, make.zeros(input.outputShape()), 0.01,
                new RowCertificate.Draw(30, 1, 0.95)).least());
    }

    @Test
    void aBudgetIsKeptWhereAsManyRowsAreCertified() {
        assertEquals(368, RowCertificate.leastRows(0.99, 0.95));
        for (double[] each : new double[][] {{0.9, 0.9}, {0.95, 0.99}, {0.5, 0.5}}) {
            int rows = RowCertificate.leastRows(each[0], each[1]);
            assertTrue(BinomialBound.lower(rows, rows, (1 - each[1]) / 2) >= each[0]);
            assertTrue(BinomialBound.lower(rows - 1, rows - 1, (1 - each[1]) / 2) < each[0]);
        }
        RowCertificate most = certificate(damaged(200), 200, 4);
        double least = most.least();
        assertTrue(most.keeps(ErrorBudget.rows(0.01, least)));
        assertFalse(most.keeps(ErrorBudget.rows(0.01, least + 1e-9)));
        assertThrows(IllegalArgumentException.class, () -> most.keeps(ErrorBudget.rows(0.02, least)));
        assertThrows(IllegalArgumentException.class, () -> most.keeps(ErrorBudget.relativeSpectral(0.01)));
        assertThrows(IllegalArgumentException.class, () -> RowCertificate.leastRows(1, 0.9));
        assertThrows(IllegalArgumentException.class, () -> RowCertificate.leastRows(0.9, 0));
    }

    @ParameterizedTest
    @CsvSource({"10, 10, 0.05, 0.741134", "9, 10, 0.05, 0.605837", "0, 7, 0.1, 0", "1, 1, 0.025, 0.025",
        "95, 100, 0.025, 0.887165"})
    void theBoundIsThatOfClopperAndPearson(int hits, int draws, double miss, double bound) {
        assertEquals(bound, BinomialBound.lower(hits, draws, miss), 2e-6);
    }

    @Test
    void saysWhatIsOutOfRange() {
        Tensor output = make.zeros(input.outputShape());
        assertThrows(IllegalArgumentException.class, () -> new RowCertificate.Draw(7, 1, 0.9));
        assertThrows(IllegalArgumentException.class, () -> new RowCertificate.Draw(8, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> RowCertificate.of(ENGINE, input, output, Double.NaN,
                new RowCertificate.Draw(8, 1, 0.9)));
        assertThrows(IllegalArgumentException.class, () -> RowCertificate.of(ENGINE, input, output.rows(0, 9), 1,
                new RowCertificate.Draw(8, 1, 0.9)));
    }
}
