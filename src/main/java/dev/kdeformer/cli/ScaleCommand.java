package dev.kdeformer.cli;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.bench.ScaleBench;
import dev.kdeformer.cli.bench.ScaleReport;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.LengthOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.ReportOptions;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Runs methods at several lengths of the same input. */
@Command(name = "scale",
        description = {"Time and error of methods over the length of the sequence, and the exponent that time grows "
            + "with.",
            "The error is measured on all rows up to n = " + ScaleBench.ALL_ROWS + " and on rows drawn at random "
            + "beyond; table and JSON say which."},
        footer = {"", "Examples:", "  kdebench scale --methods exact,pilot --n 2048,4096,8192,16384",
            "  kdebench scale --methods exact,pilot --n 16384,32768,65536,131072 --synthetic --plot scale.svg"})
final class ScaleCommand implements Callable<Integer> {
    private static final List<String> PREFERRED = List.of(Methods.EXACT, "pilot", "kdeformer");

    @Mixin
    private LengthOptions inputOptions;

    @Option(names = "--methods", paramLabel = "NAME", split = ",", order = 21,
            description = "Methods, comma-separated (default: exact, pilot and kdeformer); without exact there is no "
                    + "speed-up.")
    private List<String> methods = new ArrayList<>();

    @Option(names = "--columns", paramLabel = "C", split = ",", order = 22,
            description = "Key evaluations per query, comma-separated: every method that takes a budget is run at "
                    + "each (default: each method's own choice).")
    private List<Integer> columns = new ArrayList<>();

    @Mixin
    private MethodOptions methodOptions;

    @Mixin
    private EngineOptions engineOptions;

    @Option(names = "--repeat", paramLabel = "R", order = 32, defaultValue = "3",
            description = "Timed runs of each method at each length, taken in turns after a warm-up (default: "
                    + "${DEFAULT-VALUE}).")
    private int repeat;

    @Option(names = "--warm-up", paramLabel = "SECONDS", order = 33, defaultValue = "0.4",
            description = "Run each method before it is timed until it has not become faster for this long (default: "
                    + "${DEFAULT-VALUE}; 0 for a single run).")
    private double warmUpSeconds;

    @Option(names = "--error-rows", paramLabel = "ROWS", order = 34, defaultValue = "1000",
            description = "Exact rows of each head to measure the error on beyond n = " + ScaleBench.ALL_ROWS
                    + " (default: ${DEFAULT-VALUE}).")
    private int errorRows;

    @Option(names = "--exact-up-to", paramLabel = "N", order = 35, defaultValue = "32768",
            description = "Time exact attention up to this length; beyond, its time is extrapolated from the longest "
                    + "timed one by the square of the length, and marked (default: ${DEFAULT-VALUE}).")
    private int exactUpTo;

    @Mixin
    private ReportOptions reportOptions;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        BenchOptions.check(repeat, warmUpSeconds);
        if (errorRows < 1) {
            throw new UsageError("--error-rows must be at least 1, got " + errorRows);
        }
        List<String> names = methods.isEmpty() ? PREFERRED.stream().filter(Methods::knows).toList()
                : methods.stream().distinct().toList();
        List<AttentionMethod> made = methodOptions.make(exactFirst(names), columns, engineOptions.seed());
        reportOptions.check();
        try (Arena arena = Arena.ofShared(); Engine engine = engineOptions.engine()) {
            NamedInput input = inputOptions.load(arena);
            List<Integer> lengths = inputOptions.lengths(input);
            int real = Math.max(input.input().queries(), input.input().keys());
            if (names.contains(Methods.EXACT) && exactUpTo < lengths.get(0)) {
                throw new UsageError("--exact-up-to must be at least the shortest length, " + lengths.get(0)
                        + ", to extrapolate from, got " + exactUpTo);
            }
            NamedInput longest = inputOptions.continued(arena, input, lengths, engineOptions.seed());
            ScaleBench bench = new ScaleBench(engine, longest, made, engineOptions.seed(), errorRows, exactUpTo);
            try (Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                    engine::progress)) {
                reportOptions.write(new ScaleReport(longest, real, bench.run(progress, lengths, warmUpSeconds, repeat)),
                        spec.commandLine().getOut());
            }
        }
        return 0;
    }

    private static List<String> exactFirst(List<String> names) {
        return names.contains(Methods.EXACT) ? Stream.concat(Stream.of(Methods.EXACT),
                names.stream().filter(name -> !name.equals(Methods.EXACT))).toList() : names;
    }
}
