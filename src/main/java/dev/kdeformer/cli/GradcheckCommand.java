package dev.kdeformer.cli;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.bench.GradientCheck;
import dev.kdeformer.cli.bench.GradientReport;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.CutInputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
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

/** Checks the gradients of a method against finite differences. */
@Command(name = "gradcheck",
        description = {"Check the gradients of a method against finite differences in double precision, and time "
            + "them.",
            "Some elements of queries, keys and values are moved up and down, and the change of a random linear loss "
                + "is compared with the gradient. An approximate method is checked as the function that it is with its "
                + "choices for this input held fixed; how far its gradients are from the exact ones is shown too. "
                + "Without an input option it takes random queries, keys and values."},
        footer = {"", "The exit code is 1 if an error exceeds --tolerance.", "", "Examples:",
            "  kdebench gradcheck --n 256", "  kdebench gradcheck --method kdeformer --columns 96 --n 512",
            "  kdebench gradcheck --data minilm-512.layer2 --causal --json"})
final class GradcheckCommand implements Callable<Integer> {
    private static final int ROWS = 256;

    @Mixin
    private CutInputOptions inputOptions;

    @Option(names = "--method", paramLabel = "NAME", order = 18, defaultValue = Methods.EXACT,
            description = "The method: exact, kdeformer, hyper or pilot (default: ${DEFAULT-VALUE}).")
    private String method;

    @Option(names = "--columns", paramLabel = "C", order = 19,
            description = "Key evaluations per query that the method may spend (default: the method's own choice).")
    private Integer columns;

    @Mixin
    private MethodOptions methodOptions;

    @Option(names = "--d", paramLabel = "D", order = 21, description = "Columns of random input (default: 64).")
    private Integer features;

    @Option(names = "--heads", paramLabel = "H", order = 22, description = "Heads of random input (default: 1).")
    private Integer heads;

    @Option(names = "--elements", paramLabel = "N", order = 23, defaultValue = "8",
            description = "Elements of each tensor to move (default: ${DEFAULT-VALUE}).")
    private int elements;

    @Option(names = "--tolerance", paramLabel = "E", order = 24, defaultValue = "1e-3",
            description = "Largest relative error to accept (default: ${DEFAULT-VALUE}).")
    private double tolerance;

    @Mixin
    private EngineOptions engineOptions;

    @Option(names = "--repeat", paramLabel = "R", order = 32, defaultValue = "3",
            description = "Timed runs of attention and of its gradients (default: ${DEFAULT-VALUE}).")
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
        if (elements < 1 || elements > 10_000) {
            throw new UsageError("--elements must be between 1 and 10000, got " + elements);
        }
        if (!(tolerance > 0)) {
            throw new UsageError("--tolerance must be above 0, got " + tolerance);
        }
        DifferentiableMethod checked = method();
        try (Arena arena = Arena.ofShared(); Engine engine = engineOptions.engine()) {
            NamedInput input = input(arena);
            GradientReport report;
            try (Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                    engine::progress)) {
                report = new GradientCheck(engine, checked, input, elements, engineOptions.seed(), tolerance)
                        .run(progress, repeat, warmUpSeconds);
            }
            reportOptions.write(report, spec.commandLine().getOut());
            return report.passes() ? 0 : 1;
        }
    }

    private DifferentiableMethod method() {
        AttentionMethod made = methodOptions.make(List.of(method), columns == null ? List.of() : List.of(columns),
                engineOptions.seed()).get(0);
        if (!(made instanceof DifferentiableMethod differentiable)) {
            throw new UsageError("method " + method + " has no gradients");
        }
        try {
            differentiable.gradient();
        } catch (IllegalStateException e) {
            throw new UsageError(e.getMessage());
        }
        return differentiable;
    }

    private NamedInput input(Arena arena) throws IOException {
        if (!inputOptions.isGiven()) {
            return inputOptions.random(arena, heads == null ? 1 : heads, features == null ? 64 : features,
                    engineOptions.seed(), ROWS);
        }
        if (features != null || heads != null) {
            throw new UsageError("--d and --heads are for random input, without --data, --q --k --v or --safetensors");
        }
        return inputOptions.load(arena);
    }
}
