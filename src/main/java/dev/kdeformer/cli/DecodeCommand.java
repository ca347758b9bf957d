package dev.kdeformer.cli;

import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.bench.DecodeBench;
import dev.kdeformer.cli.bench.DecodeReport;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.input.CutInputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.ReportOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Decodes single queries against a cache of all keys, exactly and approximately. */
@Command(name = "decode",
        description = {"Decode single queries against a cache of all keys, exactly and from a small part of it.",
            "The cache holds the keys and values of the input; queries spread over the input are decoded one by one, "
                + "each with all its heads, and see all keys. Masks do not apply."},
        footer = {"", "Examples:", "  kdebench decode --threads 1",
            "  kdebench decode --budget 0.05,0.1,0.2 --checks 16 --json"})
final class DecodeCommand implements Callable<Integer> {
    @Mixin
    private CutInputOptions inputOptions;

    @Option(names = "--budget", paramLabel = "B", split = ",", order = 21, defaultValue = "0.1",
            description = "Largest part of the cache's bytes to read for a query, one run for each (default: "
                    + "${DEFAULT-VALUE}).")
    private double[] budgets;

    @Option(names = "--target-error", paramLabel = "E", order = 22, defaultValue = "0",
            description = "Stop reading where the predicted relative error is at most E (default: spend the budget).")
    private double target;

    @Option(names = "--checks", paramLabel = "G", order = 23, defaultValue = "0",
            description = "Groups of 32 keys per query to check the predicted error on (default: none).")
    private int checks;

    @Option(names = "--queries", paramLabel = "Q", order = 24, defaultValue = "64",
            description = "Queries to decode, spread evenly over the input (default: ${DEFAULT-VALUE}).")
    private int queries;

    @Option(names = "--no-observe", order = 25,
            description = "Sort keys without having seen the input's queries.")
    private boolean unobserved;

    @Mixin
    private EngineOptions engineOptions;

    @Option(names = "--repeat", paramLabel = "R", order = 32, defaultValue = "5",
            description = "Turns that each way to decode gets to be timed (default: ${DEFAULT-VALUE}).")
    private int repeat;

    @Option(names = "--warm-up", paramLabel = "SECONDS", order = 33, defaultValue = "0.4",
            description = "Run each before it is timed until it has not become faster for this long (default: "
                    + "${DEFAULT-VALUE}; 0 for a single run).")
    private double warmUpSeconds;

    @Mixin
    private ReportOptions reportOptions;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        BenchOptions.check(repeat, warmUpSeconds);
        reportOptions.check();
        inputOptions.withoutWindow("decode");
        DecodeBench.Options options = new DecodeBench.Options(queries, budgets, target, checks, !unobserved, repeat,
                warmUpSeconds, engineOptions.seed());
        List<DecodeBench.Budgeted> methods = options.methods();
        try (Arena arena = Arena.ofShared(); Engine engine = engineOptions.engine()) {
            NamedInput input = inputOptions.load(arena);
            DecodeReport report;
            try (Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                    engine::progress)) {
                report = new DecodeBench(engine, input, options, methods).run(progress);
            }
            reportOptions.write(report, spec.commandLine().getOut());
        }
        return 0;
    }
}
