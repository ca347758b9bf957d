package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.io.Npy;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BudgetCommandTest {
    @TempDir
    private Path folder;

    @Test
    void measuresEveryHeadBudgetAndSeed() throws IOException {
        TestInputs make = TestInputs.of(8);
        for (String name : List.of("q", "k", "v")) {
            Npy.write(folder.resolve(name + ".npy"), make.tensor(Shape.of(1, 2, 8192, 4), 1), 3);
        }
        Outcome outcome = Outcome.of("budget", "--q", folder + "/q.npy", "--k", folder + "/k.npy", "--v",
                folder + "/v.npy", "--budget", "0.9,0.5", "--seeds", "2", "--method", "pilot", "--json");
        Map<String, Object> report = JSON.std.mapFrom(outcome.succeeds().out());
        List<?> cases = (List<?>) report.get("cases");
        assertEquals(8, cases.size());
        int approximate = 0;
        for (Object each : cases) {
            Map<?, ?> one = (Map<?, ?>) each;
            double error = ((Number) one.get("spectral")).doubleValue();
            double budget = ((Number) one.get("budget")).doubleValue();
            assertEquals(error < budget, one.get("kept"));
            if (Boolean.FALSE.equals(one.get("exact"))) {
                approximate++;
                double frobenius = ((Number) one.get("frobenius")).doubleValue();
                boolean inside = ((Number) one.get("certificateLow")).doubleValue() <= frobenius
                        && frobenius <= ((Number) one.get("certificateHigh")).doubleValue();
                assertTrue(frobenius > 0);
                assertEquals(inside, one.get("covered"));
            }
        }
        assertTrue(approximate > 0, "no head was approximated");
        List<?> prices = (List<?>) report.get("prices");
        assertEquals(2, prices.size());
        for (Object each : prices) {
            Map<?, ?> price = (Map<?, ?>) each;
            double cheapest = number(price, "fixedMs");
            assertTrue(cheapest <= number(price, "exactMs"), price.toString());
            assertTrue(number(price, "fixedError") <= number(price, "budget"), price.toString());
            assertEquals(number(price, "searchedMs") / cheapest, number(price, "price"), 1e-9);
            assertEquals(number(price, "calibratedMs") / cheapest, number(price, "calibratedPrice"), 1e-9);
            assertTrue(number(price, "calibratedError") <= number(price, "budget"), price.toString());
        }
    }

    private static double number(Map<?, ?> map, String name) {
        return ((Number) map.get(name)).doubleValue();
    }

    @Test
    void pricesStandBesideEveryCaseAndCanBeLeftOut() {
        String[] args = {"budget", "--n", "300", "--seeds", "2", "--budget", "0.1", "--csv"};
        List<String> lines = Outcome.of(args).succeeds().out().lines().toList();
        assertEquals(3, lines.size());
        String[] names = lines.get(0).split(",", -1);
        assertEquals(names.length, lines.get(1).split(",", -1).length);
        assertTrue(lines.get(0).endsWith(",price,calibratedMs,calibratedError,calibratedPrice"), lines.get(0));
        String table = Outcome.of("budget", "--n", "300", "--seeds", "1", "--budget", "0.1", "--no-price").succeeds()
                .out();
        assertFalse(table.contains("price"), table);
        String windowed = Outcome.of("budget", "--n", "300", "--seeds", "1", "--budget", "0.1", "--causal", "--window",
                "20").succeeds().out();
        assertTrue(windowed.contains("No prices, because pilot attention does not take the input: "), windowed);
    }

    @Test
    void shortInputIsExactAndHasNothingToCertify() {
        String text = Outcome.of("budget", "--n", "300", "--seeds", "3", "--budget", "0.1").succeeds().out();
        assertTrue(text.contains("Budget kept in 3 of 3 cases (100.0 %)"), text);
        assertTrue(text.matches("(?s).* 3 \\| +- \\|.*"), text);
    }

    @Test
    void refusesWhatItCannotDo() {
        Outcome.of("budget", "--seeds", "0").failsWith(2, "--seeds must be between 1 and 1000, got 0");
        Outcome.of("budget", "--budget", "-1").failsWith(2, "--budget must be a positive number, got -1.0");
        Outcome.of("budget", "--method", "kdeformer").failsWith(2,
                "--method must be one that takes an error budget, got kdeformer");
        Outcome.of("budget", "--certificate", "0").failsWith(2, "--certificate must not be 0 here");
    }
}
