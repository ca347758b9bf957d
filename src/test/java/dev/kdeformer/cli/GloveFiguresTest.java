package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The KDEformer paper's GloVe run with 512 features, on a quarter of its 16,384 rows. On all of them the authors' code
 * has an error of 0.090 (0.086 to 0.095 over five seeds) and ours of 0.086 (0.078 to 0.097), with HyperAttention's
 * sampling 0.088; on a quarter ours was 0.076 (0.068 to 0.084 over eight seeds) and 0.075 (0.067 to 0.083).
 */
class GloveFiguresTest {
    @Test
    void theErrorIsThatOfThePaper() throws IOException {
        int checked = 0;
        for (String seed : List.of("1", "2")) {
            Map<String, Object> report = JSON.std.mapFrom(Outcome.of("compare", "--data", "glove-16384", "--n", "4096",
                    "--methods", "kdeformer,hyper", "--columns", "768", "--seed", seed, "--repeat", "1", "--warm-up",
                    "0", "--certificate", "0", "--json").succeeds().out());
            for (Object each : (List<?>) report.get("runs")) {
                Map<?, ?> run = (Map<?, ?>) each;
                if (run.get("method").equals("exact")) {
                    continue;
                }
                double error = (Double) ((Map<?, ?>) ((Map<?, ?>) run.get("error")).get("spectral")).get("mean");
                assertTrue(error > 0.062 && error < 0.089, run.get("method") + ", seed " + seed + ": " + error);
                checked++;
            }
        }
        assertEquals(4, checked);
    }
}
