package dev.kdeformer.cli;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.DataFolder;
import dev.kdeformer.cli.input.DataSet;
import dev.kdeformer.cli.input.InputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.input.RandomInput;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.paper.PaperBench;
import dev.kdeformer.cli.paper.PaperPage;
import dev.kdeformer.cli.paper.PaperPlan;
import dev.kdeformer.cli.paper.PaperRow;
import dev.kdeformer.cli.report.JsonReport;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.cli.training.ArenaBench;
import dev.kdeformer.cli.training.ArenaReport;
import dev.kdeformer.io.AtomicFile;
import dev.kdeformer.train.Classification;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Repeats the experiments of the KDEformer paper with every method and writes a page about them. */
@Command(name = "paper",
        description = {"Repeat the KDEformer paper's experiments with every method: error on GloVe over length and "
            + "features, time and memory at the shapes of its other experiments, the errors on the embedded "
            + "activations, and the accuracy of classifiers trained with the methods that have gradients.",
            "Writes index.html, which needs no other file, paper.json and paper.csv."},
        footer = {"", "Examples:", "  kdebench paper --out paper", "  kdebench paper --quick --out paper-quick"})
final class PaperCommand implements Callable<Integer> {
    private static final double WARM_UP = 0.3;
    private static final double QUICK_WARM_UP = 0.1;

    @Option(names = "--out", paramLabel = "DIR", order = 10, required = true,
            description = "Folder to write to; made if it is not there.")
    private Path out;

    @Mixin
    private DataFolder dataFolder;

    @Option(names = "--methods", paramLabel = "NAME", split = ",", order = 21,
            description = "Methods, comma-separated (default: all); exact is always run.")
    private List<String> methods = new ArrayList<>();

    @Option(names = "--seeds", paramLabel = "N", order = 22, defaultValue = "5",
            description = "Seeds to run every random method with, from --seed on (default: ${DEFAULT-VALUE}).")
    private int seeds;

    @Option(names = "--quick", order = 23,
            description = "Small inputs only, with at most 2 seeds: done in a minute, and says nothing about long "
                    + "sequences.")
    private boolean quick;

    @Mixin
    private EngineOptions engineOptions;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (seeds < 1 || seeds > 1000) {
            throw new UsageError("--seeds must be between 1 and 1000, got " + seeds);
        }
        List<MethodEntry<?>> entries = new ArrayList<>();
        (methods.isEmpty() ? Methods.all().stream().<String>map(MethodEntry::name).toList() : methods)
                .forEach(name -> entries.add(Methods.find(name)));
        if (!Files.isDirectory(out)) {
            OutputFiles.place(out);
            Files.createDirectory(out);
        }
        Path page = out.resolve("index.html");
        for (String file : List.of("index.html", "paper.json", "paper.csv")) {
            OutputFiles.place(out.resolve(file));
        }
        PaperPlan plan = quick ? PaperPlan.quick() : PaperPlan.full();
        int used = quick ? Math.min(2, seeds) : seeds;
        List<PaperRow> rows;
        ArenaReport training;
        int threads;
        try (Engine engine = engineOptions.engine()) {
            threads = engine.threads();
        }
        PrintWriter err = spec.commandLine().getErr();
        try (Arena arena = Arena.ofShared(); Progress progress = new Progress(err, Terminal.showsErrors(), () -> 0)) {
            rows = run(arena, plan, new PaperBench(engineOptions::engine, entries, engineOptions.seed(), used,
                    quick ? QUICK_WARM_UP : WARM_UP), progress);
            training = train(plan.training(), entries, progress);
        }
        PaperPage html = new PaperPage(rows, training, plan, used, threads, quick);
        write(page, html.text());
        write(out.resolve("paper.json"), JsonReport.text(json(rows, training, used, threads)));
        write(out.resolve("paper.csv"), PaperRow.columns().csv(rows));
        spec.commandLine().getOut().println(rows.size() + " rows in " + page + ", paper.json and paper.csv");
        return 0;
    }

    private List<PaperRow> run(Arena arena, PaperPlan plan, PaperBench bench, Progress progress) throws IOException {
        List<PaperRow> rows = new ArrayList<>();
        NamedInput glove = InputOptions.fromData(arena, dataFolder, InputOptions.DEFAULT_DATA);
        for (int n : plan.lengths()) {
            rows.addAll(bench.run(PaperPage.LENGTH, first(glove, n), List.of(plan.lengthFeature()), progress));
        }
        rows.addAll(bench.run(PaperPage.FEATURES, first(glove, plan.longest()), plan.features(), progress));
        for (PaperPlan.Task task : plan.shapes()) {
            NamedInput random = RandomInput.of(arena, task.query(), task.key(), task.value(), engineOptions.seed());
            rows.addAll(bench.run(PaperPage.SHAPES, new NamedInput(task.name(), random.about(), 2, random.input()),
                    List.of(plan.lengthFeature()), progress));
        }
        List<String> sets = dataFolder.catalogues().stream().flatMap(each -> each.sets().stream())
                .filter(set -> set.sizes().n() <= plan.longestSet() && !set.name().startsWith("glove"))
                .map(DataSet::name)
                .distinct().toList();
        for (String set : sets) {
            try (Arena own = Arena.ofShared()) {
                NamedInput input = InputOptions.fromData(own, dataFolder, set);
                rows.addAll(bench.run(PaperPage.SETS, input, List.of(plan.lengthFeature()), progress));
            }
        }
        return rows;
    }

    /** Exact attention, and those of the methods that have gradients. */
    private static List<AttentionMethod> trained(List<MethodEntry<?>> entries, long seed) {
        return Methods.afterExact(entries).stream()
                .<AttentionMethod>map(entry -> entry.make(Allowance.NONE, seed, Map.of()))
                .filter(DifferentiableMethod.class::isInstance).toList();
    }

    private ArenaReport train(PaperPlan.Training training, List<MethodEntry<?>> entries, Progress progress) {
        Classification.Effort effort = new Classification.Effort(training.steps(), training.sequences(),
                training.judged(), engineOptions.seed());
        return new ArenaBench(engineOptions::engine, effort, Math.min(seeds, training.seeds()))
                .run(training.chosen(), seed -> trained(entries, seed), progress);
    }

    private static NamedInput first(NamedInput named, int n) {
        AttentionInput all = named.input();
        return new NamedInput(named.name(), named.about(), named.rank(),
                named.firstRows(n).withScale(all.scale()).withMask(all.mask()));
    }

    private Map<String, Object> json(List<PaperRow> rows, ArenaReport training, int used, int threads) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("threads", threads);
        map.put("firstSeed", engineOptions.seed());
        map.put("seeds", used);
        map.put("quick", quick);
        map.put("rows", PaperRow.columns().maps(rows));
        map.put("training", training.toMap());
        return map;
    }

    private static void write(Path file, String text) throws IOException {
        AtomicFile.write(file, stream -> stream.write(text.getBytes(StandardCharsets.UTF_8)));
    }
}
