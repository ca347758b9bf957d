package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class DecodeCommandTest {
    @Test
    void decodesExactlyAndFromAPart() throws IOException {
        Outcome outcome = Outcome.of("decode", "--n", "4096", "--queries", "5", "--repeat", "1", "--warm-up", "0",
                "--budget", "0.3,1", "--checks", "3", "--json");
        Map<String, Object> report = JSON.std.mapFrom(outcome.succeeds().out());
        assertEquals(5, report.get("queries"));
        assertTrue(((Number) report.get("grownRowsPerSecond")).doubleValue() > 0, report.toString());
        List<?> runs = (List<?>) report.get("runs");
        assertEquals(3, runs.size());
        Map<?, ?> third = (Map<?, ?>) runs.get(1);
        assertTrue(((Number) third.get("bytesRead")).doubleValue() <= 0.38, third.toString());
        Map<?, ?> spectral = (Map<?, ?>) ((Map<?, ?>) third.get("error")).get("spectral");
        assertTrue(((Number) spectral.get("max")).doubleValue() < 0.05, third.toString());
        assertEquals(3, third.get("checkedQueries"));
        assertEquals(Math.cbrt(0.05), ((Number) third.get("partWithin")).doubleValue(), 1e-6);
        double checked = ((Number) third.get("checkedError")).doubleValue();
        double most = ((Number) third.get("checkedAtMost")).doubleValue();
        double row = ((Number) third.get("rowError")).doubleValue();
        assertTrue(checked > 0 && checked <= most && most <= Math.sqrt(5) * row, third.toString());
    }

    @Test
    void printsATable() {
        String text = Outcome.of("decode", "--data", "minilm-512.layer2", "--queries", "2", "--repeat", "1",
                "--warm-up", "0", "--no-observe").succeeds().out();
        assertTrue(text.contains("GB/s"), text);
        assertTrue(text.contains("sparse"), text);
    }

    @Test
    void saysWhatCheckedQueriesProve() {
        String[] call = {"decode", "--data", "minilm-16384.layer0", "--n", "4000", "--queries", "20", "--repeat", "1",
            "--warm-up", "0", "--target-error", "0.001", "--checks"};
        String text = Outcome.of(Stream.concat(Arrays.stream(call), Stream.of("16")).toArray(String[]::new)).succeeds()
                .out().replaceAll("\\s+", " ");
        assertTrue(text.contains("which at least 82 % of all queries keep, at a confidence of 95 %"), text);
        assertTrue(text.contains("budget 0.1 does not reach the target of 0.00100: predicted"), text);
        text = Outcome.of(Stream.concat(Arrays.stream(call), Stream.of("30")).toArray(String[]::new)).succeeds().out();
        assertTrue(text.contains("which are all"), text);
    }

    @Test
    void comparesWithWhatTheMemoryGives() {
        String text = Outcome.of("decode", "--data", "minilm-512.layer2", "--queries", "2", "--repeat", "1",
                "--warm-up", "0.01").succeeds().out();
        assertTrue(text.matches("(?s).*memory read: [0-9.]+ GB/s, of which exact decoding reaches [0-9.]+ %.*"), text);
        assertTrue(text.matches("(?s).*appending and indexing: [0-9.]+ rows/s at once.*"), text);
    }

    @Test
    void comparesCachesOfNarrowElements() throws IOException {
        Outcome outcome = Outcome.of("decode", "--n", "3000", "--queries", "3", "--repeat", "1", "--warm-up", "0",
                "--cache", "int8,bfloat16", "--json");
        List<?> runs = (List<?>) JSON.std.mapFrom(outcome.succeeds().out()).get("runs");
        assertEquals(6, runs.size());
        List<String> elements = List.of("float32", "int8", "bfloat16");
        double[] most = {1e-9, 0.05, 0.02};
        for (int i = 0; i < 3; i++) {
            Map<?, ?> exact = (Map<?, ?>) runs.get(2 * i);
            assertEquals(elements.get(i), ((Map<?, ?>) exact.get("parameters")).get("cache"), exact.toString());
            double error = ((Number) ((Map<?, ?>) ((Map<?, ?>) exact.get("error")).get("spectral")).get("max"))
                    .doubleValue();
            assertTrue(error <= most[i] && (i == 0 || error > 1e-6), exact.toString());
        }
    }

    @Test
    void saysWhereABudgetLeavesNothingToChoose() {
        String text = Outcome.of("decode", "--n", "3000", "--queries", "2", "--repeat", "1", "--warm-up", "0",
                "--cache", "int8", "--budget", "0.05,0.5").succeeds().out().replaceAll("\\s+", " ");
        assertTrue(text.matches(".*budget 0.05 of int8 is less than the [0-9.]+ % that the summaries.*"), text);
        assertFalse(text.contains("budget 0.5 of"), text);
    }

    @Test
    void continuesInputThatIsTooShort() {
        String[] call = {"decode", "--data", "minilm-512.layer2", "--n", "600", "--queries", "2", "--repeat", "1",
            "--warm-up", "0"};
        Outcome.of(call).failsWith(2, "--n must be between 1 and 512 for minilm-512.layer2, got 600; --synthetic "
                + "continues it with made-up rows");
        String text = Outcome.of(Stream.concat(Arrays.stream(call), Stream.of("--synthetic")).toArray(String[]::new))
                .succeeds().out();
        assertTrue(text.contains("n = m = 600"), text);
        assertTrue(text.contains("rows from 513 on are synthetic"), text);
    }

    @Test
    void refusesWhatItCannotDo() {
        Outcome.of("decode", "--cache", "int4").failsWith(2, "--cache must be float32, bfloat16 or int8, got int4");
        Outcome.of("decode", "--budget", "2").failsWith(2, "--budget must be above 0 and at most 1, got 2.0");
        Outcome.of("decode", "--causal").failsWith(2, "kdebench decode takes no --causal");
        Outcome.of("decode", "--key-lengths", "7").failsWith(2, "kdebench decode takes no --key-lengths");
        Outcome.of("decode", "--queries", "0").failsWith(2, "--queries must be at least 1");
        Outcome.of("decode", "--checks", "-1").failsWith(2, "--checks must be at least 0, got -1");
        Outcome.of("decode", "--target-error", "-1").failsWith(2, "--target-error must be at least 0");
    }
}
