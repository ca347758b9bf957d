package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.cli.bench.ScaleReport;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.input.SyntheticRows;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScaleCommandTest {
    @TempDir
    private Path folder;

    private static Outcome quick(String... args) {
        List<String> all = new ArrayList<>(List.of("scale", "--repeat", "1", "--warm-up", "0", "--threads", "1"));
        all.addAll(Arrays.asList(args));
        return Outcome.of(all.toArray(String[]::new));
    }

    private static List<Map<?, ?>> list(Map<?, ?> report, String key) {
        return ((List<?>) report.get(key)).stream().<Map<?, ?>>map(each -> (Map<?, ?>) each).toList();
    }

    @Test
    void reportsEveryMethodAtEveryLengthWithItsExponent() throws IOException {
        Path json = folder.resolve("scale.json");
        Path plot = folder.resolve("scale.svg");
        String out = quick("--data", "minilm-512.layer2", "--methods", "uniform,exact", "--columns", "16,32", "--n",
                "256,64", "--json", json.toString(), "--plot", plot.toString()).succeeds().out();
        Map<?, ?> report = JSON.std.mapFrom(Files.readAllBytes(json));
        List<String> labels = List.of("exact", "uniform samples=16", "uniform samples=32");
        assertEquals(labels, list(report, "methods").stream().map(method -> method.get("label")).toList());
        for (Map<?, ?> method : list(report, "methods")) {
            assertTrue(method.get("exponent") instanceof Number, method.toString());
        }
        List<Map<?, ?>> runs = list(report, "runs");
        assertEquals(List.of(64, 64, 64, 256, 256, 256), runs.stream().map(run -> run.get("n")).toList());
        for (Map<?, ?> run : runs) {
            assertEquals(run.get("n"), run.get("errorRows"));
            assertEquals(true, run.get("errorOnAllRows"));
            assertEquals(false, run.get("extrapolated"));
            assertEquals(false, run.get("synthetic"));
        }
        for (String label : labels) {
            assertEquals(1, out.lines().filter(line -> line.matches(" " + label + " +\\| +-?[0-9.e-]+")).count(), out);
        }
        assertTrue(Files.readString(plot).contains("<svg"));
    }

    @Test
    void leavesOutMethodsThatCannotBeforeAnythingRuns() throws IOException {
        Path json = folder.resolve("scale.json");
        String out = quick("--data", "minilm-512.layer2", "--methods", "exact,uniform,pilot,wildcat", "--n", "64,128",
                "--causal", "--json", json.toString()).succeeds().out();
        assertEquals(1, out.split("uniform, wildcat are left out: they take no causal mask", -1).length - 1, out);
        Map<?, ?> report = JSON.std.mapFrom(Files.readAllBytes(json));
        assertEquals(List.of("exact", "pilot"), list(report, "methods").stream().map(method -> method.get("label"))
                .toList());
        assertEquals(Set.of("uniform", "wildcat"), ((Map<?, ?>) report.get("leftOut")).keySet());
        quick("--data", "minilm-512.layer2", "--methods", "exact,uniform", "--n", "64", "--causal")
                .failsWith(1, "method uniform takes no causal mask");
    }

    @Test
    void fitsAnExponentByLeastSquares() {
        List<ScaleReport.Point> line = new ArrayList<>();
        for (int n : new int[] {100, 400, 1600}) {
            line.add(point(n, 3 * Math.pow(n, 1.25), false));
        }
        line.add(point(6400, 1, true));
        assertEquals(1.25, ScaleReport.exponent(line), 1e-12);
        assertEquals(Double.NaN, ScaleReport.exponent(line.subList(2, 4)));
    }

    private static ScaleReport.Point point(int n, double ms, boolean extrapolated) {
        return new ScaleReport.Point("m", n, n, true, extrapolated, new Report.Run(
                new Report.Setting("m", Map.of(), 1, 1), new Report.Spent(n, n, new Times(ms, ms), 1), null, null, ""));
    }

    @Test
    void extrapolatesExactAttentionOnlyWithAMark() throws IOException {
        String[] args = {"--data", "minilm-512.layer2", "--methods", "exact,mean", "--n", "64,128", "--exact-up-to",
            "100"};
        String out = quick(args).succeeds().out();
        assertTrue(out.lines().anyMatch(line -> line.matches(" exact +\\| +128 \\| +128 \\| +~128 \\| +~.*")), out);
        assertTrue(out.contains("~: the time of exact attention is not measured but that at n = 64 times"), out);
        List<String> more = new ArrayList<>(Arrays.asList(args));
        more.add("--json");
        List<Map<?, ?>> runs = list(JSON.std.mapFrom(quick(more.toArray(String[]::new)).succeeds().out()), "runs");
        assertEquals(true, runs.get(2).get("extrapolated"));
        assertNull(runs.get(2).get("error"));
        double at64 = ((Number) runs.get(0).get("medianMs")).doubleValue();
        assertEquals(4 * at64, ((Number) runs.get(2).get("medianMs")).doubleValue(), 1e-9 * at64);
        assertEquals(true, runs.get(3).get("speedupExtrapolated"));
    }

    @Test
    void continuesTheInputOnlyWhenAsked() throws IOException {
        quick("--data", "minilm-512.layer2", "--methods", "mean", "--n", "600")
                .failsWith(2, "--n 600: minilm-512.layer2 has 512 rows; --synthetic continues it");
        String json = quick("--data", "minilm-512.layer2", "--methods", "mean", "--n", "512,600", "--synthetic",
                "--json").succeeds().out();
        Map<?, ?> report = JSON.std.mapFrom(json);
        assertEquals(512, report.get("realRows"));
        assertEquals(List.of(false, true), list(report, "runs").stream().map(run -> run.get("synthetic")).toList());
    }

    @Test
    void measuresLongSequencesOnDrawnRows() throws IOException {
        String json = quick("--data", "minilm-512.layer2", "--methods", "mean,uniform", "--n", "16640", "--synthetic",
                "--error-rows", "40", "--json").succeeds().out();
        List<Map<?, ?>> runs = list(JSON.std.mapFrom(json), "runs");
        for (Map<?, ?> run : runs) {
            assertEquals(40, run.get("errorRows"));
            assertEquals(false, run.get("errorOnAllRows"));
        }
        Map<?, ?> spectral = (Map<?, ?>) ((Map<?, ?>) runs.get(0).get("error")).get("spectral");
        double mean = ((Number) spectral.get("mean")).doubleValue();
        assertTrue(mean > 0.05 && mean < 1, spectral.toString());
    }

    @Test
    void syntheticRowsKeepMeanAndSpreadOfTheColumns() {
        AttentionInput input = TestInputs.of(5).normal(1, 2, 2, 500, 500, 3, 2);
        try (Arena arena = Arena.ofConfined()) {
            NamedInput longer = SyntheticRows.append(arena, new NamedInput("t", "", 4, input), 6500, 1);
            assertEquals(6500, longer.input().queries());
            assertEquals(6500, longer.input().keys());
            Matrix old = input.value().matrix(0, 1);
            Matrix extended = longer.input().value().matrix(0, 1);
            for (int c = 0; c < 2; c++) {
                assertEquals(old.get(499, c), extended.get(499, c));
                double[] before = moments(old, c, 0, 500);
                double[] after = moments(extended, c, 500, 6500);
                assertEquals(before[0], after[0], 0.06);
                assertEquals(before[1], after[1], 0.06);
            }
        }
    }

    private static double[] moments(Matrix matrix, int column, int from, int to) {
        double sum = 0;
        double squares = 0;
        for (int i = from; i < to; i++) {
            sum += matrix.get(i, column);
            squares += (double) matrix.get(i, column) * matrix.get(i, column);
        }
        double mean = sum / (to - from);
        return new double[] {mean, Math.sqrt(squares / (to - from) - mean * mean)};
    }

    @Test
    void wrongCallsGiveOneLine() {
        quick("--n", "0").failsWith(2, "--n must be at least 1, got 0");
        quick("--error-rows", "0").failsWith(2, "--error-rows must be at least 1");
        quick("--methods", "nothing").failsWith(2, "there is no method 'nothing'");
        quick("--data", "minilm-512.layer2", "--n", "128,256", "--methods", "exact", "--exact-up-to", "100")
                .failsWith(2, "--exact-up-to must be at least the shortest length, 128");
    }
}
