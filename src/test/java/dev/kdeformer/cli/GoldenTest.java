package dev.kdeformer.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.decode.SparseDecoding;
import dev.kdeformer.exact.ExactGradient;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.Kernel;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.reference.EmbeddedData;
import dev.kdeformer.reference.GradientChecking;
import dev.kdeformer.reference.ReferenceAttention;
import dev.kdeformer.runtime.MachineProbe;
import dev.kdeformer.runtime.MultiplyAdd;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/**
 * Every method's output on embedded data, bit for bit as it was: checksums in golden.csv, by processor and vector
 * width, since both change the order of sums. Beside each stands the output's error, so that a change can be judged.
 * With {@code -Dgolden.renew=true} the rows of this width are written anew instead of compared.
 */
class GoldenTest {
    private static final Path FILE = Path.of("src/test/resources/golden.csv");
    private static final String HEADER = "arch,bits,data,method,checksum,error";
    private static final String HOW = "to renew all widths, run src/test/scripts/matrix.sh -r";
    private static final String HERE = System.getProperty("os.arch")
            + (MultiplyAdd.FUSED ? "," : " without fused multiply-add,") + MachineProbe.vectorBits();
    private static final String REFUSED = "refused,-";
    private static final Engine ENGINE = Engine.create(2);

    private final Arena arena = Arena.ofAuto();
    private final Map<String, ReferenceAttention> references = new HashMap<>();

    /** The input of one set of rows. */
    private record Named(String name, AttentionInput input) {
    }

    /** One row: where it belongs, and how checksum and error are found. */
    private record Row(String data, String method, Callable<String> result) {
        String key() {
            return String.join(",", HERE, data, method);
        }
    }

    @AfterAll
    static void close() {
        ENGINE.close();
    }

    @TestFactory
    Stream<DynamicTest> outputsAreWhatTheyWere() throws IOException {
        Map<String, String> golden = read();
        if (Boolean.getBoolean("golden.renew")) {
            golden.keySet().removeIf(key -> key.startsWith(HERE + ","));
            return rows().stream().map(row -> test(row, () -> {
                golden.put(row.key(), row.result().call());
                write(golden);
            }));
        }
        boolean known = golden.keySet().stream().anyMatch(key -> key.startsWith(HERE + ","));
        if (!known) {
            System.out.println("GoldenTest: nothing to compare " + HERE + " bits with; " + HOW);
        }
        return rows().stream().map(row -> test(row, () -> {
            assumeTrue(known, () -> FILE + " has no rows of " + HERE + " bits; " + HOW);
            String old = golden.get(row.key());
            assertNotNull(old, () -> row.key() + " is not in " + FILE + "; " + HOW);
            String now = row.result().call();
            if (!now.equals(old)) {
                fail("Other bits than in " + FILE + ": " + row.method() + " on " + row.data() + " at " + HERE
                        + " bits. Checksum and error were " + old + " and are " + now + ". If that is meant, " + HOW
                        + ", and commit the file.");
            }
        }));
    }

    private static DynamicTest test(Row row, Executable check) {
        return dynamicTest(row.data() + " " + row.method(), check);
    }

    /** Small heads, a causal mask, and one head that is long enough for what is only done on long ones. */
    private List<Row> rows() {
        AttentionInput small = AttentionInput.of(EmbeddedData.load("minilm-512.layer2.q"),
                EmbeddedData.load("minilm-512.layer2.k"), EmbeddedData.load("minilm-512.layer2.v"));
        Named causal = new Named("minilm-512.layer2 causal", small.withMask(Mask.causal()));
        Tensor glove = EmbeddedData.load("glove-16384.q").rows(0, 1000);
        Named words = new Named("glove-16384 first 1000", AttentionInput.of(glove, glove,
                EmbeddedData.load("glove-16384.v").rows(0, 1000)));
        Named large = new Named("minilm-16384.layer0 first 4500", AttentionInput.of(
                EmbeddedData.load("minilm-16384.layer0.q", 0, 4500),
                EmbeddedData.load("minilm-16384.layer0.k", 0, 4500),
                EmbeddedData.load("minilm-16384.layer0.v", 0, 4500)));
        List<Row> rows = new ArrayList<>();
        for (Named named : List.of(new Named("minilm-512.layer2", small), causal, words, large)) {
            for (MethodEntry<?> entry : Methods.all()) {
                rows.add(new Row(named.name(), entry.name(), () -> output(entry, named)));
            }
        }
        rows.addAll(pilotRows(words, large));
        rows.add(new Row(causal.name(), "gradient", () -> gradient(causal.input())));
        rows.add(new Row(large.name(), "decoding", () -> decoding(large.input(), false)));
        rows.add(new Row(large.name(), "sparse decoding", () -> decoding(large.input(), true)));
        for (Estimator estimator : Estimator.values()) {
            rows.add(new Row(words.name(), "density " + estimator.name().toLowerCase(Locale.ROOT),
                    () -> density(estimator, glove)));
        }
        return rows;
    }

