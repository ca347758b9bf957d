package dev.kdeformer.cli;

import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.CalibrationFile;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.model.Effort;
import dev.kdeformer.cli.model.ModelBench;
import dev.kdeformer.cli.model.ModelFileOption;
import dev.kdeformer.cli.model.ModelInputOptions;
import dev.kdeformer.cli.model.ModelInputs;
import dev.kdeformer.cli.model.ModelReport;
import dev.kdeformer.cli.model.ModelRun;
import dev.kdeformer.cli.model.ModelTokens;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.io.Npy;
import dev.kdeformer.onnx.OnnxOptions;
import dev.kdeformer.onnx.OnnxTransformer;
import dev.kdeformer.onnx.graph.ModelFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs a transformer in an ONNX file with its attention computed here. */
@Command(name = "model",
        description = {"Run a transformer in an ONNX file with its attention computed here and the rest in ONNX "
            + "Runtime: time, memory and the error of its outputs, beside ONNX Runtime alone.",
            "Without an input option it takes 512 random tokens."},
        footer = {"", "Examples:", "  kdebench model model.onnx --list",
            "  kdebench model model.onnx --random 512 --methods onnxruntime,exact",
            "  kdebench model model.onnx --text book.txt --stretch --n 2048,8192 --methods onnxruntime,exact,auto "
                + "--budget 0.05"})
final class ModelCommand extends TimedCommand {
    /** Tokens on which the influence of attentions is measured. */
    private static final int SAMPLE = 4096;
    /** Key evaluations per query, and errors of heads, among which the error of an output is divided. */
    private static final int[] COSTS = {256, 512, 1024, 1536, 2048, 3072};
    private static final double[] ERRORS = {0.2, 0.1};

    @Mixin
    private ModelFileOption file;

    @Option(names = "--list", order = 0, description = "List what is attention in the model; nothing is run.")
    private boolean list;

    @Mixin
    private ModelInputOptions inputOptions;

    @Option(names = "--methods", paramLabel = "NAME", split = ",", order = 20,
            description = "onnxruntime for the model uncut, and methods, comma-separated (default: onnxruntime,exact). "
                    + "Outputs are compared with those of the first.")
    private List<String> methods = new ArrayList<>(List.of(ModelBench.UNCUT, Methods.EXACT));

    @Option(names = "--columns", paramLabel = "C", split = ",", order = 21,
            description = "Key evaluations per query, comma-separated, for methods that take them.")
    private List<Integer> columns = new ArrayList<>();

    @Option(names = "--budget", paramLabel = "E", split = ",", order = 22,
            description = "Relative error that the model's output may have, comma-separated, for methods that take an "
                    + "error budget: it is divided over the attentions so that they take the least time, and what "
                    + "they cause together is checked.")
    private List<Double> budgets = new ArrayList<>();

    @Option(names = "--calibration", paramLabel = "FILE.json", order = 23,
            description = "Efforts that 'kdebench calibrate' has found, for methods that take them, in every attention "
                    + "that gets the methods; in place of --budget.")
    private Path calibration;

    @Option(names = "--layers", paramLabel = "LIST", order = 24,
            description = "Attentions that get the methods, such as 0-3,5; the others are computed exactly (default: "
                    + "all).")
    private String layers;

    @Option(names = "--per-layer", order = 25,
            description = "Also show each attention: time, keys evaluated, error on its own input.")
    private boolean perLayer;

    @Option(names = "--dump", paramLabel = "FOLDER", order = 26,
            description = "Write queries, keys and values of every attention as .npy files.")
    private Path dump;

    @Option(names = "--repeat", paramLabel = "R", order = 32, defaultValue = "3",
            description = "Timed runs of each method, taken in turns after one for memory and error (default: "
                    + "${DEFAULT-VALUE}). Only several runs are warmed up.")
    private int repeat;

    private List<ModelBench.Way> ways;

    @Override
    void check(OutputFiles files) {
        inputOptions.check();
        if (repeat < 1) {
            throw new UsageError("--repeat must be at least 1, got " + repeat);
        }
        ways = ways();
    }

