package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
