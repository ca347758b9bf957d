package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.onnx.TestModel;
import dev.kdeformer.reference.ChildJvm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelCommandTest {
    @TempDir
    private Path folder;
    private Path model;

    @BeforeEach
    void write() throws IOException {
        model = write("model.onnx", 16);
    }

    /** Tokens to two layers of attention with a padding mask, two heads. */
    private Path write(String name, long width) throws IOException {
        TestModel made = new TestModel(17, 1);
        String ids = made.input("input_ids", new long[] {0}, 1, 1);
        String mask = made.input("attention_mask", new long[] {0}, 1, 1);
        String x = made.node("Gather", made.weight(50, width), ids);
        String hidden = made.node("Mul", made.node("Sub", made.scalar(1), made.reshape(made.cast(mask, 1), 0, 1, 1,
                -1)), made.scalar(-Float.MAX_VALUE));
        for (int i = 0; i < 2; i++) {
            String[] parts = new String[3];
            for (int p = 0; p < 3; p++) {
                parts[p] = made.transpose(made.reshape(made.dense(x, width, width), 0, 0, 2, width / 2), 0, 2, 1, 3);
            }
            String scores = made.node("Add", made.node("MatMul", parts[0], made.transpose(parts[1], 0, 1, 3, 2)),
                    hidden);
            String output = made.node("MatMul", made.softmax(scores, -1), parts[2]);
            x = made.node("Add", x, made.dense(made.reshape(made.transpose(output, 0, 2, 1, 3), 0, 0, width), width,
                    width));
        }
        return made.output(x).write(folder.resolve(name));
    }

    private static Outcome run(String... args) {
        List<String> all = new ArrayList<>(List.of("model"));
        all.addAll(Arrays.asList(args));
        return Outcome.of(all.toArray(String[]::new));
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> list(Object value) {
        return (List<Map<String, Object>>) value;
    }

    private static double number(Map<String, Object> map, String key) {
        return ((Number) map.get(key)).doubleValue();
    }

    @Test
    void lists() {
        String out = run(model.toString(), "--list").succeeds().out();
        assertTrue(out.contains("2 attentions cut out, 0 left in the model"), out);
        assertEquals(2, out.lines().filter(line -> line.contains("MatMul-Softmax-MatMul")).count(), out);
    }

    @Test
    void comparesWithOnnxRuntime() throws IOException {
        String out = run(model.toString(), "--n", "350,400", "--repeat", "1", "--methods", "onnxruntime,exact,pilot",
                "--columns", "64", "--per-layer", "--json").succeeds().out();
        Map<String, Object> report = JSON.std.mapFrom(out);
        List<Map<String, Object>> runs = list(report.get("runs"));
        assertEquals(8, runs.size());
        Map<String, Object> exact = runs.get(1);
        assertEquals("exact", exact.get("run"));
        assertTrue(number(exact, "frobenius") <= 3e-6, exact.toString());
        assertTrue(number(exact, "medianMs") >= number(exact, "attentionMs"));
        List<Map<String, Object>> layers = list(runs.get(6).get("attentions"));
        assertEquals(2, layers.size());
        assertEquals(400, layers.get(0).get("n"));
        assertTrue(number(layers.get(0), "spectral") > 0, layers.toString());
        assertNull(runs.get(0).get("attentionMs"));
        assertEquals("onnxruntime, fused", runs.get(3).get("run"));
        assertTrue(number(runs.get(3), "frobenius") <= 3e-6, runs.get(3).toString());
    }

    /**
     * Of a run of some 400 MB, beside which the rest of the process does not matter, and in one that ran no other. Its
     * command line is of a length that ONNX Runtime does not survive by itself.
     */
    @Test
    void memoryIsStatedBeforeTheRunAndHolds() throws Exception {
        assumeTrue(Files.isReadable(Path.of("/proc/self/status")), "only Linux tells what a process holds");
        Path json = folder.resolve("report.json");
        ChildJvm.Result result = ChildJvm.start(folder, List.of(ChildJvm.MODULE, "-Xmn64m", "-Dlong="
                + "x".repeat(100_000)), Main.class.getName(),
                "model", write("wide.onnx", 256).toString(), "--random", "50000", "--repeat", "1", "--methods", "mean",
                "--json", json.toString()).end();
        assertEquals(0, result.code(), result.err());
        assertTrue(result.out().matches(
                "(?s)mean, n = 50000: will take about [\\d,]+ MB, of which the process holds .*"), result.out());
        assertTrue(result.out().contains("| expected MB | peak MB |"), result.out());
        Map<String, Object> run = list(JSON.std.mapFrom(Files.readString(json)).get("runs")).get(0);
        double stated = number(run, "expectedBytes") - number(run, "heldBytes");
        double measured = number(run, "peakBytes") - number(run, "heldBytes");
        assertTrue(stated > 300e6 && stated < 600e6, run.toString());
        assertTrue(measured > stated / 1.5 && measured < 1.5 * stated, run.toString());
    }

    @Test
    void methodsGetTheLayersThatAreAskedFor() throws IOException {
        String out = run(model.toString(), "--random", "330", "--repeat", "1", "--methods", "exact,mean", "--layers",
                "1", "--per-layer", "--json").succeeds().out();
        List<Map<String, Object>> layers = list(list(JSON.std.mapFrom(out).get("runs")).get(1).get("attentions"));
        assertEquals(0, number(layers.get(0), "spectral"));
        assertTrue(number(layers.get(1), "spectral") > 0.01, layers.toString());
    }

    @Test
    void budgetsHoldAtTheOutput() throws IOException {
        String out = run(model.toString(), "--random", "700", "--repeat", "1", "--methods", "exact,auto", "--budget",
                "0.05", "--json").succeeds().out();
        Map<String, Object> auto = list(JSON.std.mapFrom(out).get("runs")).get(1);
        assertTrue(number(auto, "frobenius") <= 0.05, auto.toString());
    }

    @Test
    void budgetsAreDividedOverTheLayersThatMayBeApproximated() throws IOException {
        String out = run(model.toString(), "--random", "1500", "--repeat", "1", "--methods", "exact,pilot", "--budget",
                "0.5,1e-6", "--layers", "1", "--json").succeeds().out();
        List<Map<String, Object>> runs = list(JSON.std.mapFrom(out).get("runs"));
        assertTrue(number(runs.get(1), "frobenius") <= 0.5, runs.toString());
        String note = (String) runs.get(1).get("note");
        assertTrue(note.startsWith("attentions: 0: exact, 1: ") || note.startsWith("takes exact"), note);
        assertTrue(number(runs.get(2), "frobenius") <= 1e-6, runs.toString());
    }

    @Test
    void shortSequencesRunUncut() {
        String out = run(model.toString(), "--random", "20", "--repeat", "1").succeeds().out();
        assertTrue(out.contains("exact, n = 20: runs uncut, because the sequence is shorter than 320"), out);
    }

    @Test
    void modelsInJarsAndArraysInFiles() throws IOException {
        Path jar = folder.resolve("models.jar");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            zip.putNextEntry(new ZipEntry("inside/model.onnx"));
            zip.write(Files.readAllBytes(model));
        }
        byte[] header = "\u0093NUMPY\1\0v\0{'descr': '<i8', 'fortran_order': False, 'shape': (1, 4)}"
                .getBytes(StandardCharsets.ISO_8859_1);
        byte[] file = new byte[128 + 32];
        Arrays.fill(file, 0, 128, (byte) ' ');
        System.arraycopy(header, 0, file, 0, header.length);
        file[127] = '\n';
        file[128] = 7;
        Path ids = Files.write(folder.resolve("ids.npy"), file);
        Path dump = folder.resolve("dump");
        run(jar + "!/inside/model.onnx", "--input", "input_ids=" + ids, "--n", "4", "--repeat", "1", "--dump",
                dump.toString()).succeeds();
        assertTrue(Files.size(dump.resolve("attention-1.q.npy")) > 128);
    }

    @Test
    void refusesSizesThatNobodyMeant() throws IOException {
        TestModel open = new TestModel(23, 1);
        Path cubes = open.output(open.node("Softmax", open.normalInput("x", 1, 1, 1, 1))).write(
                folder.resolve("open.onnx"));
        run(cubes.toString(), "--random", "4096").failsWith(2, "[1, 4096, 4096, 4096]");
    }

    @Test
    void refusesInWords() throws IOException {
        Path garbage = Files.writeString(folder.resolve("garbage.onnx"), "no model at all");
        run(garbage.toString()).failsWith(1, "garbage.onnx");
        run(folder.resolve("none.onnx").toString()).failsWith(1, "no such file");
        run(model.toString(), "--layers", "0-2").failsWith(2, "below 2");
        run(model.toString(), "--methods", "none").failsWith(2, "there is no method 'none'");
        run(model.toString(), "--input", "x=" + model).failsWith(2, "input_ids, attention_mask");
        run(model.toString(), "--text", model.toString()).failsWith(2, "tokenizer");
        run(model.toString(), "--budget", "0.1").failsWith(2, "no effect");
        Path efforts = Files.writeString(folder.resolve("one.json"),
                "{\"kdeformer-calibration\": 1, \"budget\": 0.1, \"heads\": [{\"kind\": \"exact\"}]}");
        run(model.toString(), "--calibration", efforts.toString()).failsWith(2, "--calibration has no effect");
        run(model.toString(), "--methods", "auto", "--calibration", efforts.toString(), "--budget", "0.1").failsWith(2,
                "--budget and --calibration exclude each other");
    }
}
