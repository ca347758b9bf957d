package dev.kdeformer.cli;

import dev.kdeformer.Calibration;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.denoise.PictureFile;
import dev.kdeformer.cli.denoise.Pixels;
import dev.kdeformer.cli.methods.CalibrationFile;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.decode.KeyValueCache;
import dev.kdeformer.io.Npy;
import dev.kdeformer.io.Safetensors;
import dev.kdeformer.io.TensorFormatException;
import dev.kdeformer.io.TensorInfo;
import dev.kdeformer.onnx.cut.Cutter;
import dev.kdeformer.onnx.cut.Plan;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.ModelFile;
import dev.kdeformer.onnx.graph.OnnxFormatException;
import dev.kdeformer.onnx.graph.PartFile;
import dev.kdeformer.onnx.match.Found;
import dev.kdeformer.onnx.match.Matcher;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/**
 * What is fuzzed: each reader takes any bytes and either reads them or refuses them in words. Anything else that it
 * throws is a finding. {@code src/test/scripts/fuzz.sh} runs it under Jazzer, {@link FuzzTargetTest} a little without.
 */
public final class FuzzTarget {
    /** The readers. */
    enum Reader {
        NPY, SAFETENSORS, PICTURE, ARGUMENTS, ONNX, CALIBRATION, CACHE, PLAN
    }

    private static final LongAdder TRIED = new LongAdder();
    private static final LongAdder REFUSED = new LongAdder();

    private FuzzTarget() {
    }

    /** Called once by the fuzzer; counts are printed when it ends. */
    public static void fuzzerInitialize() {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("FuzzTarget: "
                + System.getProperty("fuzz.target") + ": " + TRIED + " inputs, " + REFUSED + " refused in words")));
    }

    /** Called by the fuzzer for every input; {@code -Dfuzz.target} names the reader. */
    public static void fuzzerTestOneInput(byte[] input) {
        isRefused(Reader.valueOf(System.getProperty("fuzz.target").toUpperCase(java.util.Locale.ROOT)), input);
    }

    /**
     * Tries one input.
     *
     * @return whether it was refused, not read
     * @throws RuntimeException or AssertionError if neither happened as it should
     */
    static boolean isRefused(Reader reader, byte[] input) {
        TRIED.increment();
        String message;
        try {
            switch (reader) {
                case NPY -> npy(input);
                case SAFETENSORS -> safetensors(input);
                case PICTURE -> picture(input);
                case ONNX -> onnx(input);
                case CALIBRATION -> calibration(input);
                case CACHE -> cache(input);
                case PLAN -> FuzzedPlan.read(input);
                case ARGUMENTS -> arguments(new String(input, StandardCharsets.UTF_8));
            }
            return false;
        } catch (TensorFormatException | OnnxFormatException | ParameterException | UsageError | Failure e) {
            message = e.getMessage();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (message == null || message.isBlank() || Sentences.oneLine(message).isBlank()) {
            throw new AssertionError("refused without a word");
        }
        REFUSED.increment();
        return true;
    }

    private static void npy(byte[] input) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            Tensor tensor = Npy.read(new ByteArrayInputStream(input), input.length, "input", arena);
            within(tensor.shape(), input.length);
        }
    }

    private static void cache(byte[] input) throws IOException {
        Path file = Path.of(System.getProperty("java.io.tmpdir"), "fuzz-" + ProcessHandle.current().pid() + ".cache");
        try (Engine engine = Engine.create(1)) {
            Files.write(file, input);
            try (KeyValueCache cache = KeyValueCache.map(engine, file)) {
                if (cache.bytes() > input.length) {
                    throw new AssertionError("a cache of " + cache.bytes() + " bytes from " + input.length);
                }
                cache.truncate(engine, cache.length() / 2);
            }
        } finally {
            Files.deleteIfExists(file);
        }
    }

    private static void safetensors(byte[] input) throws IOException {
        Path file = Path.of(System.getProperty("java.io.tmpdir"), "fuzz-" + ProcessHandle.current().pid());
        try (Arena arena = Arena.ofConfined()) {
            Files.write(file, input);
            Safetensors tensors = Safetensors.open(file);
            TensorFormatException refused = null;
            for (TensorInfo info : tensors.tensors()) {
                try {
                    within(tensors.read(info.name(), arena).shape(), input.length);
                } catch (TensorFormatException e) {
                    refused = e;
                }
            }
            if (refused != null) {
                throw refused;
            }
        } finally {
            Files.deleteIfExists(file);
        }
    }

    /** Reads a model, cuts it at what is matched and writes its parts. */
    private static void onnx(byte[] input) throws IOException {
        Path file = Path.of(System.getProperty("java.io.tmpdir"), "fuzz-" + ProcessHandle.current().pid() + ".onnx");
        Files.write(file, input);
        try (ModelFile opened = ModelFile.open(file)) {
            Model model = opened.model();
            Plan plan = Cutter.cut(model, Matcher.find(model).stream().map(Found::site).filter(Objects::nonNull)
                    .toList());
            for (Plan.Part part : plan.parts()) {
                int bytes = PartFile.write(model, part.nodes(), List.of(), part.outputs()).length;
                if (bytes > 2 * input.length + 10_000) {
                    throw new AssertionError("a part of " + bytes + " bytes from " + input.length);
                }
            }
        } finally {
            Files.deleteIfExists(file);
        }
    }

    private static void within(Shape shape, int bytes) {
        if (2 * shape.elements() > bytes) {
            throw new AssertionError("a tensor of " + shape + " from " + bytes + " bytes");
        }
    }

    private static void picture(byte[] input) {
        Pixels pixels = PictureFile.read(input, "input");
        if (pixels.values().length != pixels.width() * pixels.height() * pixels.channels()) {
            throw new AssertionError("a picture of another size than it says");
        }
    }

    private static void calibration(byte[] input) {
        Calibration calibration = CalibrationFile.parse(input, "input");
        if (!Calibration.parse(calibration.toJson()).equals(calibration)) {
            throw new AssertionError("written otherwise than read: " + calibration);
        }
    }

    /** Every line of the text is an argument; nothing is run. */
    private static void arguments(String text) {
        List<String> arguments = new ArrayList<>();
        for (String line : text.split("\n", -1)) {
            arguments.add(line);
        }
        String[] all = arguments.toArray(String[]::new);
        if (!all[0].startsWith("-")) {
            Main.commandLine().parseArgs(all);
            return;
        }
        Parsed parsed = new Parsed();
        new CommandLine(parsed).setExpandAtFiles(false).parseArgs(all);
        parsed.bench.check();
        parsed.methods.make(parsed.names, parsed.seed);
    }

    /** The options whose values are checked after they were parsed. */
    @Command
    private static final class Parsed {
        @Mixin
        private final BenchOptions bench = new BenchOptions();
        @Mixin
        private final MethodOptions methods = new MethodOptions();
        @Option(names = "--methods", split = ",")
        private List<String> names = new ArrayList<>(List.of("exact", "kdeformer", "pilot"));
        @Option(names = "--seed")
        private long seed;
    }
}
