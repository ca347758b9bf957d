package dev.kdeformer.cli.input;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.cli.Outcome;
import dev.kdeformer.io.Npy;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PairOptionsTest {
    private static final int N = 23;
    private static final int M = 29;

    @TempDir
    private Path folder;

    private AttentionInput input;

    @BeforeEach
    void writeInput() throws IOException {
        input = TestInputs.of(3).normal(1, 3, 1, N, M, 5, 3);
        Npy.write(folder.resolve("q.npy"), input.query(), 3);
        Npy.write(folder.resolve("k.npy"), input.key(), 3);
        Npy.write(folder.resolve("v.npy"), input.value(), 3);
    }

    private Outcome call(String command, String... args) {
        List<String> all = new ArrayList<>(List.of(command, "--q", folder + "/q.npy", "--k", folder + "/k.npy", "--v",
                folder + "/v.npy", "--repeat", "1", "--warm-up", "0", "--threads", "1"));
        all.addAll(Arrays.asList(args));
        return Outcome.of(all.toArray(String[]::new));
    }

    private Outcome exact(String... args) {
        List<String> all = new ArrayList<>(List.of("--method", "exact", "--out", folder + "/o.npy"));
        all.addAll(Arrays.asList(args));
        return call("run", all.toArray(String[]::new));
    }

    private void assertComputes(AttentionInput meant, String... args) throws IOException {
        exact(args).succeeds();
        try (Arena arena = Arena.ofConfined()) {
            assertEquals(0, ReferenceAttention.of(meant).maxDifference(Npy.read(folder.resolve("o.npy"), arena)), 1e-5);
        }
    }

    private Path array(String name, String element, String shape, ByteBuffer data) throws IOException {
        String text = "{'descr': '" + element + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(0x93);
        bytes.writeBytes(("NUMPY\1\0" + (char) text.length() + "\0" + text).getBytes(StandardCharsets.US_ASCII));
        bytes.writeBytes(data.array());
        return Files.write(folder.resolve(name), bytes.toByteArray());
    }

    @Test
    void windows() throws IOException {
        String out = exact("--causal", "--window", "4").succeeds().out();
        assertTrue(out.contains("causal (lower right), window of 4"), out);
        assertComputes(input.withMask(Mask.causal().withWindow(4)), "--causal", "--window", "4");
        assertComputes(input.withMask(Mask.causal().withWindow(4)), "--causal", "--window", "3,0");
        assertComputes(input.withMask(Mask.window(4, 4)), "--window", "4");
        assertComputes(input.withMask(Mask.window(2, 0)), "--window", "2,0");
        exact("--causal", "--window", "0").failsWith(2, "--window must be at least 1, got 0");
        exact("--window", "3,-1").failsWith(2, "--window must be at least 0 on each side, got 3,-1");
        exact("--window", "1,2,3").failsWith(2, "--window must be W or L,R, got 1,2,3");
        exact("--causal", "--window", "3,1").failsWith(2, "--window under a causal mask must be W or L,0, got 3,1");
    }

    @Test
    void packsSequences() throws IOException {
        AttentionInput meant = input.withMask(Mask.causal().withSequences(0, 7, 7, 20));
        assertComputes(meant, "--causal", "--packed", "7,0,13");
        ByteBuffer starts = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        Path file = array("starts.npy", "<i8", "(4,)", starts.putLong(0).putLong(7).putLong(7).putLong(20));
        assertComputes(meant, "--causal", "--packed", file.toString());
        exact("--packed", "7,x").failsWith(2, "got 'x'");
        exact("--packed", "7,-2").failsWith(2, "got '-2'");
        exact("--packed", "20,20").failsWith(2, "packed sequences must end within 23 queries and 29 keys");
        exact("--packed", folder + "/q.npy").failsWith(2, "must have one dimension of i4 or i8, got [3, 23, 5] of f4");
    }

    @Test
    void addsLinearBiasesAndCapsLogits() throws IOException {
        PairBias last = PairBias.alibi(M - N, PairBias.alibiSlopes(3));
        PairBias first = PairBias.alibi(0, PairBias.alibiSlopes(3));
        assertComputes(input.withPairBias(last), "--alibi");
        assertComputes(input.withPairBias(last).withMask(Mask.causal()), "--alibi", "--causal");
        assertComputes(input.withPairBias(first).withMask(Mask.causalUpperLeft()), "--alibi", "--causal=upper-left");
        assertComputes(input.withPairBias(first).withMask(Mask.none().withSequences(0, 9, 23)), "--alibi", "--packed",
                "9,14");
        assertComputes(input.withSoftCap(0.5f).withScale(2), "--softcap", "0.5", "--scale", "2");
        assertTrue(exact("--softcap", "0.5", "--alibi").succeeds().out().contains("biased pairs, soft cap of 0.5"));
        Npy.write(folder.resolve("pairs.npy"), Tensor.allocate(Arena.ofAuto(), Shape.of(1, 1, N, M)), 2);
        exact("--alibi", "--mask", folder + "/pairs.npy").failsWith(2, "--alibi and a --bias or --mask for pairs");
        exact("--softcap", "0").failsWith(2, "--softcap must be positive, got 0");
    }

    @Test
    void addsLearntBiasesAndSinks() throws IOException {
        TestInputs make = TestInputs.of(4);
        assertComputes(input.withSinks(1, 1, 1), "--sinks", "1");
        assertComputes(input.withSinks(1, -2, 0.5f), "--sinks", "1,-2,0.5");
        assertTrue(exact("--sinks", "1").succeeds().out().contains(", sinks"));
        Tensor table = make.bias(Shape.of(3, 9));
        Path distances = folder.resolve("distances.npy");
        Npy.write(distances, table, 2);
        float[][] entries = new float[3][9];
        for (int h = 0; h < 3; h++) {
            table.matrix(0, 0).readRow(h, entries[h], 0);
        }
        assertComputes(input.withPairBias(PairBias.byDistance(M - N, -4, entries)), "--distance-bias",
                distances.toString());
        Tensor rows = make.bias(Shape.of(1, 3, N, 1));
        Tensor columns = make.bias(Shape.of(N, M));
        Path gridRows = folder.resolve("rows.npy");
        Path gridColumns = folder.resolve("columns.npy");
        Npy.write(gridRows, rows, 3);
        Npy.write(gridColumns, columns, 2);
        String grid = gridRows + "," + gridColumns;
        assertComputes(input.withPairBias(PairBias.decomposed(rows, columns)), "--grid-bias", grid);
        exact("--sinks", "1,2").failsWith(2, "--sinks must be 1 or 3 numbers, got 2");
        exact("--sinks", "NaN").failsWith(2, "sink of head 0 must be within 1e30 or -Infinity, got NaN");
        exact("--distance-bias", gridRows.toString()).failsWith(2, "--distance-bias must have shape (1 or heads, an");
        exact("--grid-bias", gridRows.toString()).failsWith(2, "--grid-bias must be two files, got [");
        exact("--grid-bias", gridColumns + "," + gridColumns).failsWith(2, "grid of the pair bias must have as many");
        exact("--alibi", "--grid-bias", grid).failsWith(2, "--grid-bias excludes another bias");
        exact("--alibi", "--distance-bias", distances.toString()).failsWith(2, "--distance-bias excludes another");
        call("scale", "--sinks", "3").failsWith(2, "--sinks is for one length only");
        Outcome.of("decode", "--sinks", "2").failsWith(2, "kdebench decode takes no --sinks");
    }

    @Test
    void gradientsByBiasesFollowDifferences() throws IOException {
        TestInputs make = TestInputs.of(5);
        Tensor dense = make.bias(Shape.of(1, 3, N, M));
        dense.matrix(0, 1).set(2, 2, Float.NEGATIVE_INFINITY);
        Npy.write(folder.resolve("pairs.npy"), dense, 3);
        Npy.write(folder.resolve("distances.npy"), make.bias(Shape.of(1, 41)), 2);
        Npy.write(folder.resolve("rows.npy"), make.bias(Shape.of(N, 1)), 2);
        Npy.write(folder.resolve("columns.npy"), make.bias(Shape.of(1, 3, N, M)), 3);
        String[][] biases = {{"pair bias", "--mask", folder + "/pairs.npy"},
            {"bias parameters", "--distance-bias", folder + "/distances.npy"},
            {"grid rows, grid columns", "--grid-bias", folder + "/rows.npy," + folder + "/columns.npy"}};
        String[][] masks = {{}, {"--causal"}, {"--window", "5,9"}, {"--packed", "9,11"}, {"--key-lengths", "17"}};
        for (int i = 0; i < masks.length; i++) {
            String[] bias = biases[i % biases.length];
            List<String> options = new ArrayList<>(List.of("--json", "--sinks", "1,0,-2", "--softcap", "2",
                    "--elements", "40", bias[1], bias[2]));
            options.addAll(List.of(masks[i]));
            Map<?, ?> report = JSON.std.mapFrom(call("gradcheck", options.toArray(String[]::new)).succeeds().out());
            List<?> gradients = (List<?>) report.get("gradients");
            assertEquals("query, key, value, " + bias[0] + ", sinks", String.join(", ", gradients.stream()
                    .map(each -> (String) ((Map<?, ?>) each).get("tensor")).toList()));
            for (Object each : gradients) {
                double error = ((Number) ((Map<?, ?>) each).get("error")).doubleValue();
                assertTrue(error > 0 && error < 1e-3, options + ": " + each);
            }
        }
    }

    @Test
    void methodsThatDoNotTakeItAreLeftOutOrRefused() throws IOException {
        Outcome compared = call("compare", "--methods", "exact,hyper,mean,auto", "--alibi", "--json");
        List<?> runs = (List<?>) JSON.std.mapFrom(compared.out()).get("runs");
        assertEquals(List.of("exact", "auto"), runs.stream().map(run -> ((Map<?, ?>) run).get("method")).toList());
        call("run", "--method", "hyper", "--softcap", "3").failsWith(1, "method hyper takes no soft cap");
        Outcome.of("decode", "--alibi").failsWith(2, "kdebench decode takes no --alibi");
    }

    @Test
    void otherCommandsTakeIt() throws IOException {
        String[] features = {"--alibi", "--softcap", "2", "--window", "5,9"};
        List<String> scale = new ArrayList<>(List.of("--methods", "exact,auto", "--n", "8,16,60", "--synthetic",
                "--json"));
        scale.addAll(List.of(features));
        Npy.write(folder.resolve("q.npy"), input.key(), 3);
        Map<?, ?> report = JSON.std.mapFrom(call("scale", scale.toArray(String[]::new)).succeeds().out());
        assertEquals(6, ((List<?>) report.get("runs")).size());
        call("scale", "--packed", "3,4").failsWith(2, "--packed is for one length only");
        Outcome checked = call("gradcheck", "--packed", "9,11", "--alibi", "--softcap", "2", "--json");
        assertEquals(true, JSON.std.mapFrom(checked.succeeds().out()).get("passes"));
    }
}
