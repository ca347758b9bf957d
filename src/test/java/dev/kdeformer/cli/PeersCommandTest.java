package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.cli.console.Version;
import dev.kdeformer.cli.peers.FakePeers;
import dev.kdeformer.cli.peers.Peer;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeersCommandTest {
    @TempDir
    private Path folder;

    /** Runs the command where the given classes are installed as peers. */
    private Outcome with(List<String> peers, String... args) throws IOException {
        List<String> all = new ArrayList<>(List.of("peers", "--repeat", "1", "--warm-up", "0", "--threads", "1"));
        all.addAll(Arrays.asList(args));
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.write(services.resolve(Peer.class.getName()), peers);
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()}, before)) {
            thread.setContextClassLoader(loader);
            return Outcome.of(all.toArray(String[]::new));
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private static List<String> names(Class<?>... peers) {
        return Arrays.stream(peers).map(Class::getName).toList();
    }

    private static List<List<String>> table(String out) {
        return out.lines().filter(line -> line.contains("|"))
                .map(line -> Arrays.stream(line.split("\\|")).map(String::strip).toList()).toList();
    }

    @Test
    void withoutPeersSaysHowToGetThemAndTimesExact() throws IOException {
        String out = with(List.of(), "--n", "70", "--d", "8", "--heads", "3").succeeds().out();
        assertTrue(out.startsWith("random: 3 heads, n = m = 70, d = 8, scale 0.354, not causal\n"), out);
        assertEquals(1, out.lines().filter(PeersCommand.MISSING::equals).count(), out);
        assertEquals(2, table(out).size());
        assertEquals(List.of("exact", Version.text(), "yes"), table(out).get(1).subList(0, 3));
        assertFalse(out.contains("times the speed"), out);
    }

    @Test
    void tellsFusedFromUnfused() throws IOException {
        String out = with(names(FakePeers.Right.class, FakePeers.Slowed.class), "--n", "40", "--d", "8", "--causal")
                .succeeds().out();
        assertEquals(List.of("method", "version", "fused", "median ms", "min ms", "GFLOP/s", "memory MiB",
                "speed-up", "max difference"), table(out).get(0));
        assertEquals(List.of("peer:right", "1.2.3", "yes"), table(out).get(2).subList(0, 3));
        assertEquals(List.of("peer:slowed", "1.2.3", "no"), table(out).get(3).subList(0, 3));
        assertTrue(out.contains("fastest fused peer, peer:right\n"), out);
        assertTrue(out.contains("fastest unfused peer, peer:slowed\n"), out);
        assertTrue(out.contains("\na brake is on\n"), out);
        assertFalse(out.contains(PeersCommand.MISSING), out);
    }

    @Test
    void leavesOutWhatCannotRunAndSaysWhy() throws IOException {
        List<String> peers = new ArrayList<>(names(FakePeers.Refusing.class, FakePeers.Unloadable.class,
                FakePeers.Right.class));
        peers.add(1, "no.such.Peer");
        String out = with(peers, "--n", "9", "--d", "2").succeeds().out();
        assertEquals(List.of("exact", "peer:right"), table(out).stream().skip(1).map(row -> row.get(0)).toList());
        assertTrue(out.contains("\nrefusing is left out: it does not feel like it\n"), out);
        assertTrue(out.contains("\nunloadable is left out, it does not load here: no such library\n"), out);
        assertTrue(out.contains("no.such.Peer"), out);
    }

    @Test
    void disagreementIsAFailure() throws IOException {
        with(names(FakePeers.Wrong.class), "--n", "40", "--d", "8")
                .failsWith(1, "peer:wrong and exact disagree: their outputs differ by 0.00500 of the largest element");
        with(names(FakePeers.NotANumber.class), "--n", "40", "--d", "8").failsWith(1, "peer:nan and exact disagree");
    }

    @Test
    @SuppressWarnings("unchecked")
    void jsonHasTheFormOfAllReports() throws IOException {
        Outcome outcome = with(names(FakePeers.Right.class, FakePeers.Slowed.class), "--data", "minilm-512.layer2",
                "--n", "33", "--causal", "--json");
        assertEquals(0, outcome.code());
        assertEquals(List.of("kdebench peers: a brake is on"), outcome.err().lines().toList());
        Map<String, Object> report = JSON.std.mapFrom(outcome.out());
        assertEquals(Set.of("machine", "input", "runs"), report.keySet());
        Map<String, Object> input = (Map<String, Object>) report.get("input");
        assertEquals(List.of("minilm-512.layer2", 33, true), List.of(input.get("name"), input.get("n"),
                input.get("causal")));
        List<Map<String, Object>> runs = (List<Map<String, Object>>) report.get("runs");
        assertEquals(List.of("exact", "peer:right", "peer:slowed"),
                runs.stream().map(run -> run.get("method")).toList());
        assertEquals(List.of(true, true, false), runs.stream()
                .map(run -> ((Map<String, Object>) run.get("parameters")).get("fused")).toList());
        for (Map<String, Object> run : runs) {
            assertEquals(Set.of("method", "parameters", "evaluations", "threads", "seed", "medianMs", "minMs",
                    "speedup", "cost", "error", "certificate", "note", "gflops", "memoryBytes", "maxDifference"),
                    run.keySet());
            Object memory = run.get("memoryBytes");
            assertTrue(memory == null || ((Number) memory).doubleValue() < 1 << 30, "took " + memory);
            assertEquals(17, run.get("evaluations")); // the mean of 1 to 33
            double ms = ((Number) run.get("medianMs")).doubleValue();
            // 2 · (32 + 32) operations for each visible pair of 4 heads
            assertEquals(4 * 128 * 17 * 33 / (ms * 1e6), ((Number) run.get("gflops")).doubleValue(), 1e-9);
            assertEquals(Set.of("spectral", "spectralCentred", "frobeniusCentred", "maxRow", "row50", "row99",
                    "row999"),
                    ((Map<String, Object>) run.get("error")).keySet());
            assertNull(run.get("certificate"));
        }
        assertEquals(0, runs.get(0).get("maxDifference"));
        assertNotEquals(0, runs.get(1).get("maxDifference"));
    }

    @Test
    void writesEveryForm() throws IOException {
        Path svg = folder.resolve("peers.svg");
        Path csv = folder.resolve("peers.csv");
        String markdown = with(names(FakePeers.Right.class, FakePeers.Slowed.class), "--n", "40", "--d", "8", "--plot",
                svg.toString(), "--csv", csv.toString(), "--markdown").out();
        assertTrue(markdown.contains("\n| method | version | fused |"), markdown);
        assertEquals(4, Files.readAllLines(csv).size());
        String picture = Files.readString(svg);
        // two bars of fused ones, one of an unfused one, and an entry of the legend for each
        assertEquals(2 + 1, count(picture, "fill:rgb(0,114,178)"));
        assertEquals(1 + 1, count(picture, "fill:rgb(230,159,0)"));
    }

    private static int count(String text, String part) {
        return (text.length() - text.replace(part, "").length()) / part.length();
    }

    @Test
    void refusesOptionsThatDoNotFit() throws IOException {
        with(List.of(), "--data", "minilm-512.layer2", "--d", "3").failsWith(2, "--d and --heads are for random input");
        with(List.of(), "--names", "q=a").failsWith(2, "--names needs --safetensors");
        with(List.of(), "--n", "0").failsWith(2, "rows must be at least 1, got 0");
        with(List.of(), "--heads", "-1").failsWith(2, "heads must be at least 1, got -1");
        with(List.of(), "--n", "2000000000", "--d", "100000").failsWith(1, "not enough memory");
        Outcome.of("peers", "--repeat", "0").failsWith(2, "--repeat must be between 1 and 10000, got 0");
    }
}
