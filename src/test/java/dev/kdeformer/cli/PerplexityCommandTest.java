package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PerplexityCommandTest {
    @TempDir
    private Path folder;
    private String model;
    private String text;

    @BeforeEach
    void train() throws IOException {
        text = Files.writeString(folder.resolve("text.txt"), "abc def ghi jkl, mnop. ".repeat(200)).toString();
        Outcome.of("train", "--layers", "2", "--width", "32", "--heads", "2", "--kv-heads", "1", "--hidden", "32",
                "--n",
                "64", "--step-bytes", "64", "--bytes", "256", "--text", text, "--out", folder.resolve("m").toString())
                .succeeds();
        model = folder.resolve("m/model.safetensors").toString();
    }

    @Test
    void everyMethodIsJudgedBesideExactAttention() throws IOException {
        Map<String, Object> report = JSON.std.mapFrom(Outcome.of("perplexity", "--model", model, "--text", text, "--n",
                "96,600", "--sequences", "2", "--methods", "pilot,hyper", "-O", "hyper.min-length=0", "-O",
                        "pilot.near=8",
                "-O", "hyper.block-size=16", "-O", "hyper.samples=8", "--per-layer", "--calibrate", "0.2", "--json")
                .succeeds().out());
        List<?> rows = (List<?>) report.get("rows");
        assertEquals(2 * (1 + 2 * 3 + 2), rows.size());
        for (Object each : rows) {
            Map<?, ?> row = (Map<?, ?>) each;
            double bits = ((Number) row.get("bitsPerByte")).doubleValue();
            assertTrue(bits > 0 && bits < 9, row.toString());
            double increase = ((Number) row.get("increase")).doubleValue();
            if (row.get("method").equals("exact")) {
                assertEquals(0, increase);
            } else if (row.get("n").equals(600) && row.get("method").equals("hyper")) {
                assertTrue(increase != 0, "nothing was replaced: " + row);
            }
        }
        assertTrue(((Map<?, ?>) rows.get(0)).get("method").equals("exact"));
        assertTrue(rows.toString().contains("pilot calibrated") && rows.toString().contains("window"));
    }

    @Test
    void methodsWithoutACausalMaskAreLeftOut() {
        String out = Outcome.of("perplexity", "--model", model, "--text", text, "--n", "96", "--sequences", "1",
                "--methods", "wildcat,pilot", "--calibrate", "0").succeeds().out();
        assertTrue(out.contains("wildcat is left out: it takes no causal mask"), out);
        Outcome.of("perplexity", "--model", model, "--text", text, "--methods", "wildcat").failsWith(1,
                "method wildcat takes no causal mask");
    }

    @Test
    void theEmbeddedModelHasLearnt() throws IOException {
        Map<String, Object> report = JSON.std.mapFrom(Outcome.of("perplexity", "--n", "512", "--sequences", "2",
                "--methods", "exact", "--calibrate", "0", "--json").succeeds().out());
        Map<?, ?> row = (Map<?, ?>) ((List<?>) report.get("rows")).get(0);
        assertTrue(((Number) row.get("bitsPerByte")).doubleValue() < 4, row.toString());
    }

    @Test
    void activationsAreSetsThatOtherCommandsRead() throws IOException {
        String sets = folder.resolve("sets").toString();
        String calls = Outcome.of("activations", "--model", model, "--text", text, "--n", "50,70", "--layers", "1",
                "--name", "small", "--out", sets).succeeds().out();
        assertEquals(2, calls.lines().count(), calls);
        Outcome.of("activations", "--model", model, "--text", text, "--n", "70", "--out", sets).succeeds();
        assertEquals(4, ((List<?>) JSON.std.mapFrom(Files.readAllBytes(Path.of(sets, "manifest.json"))).get("sets"))
                .size());
        String out = Outcome.of("run", "--data-dir", sets, "--data", "small-70.layer1", "--method", "hyper", "--repeat",
                "1", "--warm-up", "0").succeeds().out();
        assertTrue(out.contains("small-70.layer1") && out.contains("causal"), out);
    }

    @Test
    void classifiersAreTrained() {
        String out = Outcome.of("arena", "--tasks", "paths", "--methods", "exact,pilot", "--steps", "2", "--batch", "1",
                "--judged", "2", "--seeds", "2").succeeds().out();
        assertTrue(out.contains("paths | exact") || out.contains("paths |  exact"), out);
        Outcome.of("arena", "--tasks", "chess").failsWith(2, "--tasks must be of listops, paths, got chess");
        Outcome.of("arena", "--methods", "performer").failsWith(2, "method performer has no gradients");
        Outcome.of("arena", "--steps", "0").failsWith(2, "--steps must be between 1 and 1000000, got 0");
    }

    @Test
    void refusesWhatItCannotDo() {
        Outcome.of("perplexity", "--n", "1").failsWith(2, "--n must be between 2 and");
        Outcome.of("perplexity", "--text", text, "--n", "4096").failsWith(2, "bytes of text, got 4600");
        Outcome.of("perplexity", "--model", text).failsWith(1, "not a");
        Outcome.of("perplexity", "--calibrate", "2").failsWith(2, "--calibrate must be between 0 and 1");
        Outcome.of("activations", "--out", folder.toString(), "--name", "a/b").failsWith(2,
                "--name must be of letters");
        Outcome.of("activations", "--model", model, "--out", folder.toString(), "--layers", "2").failsWith(2,
                "--layers must be between 0 and 1, got 2");
    }
}