    @Override
    Form work(Session session) throws IOException {
        try (ModelFileOption.Unpacked unpacked = file.unpack(); ModelFile opened = ModelFile.open(unpacked.model())) {
            long[] tokens = inputOptions.text() == null ? null : ModelTokens.of(inputOptions.text(),
                    inputOptions.tokenizer() == null ? unpacked.tokenizer() : inputOptions.tokenizer());
            List<Integer> lengths = lengths(tokens);
            OnnxOptions options = OnnxOptions.defaults().withThreads(session.engine().threads())
                    .withPositions(inputOptions.stretch() ? lengths.stream().mapToInt(n -> n).max().orElse(0) : 0);
            try (OnnxTransformer transformer = OnnxTransformer.open(unpacked.model(), options)) {
                List<ModelRun> runs = new ArrayList<>();
                ModelBench bench = new ModelBench(transformer, chosen(transformer), this::say);
                session.progress().follow(bench::progress);
                for (int n : list ? List.<Integer>of() : lengths) {
                    runs.addAll(run(bench, session.progress(), transformer, opened, tokens, n));
                }
                return new ModelReport(file.shown(), options.threads(), transformer.attentions(), runs);
            }
        } catch (OrtException e) {
            throw new Failure("ONNX Runtime: " + Sentences.oneLine(e.getMessage()), e);
        } catch (NoClassDefFoundError e) {
            throw new Failure("running a model needs ONNX Runtime's Java library, onnxruntime-VERSION.jar of "
                    + "com.microsoft.onnxruntime on Maven Central, in kdebench's folder lib", e);
        }
    }

    /** Where a report in another form takes standard output, it holds this as well. */
    private void say(String line) {
        if (!takesStandardOutput()) {
            spec().commandLine().getOut().println(line);
            spec().commandLine().getOut().flush();
        }
    }

    private List<Integer> lengths(long[] tokens) {
        List<Integer> lengths = new ArrayList<>();
        for (int n : inputOptions.all()) {
            if (tokens != null && n > tokens.length) {
                throw new UsageError("--n must be at most the " + tokens.length + " tokens of the text, got " + n);
            }
            lengths.add(n == 0 && tokens != null ? tokens.length : n);
        }
        return lengths;
    }

    private List<ModelRun> run(ModelBench bench, Progress progress, OnnxTransformer transformer, ModelFile opened,
            long[] tokens, int n) throws IOException, OrtException {
        Map<String, Path> files = inputOptions.files();
        boolean samples = ways.stream().anyMatch(ModelBench.Way::isBudgeted) && files.isEmpty() && n > SAMPLE;
        try (ModelInputs inputs = ModelInputs.make(opened.model(), transformer.inputs(), files, tokens,
                        inputOptions.batch(), n, seed());
                ModelInputs sample = samples ? ModelInputs.make(opened.model(), transformer.inputs(), files, tokens, 1,
                        SAMPLE, seed()) : null) {
            if (dump != null) {
                progress.stage("writing queries, keys and values");
                dump(transformer, inputs.tensors());
            }
            boolean quantised = opened.model().nodes().stream().anyMatch(node -> node.operator().contains("Quantize")
                    || node.operator().contains("Integer"));
            return bench.run(progress, new ModelBench.Feed(files.isEmpty() ? n : 0, inputOptions.batch(),
                    inputs.tensors(), samples ? sample.tensors() : inputs.tensors()), ways, quantised, repeat,
                    perLayer);
        }
    }

    private void dump(OnnxTransformer transformer, Map<String, OnnxTensorLike> inputs)
            throws IOException, OrtException {
        Files.createDirectories(dump);
        AttentionMethod exact = Attention.exact().build();
        List<IOException> failed = new ArrayList<>();
        transformer.run(inputs, attention -> exact, (attention, input, output, statistics, nanos) -> {
            try {
                String name = "attention-" + attention.index();
                Npy.write(dump.resolve(name + ".q.npy"), input.query());
                Npy.write(dump.resolve(name + ".k.npy"), input.key());
                Npy.write(dump.resolve(name + ".v.npy"), input.value());
            } catch (IOException e) {
                failed.add(e);
            }
        }).close();
        if (!failed.isEmpty()) {
            throw failed.get(0);
        }
    }

