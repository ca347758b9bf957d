package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.io.Npy;
import dev.kdeformer.io.Safetensors;
import dev.kdeformer.reference.ChildJvm;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunCommandTest {
    @TempDir
    private Path folder;

    /** Runs a method once on one thread, without certificate. */
    private static Outcome quick(String... args) {
        List<String> all = new ArrayList<>(List.of("run", "--repeat", "1", "--warm-up", "0", "--threads", "1",
                "--certificate", "0"));
        all.addAll(Arrays.asList(args));
        return Outcome.of(all.toArray(String[]::new));
    }

    private AttentionInput writeInput(int rank) throws IOException {
        AttentionInput input = TestInputs.of(3).normal(rank > 3 ? 2 : 1, rank > 2 ? 2 : 1, 1, 23, 29, 5, 3);
        Npy.write(folder.resolve("q.npy"), input.query(), rank);
        Npy.write(folder.resolve("k.npy"), input.key(), rank);
        Npy.write(folder.resolve("v.npy"), input.value(), rank);
        return input;
    }

    private Outcome onFiles(String... args) {
        List<String> all = new ArrayList<>(List.of("--q", folder + "/q.npy", "--k", folder + "/k.npy", "--v",
                folder + "/v.npy", "--method", "exact"));
        all.addAll(Arrays.asList(args));
        return quick(all.toArray(String[]::new));
    }

    private void assertOutputIs(AttentionInput input, Path file) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Tensor output = Npy.read(file, arena);
            assertEquals(0, ReferenceAttention.of(input).maxDifference(output), 1e-5);
        }
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void printsATableOfExactAndTheTrivialMethod() {
        String out = quick("--data", "minilm-512.layer2", "--n", "96", "--method", "mean").succeeds().out();
        assertTrue(out.startsWith("minilm-512.layer2: 4 heads, n = m = 96, d = 32, scale 0.177, not causal\n"), out);
        List<String> table = out.lines().filter(line -> line.contains("|")).filter(line -> !line.contains("O'"))
                .toList();
        assertEquals(List.of("method", "evaluations", "cost", "median ms", "min ms", "speed-up", "spectral", "centred",
                "Frobenius", "max row", "certified"), cells(table.get(0)));
        List<String> exact = cells(table.get(1));
        assertEquals(List.of("exact", "96", "96"), exact.subList(0, 3));
        assertEquals(List.of("1.00x", "0 / 0", "0 / 0", "0 / 0", "0 / 0", "-"), exact.subList(5, 11));
        List<String> mean = cells(table.get(2));
        assertEquals(List.of("mean", "1"), mean.subList(0, 2));
        assertTrue(mean.get(6).matches("[01]\\.\\d+ / [01]\\.\\d+"), mean.get(6));
        assertEquals(3, table.size());
    }

    private static List<String> cells(String line) {
        return Arrays.stream(line.split("\\|")).map(String::strip).toList();
    }

    @Test
    void writesTheOutputOfFilesOfEveryRank() throws IOException {
        for (int rank = 2; rank <= 4; rank++) {
            AttentionInput input = writeInput(rank);
            Path out = folder.resolve("out.npy");
            onFiles("--out", out.toString()).succeeds();
            assertOutputIs(input, out);
            assertEquals(rank, Npy.readHeader(out).dimensions().size());
            assertEquals(List.of("k.npy", "out.npy", "q.npy", "v.npy"), files());
        }
    }

    @Test
    void masksScalesAndCutsTheInput() throws IOException {
        AttentionInput input = writeInput(4);
        Path out = folder.resolve("out.npy");
        onFiles("--out", out.toString(), "--causal").succeeds();
        assertOutputIs(input.withMask(Mask.causal()), out);
        onFiles("--out", out.toString(), "--causal=upper-left", "--scale", "0.25").succeeds();
        assertOutputIs(input.withMask(Mask.causalUpperLeft()).withScale(0.25f), out);
        onFiles("--out", out.toString(), "--key-lengths", "29,7").succeeds();
        assertOutputIs(input.withMask(Mask.none().withKeyLengths(29, 7)), out);
        onFiles("--out", out.toString(), "--n", "25").succeeds();
        assertOutputIs(AttentionInput.of(input.query(), input.key().rows(0, 25), input.value().rows(0, 25)), out);
    }

    @Test
    void readsNamedTensorsOfOneFile() throws IOException {
        AttentionInput input = TestInputs.of(4).normal(1, 2, 2, 11, 13, 4, 6);
        Path file = folder.resolve("t.safetensors");
        Path out = folder.resolve("out.npy");
        Safetensors.write(file, Map.of("q", input.query(), "layer.3.k", input.key(), "v", input.value()));
        quick("--safetensors", file.toString(), "--names", "k=layer.3.k", "--method", "exact", "--out",
                out.toString()).succeeds();
        assertOutputIs(input, out);
        quick("--safetensors", file.toString()).failsWith(1, "there is no tensor 'k'");
    }

    @Test
    void takesQueriesForKeys() throws IOException {
        writeInput(2);
        Path out = folder.resolve("out.npy");
        quick("--q", folder + "/k.npy", "--k", folder + "/k.npy", "--v", folder + "/v.npy", "--out", out.toString())
                .succeeds();
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(29, Npy.read(out, arena).shape().rows());
        }
    }

    @Test
    void badFilesGiveOneLineAndNoOutput() throws IOException {
        writeInput(3);
        Path out = folder.resolve("out.npy");
        byte[] before = {1, 2, 3};
        Files.write(out, before);
        byte[] good = Files.readAllBytes(folder.resolve("q.npy"));
        for (byte[] bad : List.of(new byte[0], "not a tensor\nat all".getBytes(StandardCharsets.UTF_8),
                Arrays.copyOf(good, good.length - 1),
                new String(good, StandardCharsets.ISO_8859_1).replace("23, 5", "99999999999, 5")
                        .getBytes(StandardCharsets.ISO_8859_1))) {
            Files.write(folder.resolve("q.npy"), bad);
            onFiles("--out", out.toString()).failsWith(1, "q.npy");
            assertArrayEquals(before, Files.readAllBytes(out));
        }
        Files.delete(folder.resolve("q.npy"));
        onFiles("--out", out.toString()).failsWith(1, "q.npy: no such file");
        assertEquals(List.of("k.npy", "out.npy", "v.npy"), files());
        quick("--safetensors", folder + "/v.npy").failsWith(1, "v.npy");
        quick("--safetensors", folder.toString()).failsWith(1, "this is a folder");
    }

    @Test
    void shapesThatDoNotFitGiveOneLine() throws IOException {
        writeInput(2);
        quick("--q", folder + "/q.npy", "--k", folder + "/q.npy", "--v", folder + "/v.npy")
                .failsWith(1, "key and value must have the same heads and rows, got (1, 1, 23, 5) and (1, 1, 29, 3)");
    }

    @Test
    void refusesOutputsThatCannotBeWrittenBeforeItComputes() throws IOException {
        writeInput(2);
        onFiles("--out", folder + "/missing/out.npy").failsWith(1, "its folder does not exist");
        onFiles("--out", folder.toString()).failsWith(1, "this is a folder");
        onFiles("--json", folder + "/missing/report.json").failsWith(1, "its folder does not exist");
        onFiles("--plot", folder + "/missing/report.png").failsWith(1, "its folder does not exist");
    }

    @Test
    void aFolderWithAManifestHasSetsToo() throws IOException {
        AttentionInput input = writeInput(3);
        Files.writeString(folder.resolve("manifest.json"), """
                {"sets": [{"name": "mine", "files": {"q": "q.npy", "k": "k.npy", "v": "v.npy"}, "heads": 2, "n": 23,
                 "d": 5, "dv": 3, "scale": 0.5, "causal": true}]}""");
        Path out = folder.resolve("out.npy");
        String text = quick("--data-dir", folder.toString(), "--data", "mine", "--method", "exact", "--out",
                out.toString()).succeeds().out();
        assertTrue(text.startsWith("mine: 2 heads (1 of keys), n = 23, m = 29, d = 5, d_v = 3, scale 0.500, causal "
                + "(lower right)"), text);
        assertOutputIs(input.withScale(0.5f).withMask(Mask.causal()), out);
        quick("--data-dir", folder.toString(), "--data", "yours").failsWith(2, "must be one of mine, glove-16384");
    }

    @Test
    void withoutExactThereIsNoError() {
        String out = quick("--data", "minilm-512.layer2", "--n", "40", "--no-exact", "--method", "mean").succeeds()
                .out();
        assertFalse(out.contains("exact"), out);
        List<String> mean = cells(out.lines().filter(line -> line.startsWith(" mean")).findFirst().orElseThrow());
        assertEquals(List.of("-", "-", "-", "-", "-", "-"), mean.subList(4, 10));
    }

    @Test
    void certifiesWithoutTheExactOutput() throws IOException {
        String[] args = {"run", "--data", "minilm-512.layer2", "--method", "mean", "--repeat", "1", "--warm-up", "0",
            "--certificate", "256", "--json"};
        Map<?, ?> with = meanRun(Outcome.of(args).succeeds().out());
        List<String> more = new ArrayList<>(Arrays.asList(args));
        more.add("--no-exact");
        Map<?, ?> without = meanRun(Outcome.of(more.toArray(String[]::new)).succeeds().out());
        Map<?, ?> certificate = (Map<?, ?>) without.get("certificate");
        assertEquals(with.get("certificate"), certificate);
        assertEquals(256, certificate.get("rows"));
        assertEquals(0.95, certificate.get("confidence"));
        double low = ((Number) certificate.get("low")).doubleValue();
        double estimate = ((Number) certificate.get("estimate")).doubleValue();
        double high = ((Number) certificate.get("high")).doubleValue();
        // The mean of four heads whose outputs are partly their own mean rows: between nothing and all.
        assertTrue(0 < low && low < estimate && estimate < high && high < 1.5, certificate.toString());
    }

    private static Map<?, ?> meanRun(String json) throws IOException {
        List<?> runs = (List<?>) JSON.std.mapFrom(json).get("runs");
        return (Map<?, ?>) runs.get(runs.size() - 1);
    }

    @Test
    void estimatesWithoutComputing() {
        String out = Outcome.of("run", "--data", "glove-16384", "--method", "exact", "--estimate").succeeds().out();
        // 2 · 16384² · (100 + 100) operations
        assertTrue(out.contains("107 GFLOP"), out);
        assertTrue(out.contains("25.0 MiB"), out);
    }

    @Test
    void addsFilesToTheLogitsOfKeys() throws IOException {
        AttentionInput input = writeInput(3);
        float[] bias = new float[29];
        boolean[] seen = new boolean[29];
        for (int j = 0; j < 29; j++) {
            seen[j] = j % 3 != 0;
            bias[j] = seen[j] ? j / 10f : Float.NEGATIVE_INFINITY;
        }
        Path numbers = folder.resolve("numbers.npy");
        Path truths = folder.resolve("truths.npy");
        try (Arena arena = Arena.ofConfined()) {
            Tensor all = Tensor.copyOf(arena, Shape.of(1, 1, 1, 29), bias);
            float[] finite = bias.clone();
            for (int j = 0; j < 29; j++) {
                finite[j] = j / 10f;
            }
            Npy.write(numbers, Tensor.copyOf(arena, Shape.of(1, 1, 1, 29), finite), 4);
            ByteBuffer header = ByteBuffer.allocate(128 + 29);
            String text = "{'descr': '|b1', 'fortran_order': False, 'shape': (29,), }";
            header.put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0}).put((text
                    + " ".repeat(117 - text.length()) + "\n").getBytes(StandardCharsets.ISO_8859_1));
            for (boolean each : seen) {
                header.put((byte) (each ? 1 : 0));
            }
            Files.write(truths, header.array());
            Path out = folder.resolve("out.npy");
            onFiles("--key-bias", numbers.toString(), "--mask", truths.toString(), "--out", out.toString())
                    .succeeds();
            assertOutputIs(input.withKeyBias(all), out);
            onFiles("--mask", truths.toString(), "--n", "24", "--out", out.toString()).succeeds();
            onFiles("--key-bias", truths.toString()).failsWith(2, "--mask takes those");
            float[] both = new float[23 * 29];
            for (int i = 0; i < both.length; i++) {
                both[i] = i % 5 == 1 ? -Float.MAX_VALUE : i % 7;
            }
            Tensor pairs = Tensor.copyOf(arena, Shape.of(23, 29), both);
            Path pairsFile = folder.resolve("pairs.npy");
            Npy.write(pairsFile, pairs, 2);
            onFiles("--mask", pairsFile.toString(), "--out", out.toString()).succeeds();
            assertOutputIs(input.withPairBias(PairBias.of(pairs)), out);
            onFiles("--bias", pairsFile.toString(), "--out", out.toString()).succeeds();
            assertOutputIs(input.withPairBias(PairBias.of(pairs)), out);
            onFiles("--bias", pairsFile.toString(), "--mask", truths.toString(), "--out", out.toString()).succeeds();
            onFiles("--bias", pairsFile.toString(), "--mask", pairsFile.toString())
                    .failsWith(2, "--bias and a --mask for pairs");
            onFiles("--bias", numbers.toString()).failsWith(2, "--bias must have shape (23, 29), (2 or 1, 23, 29) or");
            onFiles("--bias", truths.toString()).failsWith(2, "--mask takes those");
            onFiles("--mask", folder + "/q.npy").failsWith(2, "--mask must have shape (23, 29), (2 or 1, 23, 29) or");
        }
    }

    @Test
    void saysWhatABudgetCannotDo() {
        String out = quick("--data", "minilm-512.layer2", "--n", "200", "--method", "pilot", "--columns", "5")
                .succeeds().out();
        assertTrue(out.matches("(?s).*pilot: --columns below ([0-9.]+) is exceeded: it spends \\1 key evaluations per "
                + "query here, or more\n.*"), out);
        String several = Outcome.of("compare", "--data", "minilm-512.layer2", "--n", "200", "--methods", "pilot",
                "--columns", "5,10,15", "--repeat", "1", "--warm-up", "0", "--certificate", "0").succeeds().out();
        assertEquals(2, several.split("is exceeded", -1).length, several);
    }

    @Test
    void leavesOutMethodsThatCannot() {
        String out = quick("--data", "minilm-512.layer2", "--n", "64", "--causal", "--window", "8").succeeds().out();
        assertTrue(out.contains("mean is left out: it takes no sliding window")
                && out.contains(" auto "), out);
        String longer = quick("--data", "minilm-512.layer2", "--n", "400", "--window", "80,20", "--method", "pilot",
                "-O", "near=100").failsWith(1, "method pilot takes windows of at most 100 keys").err();
        assertTrue(longer.contains("method exact takes any"), longer);
        quick("--data", "minilm-512.layer2", "--n", "64", "--causal", "--window", "8", "--method", "mean")
                .failsWith(1, "mean");
    }

    @Test
    void aManifestThatItsFilesBelieIsRefused() throws IOException {
        writeInput(3);
        Files.writeString(folder.resolve("manifest.json"), """
                {"sets": [{"name": "mine", "files": {"q": "q.npy", "k": "k.npy", "v": "v.npy"}, "heads": 2, "n": 24,
                 "d": 5, "dv": 3, "scale": 0.5, "causal": true}]}""");
        quick("--data-dir", folder.toString(), "--data", "mine").failsWith(1, "its manifest says heads = 2, n = 24");
    }

    @Test
    void twoOptionsCannotNameOneFile() throws IOException {
        writeInput(2);
        Path link = folder.resolve("link");
        Files.createSymbolicLink(link, folder.resolve("x"));
        onFiles("--out", folder + "/x", "--json", link.toString()).failsWith(2, "--out and --json name the same file");
        Path loop = folder.resolve("loop");
        Files.createSymbolicLink(loop, loop);
        onFiles("--out", loop.toString()).failsWith(1, "its symbolic link leads to no file");
        onFiles("--out", "-", "--json", "/dev/stdout").failsWith(2, "both go to standard output");
        quick("--data", "minilm-512.layer2", "--budget", "0.1,0.2", "--method", "pilot", "--out", folder + "/x")
                .failsWith(2, "--out takes the output of one run");
    }

    @Test
    void readsStandardInputAndWritesStandardOutput() throws Exception {
        AttentionInput input = writeInput(3);
        ProcessBuilder shell = new ProcessBuilder("sh", "-c", "cat q.npy | \"$0\" \"$@\" > out.npy",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), ChildJvm.MODULE,
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                Main.class.getName(), "run", "--q", "-", "--k", "k.npy", "--v", "v.npy", "--method", "exact",
                "--repeat", "1", "--warm-up", "0", "--threads", "1", "--out", "-").directory(folder.toFile())
                .redirectError(folder.resolve("err").toFile());
        assertEquals(0, shell.start().waitFor(), Files.readString(folder.resolve("err")));
        assertOutputIs(input, folder.resolve("out.npy"));
    }

    @Test
    void wrongBudgetsAreRefused() {
        quick("--budget", "rows:0.1:1.5").failsWith(2, "fraction of the rows must be above 0 and at most 1, got 1.5");
        quick("--budget", "rows:0.1").failsWith(2, "must be a number or rows:ERROR:FRACTION, got 'rows:0.1'");
        quick("--budget", "0.1,-1").failsWith(2, "error budget must be a positive number, got -1.0");
    }
}
