package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.Calibration;
import dev.kdeformer.Calibration.Kind;
import dev.kdeformer.io.Npy;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CalibrateCommandTest {
    private static final String[] QUICK = {"--repeat", "1", "--warm-up", "0"};
    private static final String ONE_TILED_HEAD = "{\"kdeformer-calibration\": 1, \"budget\": 0.02, \"heads\": "
            + "[{\"kind\": \"tiles\", \"rung\": 0, \"error\": 0.01}]}";

    @TempDir
    private Path folder;

    private static Outcome quick(String... args) {
        List<String> all = new ArrayList<>(Arrays.asList(args));
        all.addAll(1, List.of(QUICK));
        return Outcome.of(all.toArray(String[]::new));
    }

    private String file(String text) throws IOException {
        return Files.writeString(folder.resolve("in.json"), text).toString();
    }

    /** Options that name files of one head whose features change slowly along the sequence. */
    private List<String> smooth() throws IOException {
        int n = 8300;
        TestInputs make = TestInputs.of(8);
        Tensor[] tensors = {make.zeros(Shape.of(1, 1, n, 16)), make.normal(1, 1, 1, n, n, 16, 8).key(),
            make.zeros(Shape.of(1, 1, n, 8))};
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < 16; c++) {
                float x = (float) Math.sin(9.0 * i * (c + 1) / n + c);
                tensors[0].matrix(0, 0).set(i, c, 2 * x);
                tensors[1].matrix(0, 0).set(i, c, x + 0.3f * tensors[1].matrix(0, 0).get(i, c));
                if (c < 8) {
                    tensors[2].matrix(0, 0).set(i, c, x * x + 1);
                }
            }
        }
        List<String> options = new ArrayList<>();
        for (int i = 0; i < tensors.length; i++) {
            Path file = folder.resolve("qkv".charAt(i) + ".npy");
            Npy.write(file, tensors[i], 3);
            options.addAll(List.of("--" + "qkv".charAt(i), file.toString()));
        }
        return options;
    }

    private static Outcome quick(String command, List<String> input, String... others) {
        List<String> all = new ArrayList<>(List.of(command));
        all.addAll(input);
        all.addAll(Arrays.asList(others));
        return quick(all.toArray(String[]::new));
    }

    @Test
    void whatIsFoundIsReportedWrittenAndTakenByOtherCommands() throws IOException {
        Path out = folder.resolve("found.json");
        String json = quick("calibrate", smooth(), "--budget", "0.1", "--out", out.toString(), "--json")
                .succeeds().out();
        Map<String, Object> report = JSON.std.mapFrom(json);
        Calibration written = Calibration.parse(Files.readString(out));
        assertEquals(0.1, written.budget());
        assertFalse(written.causal());
        assertEquals(1, written.efforts().size());
        assertFalse(written.efforts().get(0).kind() == Kind.EXACT, written.toString());
        Map<?, ?> head = (Map<?, ?>) ((List<?>) report.get("heads")).get(0);
        assertEquals(written.efforts().get(0).rung(), ((Number) head.get("rung")).doubleValue());
        assertEquals(written.efforts().get(0).error(), ((Number) head.get("error")).doubleValue());
        Map<?, ?> line = (Map<?, ?>) ((List<?>) report.get("inputs")).get(0);
        assertTrue(((Number) line.get("calibratedError")).doubleValue() <= 0.1, line.toString());
        assertEquals(((Number) line.get("exactMs")).doubleValue() / ((Number) line.get("calibratedMs")).doubleValue(),
                ((Number) line.get("calibratedSpeedup")).doubleValue(), 1e-9);
        String run = quick("run", smooth(), "--method", "pilot", "--calibration", out.toString(), "--budget",
                "0.1", "--certificate", "0", "--json").succeeds().out();
        Map<?, ?> pilot = (Map<?, ?>) ((List<?>) JSON.std.mapFrom(run).get("runs")).get(1);
        assertEquals(0.1, ((Map<?, ?>) pilot.get("parameters")).get("budget"));
        assertEquals("given", ((Map<?, ?>) pilot.get("parameters")).get("calibration"));
    }

    @Test
    void everyHeadGetsTheHighestEffortOfSeveralInputs() {
        String out = quick("calibrate", "--data", "minilm-512.layer0,minilm-512.layer2", "--data", "minilm-512.layer0",
                "--n", "200", "--csv").succeeds().out();
        assertEquals(List.of("head,kind,rung,error", "0,exact,0,0", "1,exact,0,0", "2,exact,0,0",
                "3,exact,0,0"), out.lines().toList());
        String table = quick("calibrate", "--data", "minilm-512.layer0,minilm-512.layer2", "--n", "200").succeeds()
                .out();
        assertEquals(1, table.lines().filter(line -> line.startsWith(" minilm-512.layer2 ")).count(), table);
        quick("calibrate", "--data", "minilm-512.layer0,glove-16384", "--n", "200").failsWith(2,
                "all inputs must have the same number of heads and kind of mask: minilm-512.layer0 has 4 heads without"
                        + " a causal mask and glove-16384 has 1 head");
    }

    @Test
    void aRunSaysWhereACalibrationDidNotHold() throws IOException {
        String table = quick("compare", smooth(), "--methods", "pilot", "--certificate", "0", "--calibration",
                file(ONE_TILED_HEAD.replace("0.02", "0.000001"))).succeeds().out();
        assertTrue(table.replaceAll("\\s+", " ").contains("the calibration did not hold for 1 of 1 heads"), table);
    }

    @Test
    void refusesWhatDoesNotFit() throws IOException {
        String good = file(ONE_TILED_HEAD);
        quick("run", "--data", "minilm-512.layer2", "--method", "auto", "--calibration", good).failsWith(2,
                "--calibration is for 1 head without a causal mask, and the input has 4 heads without a causal mask");
        quick("scale", "--causal", "--n", "300", "--methods", "pilot", "--calibration", good).failsWith(2,
                "--calibration is for 1 head without a causal mask, and the input has 1 head with a causal mask");
        quick("compare", "--methods", "pilot,kdeformer", "--calibration", good, "--budget", "0.02,0.1").failsWith(2,
                "--budget must be that of --calibration, relative spectral error of 0.02, got relative spectral"
                        + " error of 0.1");
        quick("run", "--method", "kdeformer", "--calibration", good).failsWith(2, "--calibration has no effect on");
        Outcome.of("calibrate", "--budget", "0").failsWith(2, "--budget must be a positive number, got 0.0");
        Outcome.of("calibrate", "--method", "exact").failsWith(2,
                "--method must be one that takes a calibration, got exact");
        Outcome.of("calibrate", "--plot", "x.svg").failsWith(2, "a calibration has no picture");
        Outcome.of("calibrate", "--out", folder + "/none/x.json").failsWith(1, "its folder does not exist");
    }

    @Test
    void filesThatAreNoCalibrationGiveOneLine() throws IOException {
        Files.write(folder.resolve("large.json"), new byte[(8 << 20) + 1]);
        for (String[] each : new String[][] {{folder.resolve("none").toString(), "no such file"},
            {folder.toString(), "this is a folder"}, {folder.resolve("large.json").toString(), "is too large"},
            {file(ONE_TILED_HEAD.replace("tiles", "\u001b[31m")), "no kind \"?[31m\" is known"}}) {
            Outcome.of("run", "--method", "pilot", "--calibration", each[0]).failsWith(1, each[1]);
        }
        Path out = folder.resolve("kept.json");
        byte[] before = "before".getBytes(StandardCharsets.UTF_8);
        Files.write(out, before);
        quick("calibrate", "--n", "300", "--causal", "--window", "9", "--out", out.toString()).failsWith(1, "window");
        assertArrayEquals(before, Files.readAllBytes(out));
    }
}