    /** What pilot attention does beyond its defaults without a mask, on input that is long enough for each. */
    private List<Row> pilotRows(Named words, Named large) {
        Named causal = new Named(large.name() + " causal", large.input().withMask(Mask.causal()));
        Named pool = pool(8192);
        Named most = pool(12_288);
        Named causalPool = new Named(most.name() + " causal", most.input().withMask(Mask.causal()));
        PilotAttention few = Attention.pilot().near(64).tile(64).build();
        PilotAttention unbiased = Attention.pilot().near(64).unbiased(64).seed(7).build();
        PilotAttention peaked = Attention.pilot().near(64).peaked(64).seed(7).build();
        PilotAttention cut = Attention.pilot().near(64).tile(64).span(512).build();
        return List.of(new Row(causal.name(), "pilot", () -> pilot(Attention.pilot().build(), causal)),
                new Row(causal.name(), "pilot in small tiles", () -> pilot(cut, causal)),
                new Row(words.name(), "pilot in small tiles", () -> pilot(few, words)),
                new Row(words.name(), "pilot unbiased", () -> pilot(unbiased, words)),
                new Row(words.name(), "pilot peaked", () -> pilot(peaked, words)),
                new Row(words.name(), "pilot gradient", () -> gradient(few, words.input())),
                new Row(pool.name(), "auto", () -> auto(pool)),
                new Row(causalPool.name(), "auto", () -> auto(causalPool)));
    }

    private static Named pool(int rows) {
        String name = "e5-pool16384.layer11";
        return new Named(name + " first " + rows, AttentionInput.of(EmbeddedData.load(name + ".q", 0, rows),
                EmbeddedData.load(name + ".k", 0, rows), EmbeddedData.load(name + ".v", 0, rows)));
    }

    private String pilot(AttentionMethod method, Named named) {
        Tensor output = zeros(named.input());
        double columns = method.apply(ENGINE, named.input(), output).columns();
        assertTrue(columns < named.input().keys(), columns + " evaluations leave nothing to approximate");
        return approximate(named.input(), output);
    }

    /** Fails where the default takes exact attention, or pilot attention ends in it. */
    private String auto(Named named) {
        Tensor output = zeros(named.input());
        String note = Attention.auto().seed(7).build().apply(ENGINE, named.input(), output).note();
        assertTrue(note.startsWith("took pilot") && !note.contains("exactly"), note);
        return approximate(named.input(), output);
    }

    /** The row of an output whose error is far above that of exact attention, which is the faster yardstick. */
    private String approximate(AttentionInput input, Tensor output) {
        Tensor exact = zeros(input);
        Attention.exact().build().apply(ENGINE, input, exact);
        return row(ErrorReport.of(ENGINE, output, exact).max().spectral(), output);
    }

    private String gradient(DifferentiableMethod method, AttentionInput input) {
        Tensor weights = EmbeddedData.load("glove-16384.v").rows(0, input.queries());
        GradientChecking found = GradientChecking.run(ENGINE, method, input, weights);
        return row(Double.NaN, found.query(), found.key(), found.value());
    }

    private String output(MethodEntry<?> entry, Named named) {
        AttentionMethod method = entry.make(Allowance.NONE, 7, Map.of());
        Tensor output = zeros(named.input());
        try {
            method.apply(ENGINE, named.input(), output);
        } catch (IllegalArgumentException e) {
            return REFUSED;
        }
        return row(references.computeIfAbsent(named.name(), name -> ReferenceAttention.of(named.input()))
                .spectralError(output), output);
    }

