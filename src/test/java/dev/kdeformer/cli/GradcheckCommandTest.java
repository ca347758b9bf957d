package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GradcheckCommandTest {
    @Test
    void gradientsFollowFiniteDifferences() throws IOException {
        for (String window : List.of("60", "7")) {
            Outcome outcome = Outcome.of("gradcheck", "--n", "60", "--d", "9", "--heads", "2", "--causal", "upper-left",
                    "--window", window, "--repeat", "1", "--warm-up", "0", "--json");
            Map<String, Object> report = JSON.std.mapFrom(outcome.succeeds().out());
            assertEquals(true, report.get("passes"));
            for (Object gradient : (List<?>) report.get("gradients")) {
                double error = ((Number) ((Map<?, ?>) gradient).get("error")).doubleValue();
                assertTrue(error > 0 && error < 1e-4, gradient.toString());
            }
        }
    }

    @Test
    void approximateMethodsAreCheckedWithTheirChoicesHeldFixed() throws IOException {
        for (String[] method : new String[][] {{"kdeformer", "--columns", "30"},
            {"hyper", "--columns", "30", "-O", "min-length=0"},
            {"pilot", "-O", "near=8", "-O", "tile=8", "-O", "candidates=1"}}) {
            List<String> call = new ArrayList<>(List.of("gradcheck", "--n", "90", "--d", "6", "--repeat", "1",
                    "--warm-up", "0", "--json", "--method"));
            call.addAll(List.of(method));
            Map<String, Object> report = JSON.std.mapFrom(Outcome.of(call.toArray(String[]::new)).succeeds().out());
            assertEquals(method[0], report.get("method"));
            for (Object gradient : (List<?>) report.get("gradients")) {
                Map<?, ?> row = (Map<?, ?>) gradient;
                assertTrue(((Number) row.get("error")).doubleValue() < 1e-3, gradient.toString());
                assertTrue(((Number) row.get("fromExact")).doubleValue() > 1e-2, "nothing was approximated: " + row);
            }
        }
    }

    @Test
    void aToleranceThatIsNotMetIsAFailure() {
        Outcome outcome = Outcome.of("gradcheck", "--data", "minilm-512.layer2", "--n", "64", "--repeat", "1",
                "--warm-up", "0", "--tolerance", "1e-14");
        assertEquals(1, outcome.code());
        assertTrue(outcome.out().contains("NOT all within"), outcome.out());
    }

    @Test
    void refusesWhatItCannotDo() {
        Outcome.of("gradcheck", "--elements", "0").failsWith(2, "--elements must be between 1 and 10000");
        Outcome.of("gradcheck", "--method", "performer").failsWith(2, "method performer has no gradients");
        Outcome.of("gradcheck", "--method", "pilot", "--budget", "0.1").failsWith(2,
                "pilot attention has gradients at a fixed cost only");
        Outcome.of("gradcheck", "--tolerance", "0").failsWith(2, "--tolerance must be above 0");
        Outcome.of("gradcheck", "--data", "minilm-512.layer2", "--d", "3").failsWith(2, "random input");
    }
}