    private List<ModelBench.Way> ways() {
        List<ModelBench.Way> ways = new ArrayList<>();
        if (calibration != null && !budgets.isEmpty()) {
            throw new UsageError("--budget and --calibration exclude each other: a calibration has its own budget");
        }
        Calibration efforts = calibration == null ? null : CalibrationFile.read(calibration);
        for (String name : new LinkedHashSet<>(methods)) {
            if (name.equals(ModelBench.UNCUT)) {
                ways.add(new ModelBench.Way(name, null, List.of(), 0));
                continue;
            }
            MethodEntry<?> entry = Methods.find(name);
            for (double budget : entry.takesErrorBudget() ? budgets : List.<Double>of()) {
                if (!(budget > 0) || Double.isInfinite(budget)) {
                    throw new UsageError("--budget must be a positive number, got " + budget);
                }
                ways.add(new ModelBench.Way(name, make(entry, Allowance.within(budget)), efforts(entry), budget));
            }
            if (efforts != null && entry.takesCalibration()) {
                ways.add(new ModelBench.Way(name, make(entry, Allowance.calibrated(efforts)), List.of(), 0));
            }
            for (int count : entry.takesEvaluations() ? columns : List.<Integer>of()) {
                if (count < 1) {
                    throw new UsageError("--columns must be at least 1, got " + count);
                }
                ways.add(new ModelBench.Way(name, make(entry, Allowance.evaluations(count)), List.of(), 0));
            }
            if (ways.stream().noneMatch(way -> way.name().equals(name))) {
                ways.add(new ModelBench.Way(name, make(entry, Allowance.NONE), List.of(), 0));
            }
        }
        if (!budgets.isEmpty() && ways.stream().noneMatch(ModelBench.Way::isBudgeted)) {
            throw new UsageError("--budget has no effect on " + String.join(", ", methods));
        }
        if (efforts != null && methods.stream().filter(name -> !name.equals(ModelBench.UNCUT)).map(Methods::find)
                .noneMatch(MethodEntry::takesCalibration)) {
            throw new UsageError("--calibration has no effect on " + String.join(", ", methods));
        }
        if (!columns.isEmpty() && methods.stream().filter(name -> !name.equals(ModelBench.UNCUT)).map(Methods::find)
                .noneMatch(MethodEntry::takesEvaluations)) {
            throw new UsageError("--columns has no effect on " + String.join(", ", methods));
        }
        return ways;
    }

    /** Ways to compute an attention: at a fixed cost, and within budgets of its heads. */
    private List<Effort> efforts(MethodEntry<?> entry) {
        List<Effort> efforts = new ArrayList<>();
        // auto has no cost of its own: it is exact or pilot.
        MethodEntry<?> fixed = entry.takesEvaluations() ? entry : Methods.find("pilot");
        for (int count : COSTS) {
            efforts.add(new Effort(fixed.name() + " --columns " + count, make(fixed, Allowance.evaluations(count)),
                    false));
        }
        for (double error : ERRORS) {
            efforts.add(new Effort(entry.name() + " --budget " + error, make(entry, Allowance.within(error)),
                    true));
        }
        return efforts;
    }

    private AttentionMethod make(MethodEntry<?> entry, Allowance allowed) {
        return entry.make(allowed, seed(), Map.of());
    }

    private IntPredicate chosen(OnnxTransformer transformer) {
        if (layers == null) {
            return index -> true;
        }
        int count = (int) transformer.attentions().stream().filter(attention -> attention.index() >= 0).count();
        Set<Integer> numbers = new LinkedHashSet<>();
        for (String part : layers.split(",", -1)) {
            String[] ends = part.strip().split("-", -1);
            try {
                int first = Integer.parseInt(ends[0]);
                int last = Integer.parseInt(ends[ends.length - 1]);
                if (ends.length > 2 || first > last || last >= count) {
                    throw new NumberFormatException();
                }
                Stream.iterate(first, number -> number <= last, number -> number + 1).forEach(numbers::add);
            } catch (NumberFormatException e) {
                throw new UsageError("--layers must be numbers and ranges such as 0-3,5 below " + count + ", got '"
                        + layers + "'");
            }
        }
        return numbers::contains;
    }
}