    private String gradient(AttentionInput input) {
        Tensor output = zeros(input);
        Tensor sums = Tensor.allocate(arena, input.outputShape().withColumns(1));
        Attention.exact().build().apply(ENGINE, input, output, sums);
        InputGradients gradients = InputGradients.allocate(arena, input);
        ExactGradient.builder().build().apply(ENGINE, input, output, sums, output, gradients);
        return row(Double.NaN, gradients.tensors().toArray(Tensor[]::new));
    }

    private String decoding(AttentionInput input, boolean sparse) {
        AttentionInput last = AttentionInput.of(input.query().rows(input.queries() - 8, 8), input.key(),
                input.value()).withMask(Mask.causal());
        Tensor output = zeros(last);
        try (KeyValueCache cache = KeyValueCache.createIndexed(1, 1, input.d(), input.dv())) {
            cache.append(ENGINE, input.key(), input.value());
            if (sparse) {
                SparseDecoding.builder().budget(0.2).build().apply(ENGINE, cache, last.query(), output, null,
                        last.scale());
            } else {
                cache.decode(ENGINE, last.query(), output);
            }
        }
        return row(ReferenceAttention.of(last).spectralError(output), output);
    }

    /** The log-sums of a density in the words' first 16 coordinates, where a tree still has something to leave out. */
    private String density(Estimator estimator, Tensor words) {
        float[] few = new float[1000 * 16];
        for (int i = 0; i < few.length; i++) {
            few[i] = words.matrix(0, 0).get(i / 16, i % 16);
        }
        Tensor points = Tensor.copyOf(arena, Shape.of(1000, 16), few);
        double[] exact = density(Estimator.EXACT, points, new double[1000]);
        double[] sums = density(estimator, points, new double[1000]);
        double worst = 0;
        ByteBuffer bytes = ByteBuffer.allocate(sums.length * Double.BYTES);
        for (int i = 0; i < sums.length; i++) {
            bytes.putDouble(sums[i]);
            worst = Math.max(worst, Math.abs(Math.expm1(sums[i] - exact[i])));
        }
        return row(worst, bytes);
    }

    private static double[] density(Estimator estimator, Tensor points, double[] sums) {
        try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(2)).estimator(estimator)
                .relativeError(0.3).seed(7).build(ENGINE, points)) {
            density.query(ENGINE, points, sums);
        }
        return sums;
    }

    private Tensor zeros(AttentionInput input) {
        return Tensor.allocate(arena, input.outputShape());
    }

    private static String row(double error, Tensor... outputs) {
        long elements = 0;
        for (Tensor output : outputs) {
            elements += output.shape().elements();
        }
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(elements * Float.BYTES));
        for (Tensor output : outputs) {
            for (float x : output.toArray()) {
                bytes.putFloat(x);
            }
        }
        return row(error, bytes);
    }

    private static String row(double error, ByteBuffer bytes) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes.flip());
        return String.format(Locale.ROOT, "%08x,", checksum.getValue())
                + (Double.isNaN(error) ? "-" : String.format(Locale.ROOT, "%.1e", error));
    }

    private static Map<String, String> read() throws IOException {
        Map<String, String> rows = new TreeMap<>();
        if (Files.exists(FILE)) {
            List<String> lines = Files.readAllLines(FILE);
            assertEquals(HEADER, lines.get(0), FILE + " has another header");
            for (String line : lines.subList(1, lines.size())) {
                String[] cells = line.split(",");
                assertEquals(6, cells.length, FILE + ": " + line);
                rows.put(String.join(",", List.of(cells).subList(0, 4)), cells[4] + "," + cells[5]);
            }
        }
        return rows;
    }

    private static void write(Map<String, String> rows) throws IOException {
        StringBuilder text = new StringBuilder(HEADER).append('\n');
        rows.forEach((key, result) -> text.append(key).append(',').append(result).append('\n'));
        Files.createDirectories(FILE.getParent());
        Files.writeString(FILE, text);
    }
}
