package dev.kdeformer.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Calibration;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.io.ElementType;
import dev.kdeformer.io.Npy;
import dev.kdeformer.io.Safetensors;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {
    private static SparkSession spark;

    @TempDir
    private Path folder;
    private String printed;
    private String complaint;

    @BeforeAll
    static void start() {
        spark = SparkCase.session();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private int run(String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = Main.run(arguments, spark, new PrintStream(out), new PrintStream(err));
        printed = out.toString();
        complaint = err.toString();
        return code;
    }

    private static Tensor normal(int batch, int heads, int rows, int columns) {
        SplittableRandom random = new SplittableRandom(rows);
        float[] values = new float[batch * heads * rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.copyOf(Arena.ofAuto(), Shape.of(batch, heads, rows, columns), values);
    }

    private static float[] alone(AttentionInput input) {
        Tensor output = Tensor.allocate(Arena.ofAuto(), input.outputShape());
        try (Engine engine = Engine.create(1)) {
            Attention.exact().build().apply(engine, input, output);
        }
        return output.toArray();
    }

    private String file(String name) {
        return folder.resolve(name).toString();
    }

    @Test
    void writesWhatOneMachineComputesAsNpy() throws IOException {
        Tensor q = normal(2, 4, 300, 16);
        Tensor k = normal(2, 2, 420, 16);
        Tensor v = normal(2, 2, 421, 8).rows(0, 420);
        Npy.write(folder.resolve("q.npy"), q);
        Npy.write(folder.resolve("k.npy"), k);
        Npy.write(folder.resolve("v.npy"), v);
        assertEquals(0, run("--q", file("q.npy"), "--k=" + file("k.npy"), "--v", file("v.npy"), "--causal",
                "--key-lengths", "420,333", "--scale", "0.3", "--block-rows", "128", "--out", file("o.npy")),
                complaint);
        assertTrue(printed.contains("attention exact: QUERIES"), printed);
        assertTrue(printed.contains("spark.executor.memoryOverhead must hold "), printed);
        assertArrayEquals(alone(AttentionInput.of(q, k, v).withScale(0.3f)
                .withMask(Mask.causal().withKeyLengths(420, 333))), Npy.read(folder.resolve("o.npy"), Arena.ofAuto())
                .toArray());
        // Nothing is replaced, and nothing is left beside the target.
        assertEquals(1, run("--q", file("q.npy"), "--k", file("k.npy"), "--v", file("v.npy"), "--out",
                file("o.npy")));
        assertEquals("kdeformer-spark: " + file("o.npy") + " is there already\n", complaint);
        assertEquals(List.of("k.npy", "o.npy", "q.npy", "v.npy"), names());
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.endsWith(".crc")).sorted()
                    .toList();
        }
    }

    @Test
    void takesEffortsFromAFile() throws IOException {
        Tensor q = normal(2, 2, 90, 16);
        Npy.write(folder.resolve("q.npy"), q);
        Files.writeString(folder.resolve("efforts.json"),
                new Calibration(0.1, false, List.of(Calibration.Effort.EXACT, Calibration.Effort.EXACT)).toJson());
        String[] run = {"--q", file("q.npy"), "--k", file("q.npy"), "--v", file("q.npy"), "--method", "pilot",
            "--calibration", file("efforts.json"), "--out", file("o.npy")};
        assertEquals(0, run(run), complaint);
        assertTrue(printed.contains("attention pilot: HEADS"), printed);
        assertArrayEquals(alone(AttentionInput.of(q, q, q)), Npy.read(folder.resolve("o.npy"), Arena.ofAuto())
                .toArray());
        String[] both = Arrays.copyOf(run, run.length + 2);
        both[run.length] = "--budget";
        both[run.length + 1] = "0.1";
        assertEquals(2, run(both));
        assertTrue(complaint.contains("--budget must not be given"), complaint);
        assertEquals(2, run("--q", file("q.npy"), "--k", file("q.npy"), "--v", file("q.npy"), "--calibration",
                file("efforts.json"), "--out", file("p.npy")));
        assertTrue(complaint.contains("method exact has no --calibration"), complaint);
    }

    @Test
    void readsAndWritesSafetensors() throws IOException {
        Tensor q = normal(1, 1, 200, 16);
        Tensor v = normal(1, 1, 201, 8).rows(0, 200);
        Safetensors.write(folder.resolve("layer.safetensors"), Map.of("a", q, "b", v), ElementType.F16, 2, Map.of());
        Arena arena = Arena.ofAuto();
        Safetensors stored = Safetensors.open(folder.resolve("layer.safetensors"));
        assertEquals(0, run("--safetensors", file("layer.safetensors"), "--names", "q=a,k=a,v=b", "--method", "pilot",
                "--near", "1000", "--parts", "2", "--out", file("o.safetensors")), complaint);
        Tensor rounded = stored.read("a", arena);
        AttentionInput input = AttentionInput.of(rounded, rounded, stored.read("b", arena));
        Tensor expected = Tensor.allocate(arena, input.outputShape());
        try (Engine engine = Engine.create(1)) {
            Attention.pilot().near(1000).build().apply(engine, input, expected);
        }
        assertArrayEquals(expected.toArray(), Safetensors.open(folder.resolve("o.safetensors")).read("output", arena)
                .toArray());
    }

    @Test
    void readsAndWritesParquetFiles() throws IOException {
        SparkCase some = new SparkCase(1, 1, 300, 300, 16, 8, false);
        some.tokenRows(spark).write().parquet(file("tokens"));
        assertEquals(0, run("--tokens", file("tokens"), "--out", file("results")), complaint);
        SparkCase.assertBits(SparkCase.alone(Attention.exact().build(), some.input()),
                some.collect(spark.read().parquet(file("results"))));
        assertEquals(0, run("--tokens", file("tokens"), "--estimate", "--plan", "shards"), complaint);
        assertTrue(printed.contains("SHARDS"), printed);
        assertEquals(List.of("results", "tokens"), names());
    }

    @Test
    void leavesNothingWhereATaskFails() throws IOException {
        Tensor q = normal(1, 1, 200, 16);
        q.matrix(0, 0).set(150, 3, Float.NaN);
        Npy.write(folder.resolve("q.npy"), q);
        assertEquals(1, run("--q", file("q.npy"), "--k", file("q.npy"), "--v", file("q.npy"), "--block-rows", "64",
                "--out", file("o.npy")));
        assertEquals(1, complaint.lines().count(), complaint);
        assertTrue(complaint.contains("NaN"), complaint);
        assertEquals(List.of("q.npy"), names());
        assertEquals(1, run("--q", file("q.npy"), "--k", file("q.npy"), "--v", file("none.npy"), "--out",
                file("o.npy")));
        assertTrue(complaint.contains("none.npy"), complaint);
    }

    @Test
    void wrongUsageEndsWithTwoAndALine() {
        assertUsage("input must be --q, --k and --v, or --safetensors, or --tokens, or --queries and --keys", "--q",
                "q.npy");
        assertUsage("unknown option --what; --help lists them", "--what");
        assertUsage("--out must say where results go", "--tokens", "t");
        assertUsage("--out needs a value", "--tokens", "t", "--out");
        assertUsage("--seed must be a whole number, got x", "--tokens", file("none"), "--seed", "x", "--out",
                file("o"));
        assertUsage("method exact has no --near", "--tokens", "t", "--out", "o", "--near", "3");
        assertUsage("--method must be exact, pilot, auto, kdeformer or hyper, got best", "--tokens", "t", "--out", "o",
                "--method", "best");
        assertUsage("--tokens is there twice", "--tokens", "t", "--tokens", "t");
        assertUsage("--out must be a folder where the input is Parquet files, got o.npy", "--tokens", "t", "--out",
                "o.npy");
        assertEquals(0, run("--help"));
        assertTrue(printed.contains("--shard-mb"), printed);
        assertFalse(Files.exists(folder.resolve("o")));
    }

    private void assertUsage(String expected, String... arguments) {
        assertEquals(2, run(arguments));
        assertEquals("kdeformer-spark: " + expected + "\n", complaint);
    }
}
