package dev.kdeformer.cli;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.Bench;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.bench.EngineOptions;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Terminal;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.CutInputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.TextReport;
import dev.kdeformer.io.Npy;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** What the commands share that run methods on one input and report on them. */
abstract class BenchCommand implements Callable<Integer> {
    @Mixin
    private CutInputOptions inputOptions;

    /** Whether the input gets a sliding window, which the trivial method does not take. */
    boolean hasWindow() {
        return inputOptions.hasWindow();
    }

    @Mixin
    private MethodOptions methodOptions;

    @Mixin
    private EngineOptions engineOptions;

    @Mixin
    private BenchOptions benchOptions;

    @Mixin
    private ReportOptions reportOptions;

    @Spec
    private CommandSpec spec;

    /** The names of the methods to run; whether exact attention is among them does not matter. */
    abstract List<String> methods();

    /** The values of {@code --columns}. */
    abstract List<Integer> columns();

    /** Where the output of {@link #target} goes, or null. */
    Path outputFile() {
        return null;
    }

    /** The method whose output is written. */
    String target() {
        return null;
    }

    boolean withoutExact() {
        return benchOptions.withoutExact();
    }

    @Override
    public Integer call() throws IOException {
        benchOptions.check();
        List<AttentionMethod> methods = make();
        reportOptions.check();
        if (outputFile() != null) {
            ReportOptions.checkFolder(outputFile());
        }
        PrintWriter out = spec.commandLine().getOut();
        try (Arena arena = Arena.ofShared(); Engine engine = engineOptions.engine()) {
            NamedInput input = inputOptions.load(arena);
            Bench bench = new Bench(engine, input, methods, engineOptions.seed(), benchOptions);
            if (benchOptions.estimateOnly()) {
                out.print(input.name() + ": " + input.shape() + "\n\n" + bench.estimates().forTerminal());
                return 0;
            }
            Report report;
            try (Progress progress = new Progress(spec.commandLine().getErr(), Terminal.showsErrors(),
                    engine::progress)) {
                report = bench.run(progress, (method, output) -> {
                    if (outputFile() != null && method.name().equals(target())) {
                        Npy.write(outputFile(), output, input.rank());
                    }
                });
            }
            reportOptions.write(new TextReport(report), out);
        }
        return 0;
    }

    private List<AttentionMethod> make() {
        List<String> names = new ArrayList<>(methods());
        names.remove(Methods.EXACT);
        if (!withoutExact()) {
            names.add(0, Methods.EXACT);
        } else if (names.isEmpty()) {
            throw new UsageError("--no-exact leaves no method to run");
        }
        return methodOptions.make(names, columns(), engineOptions.seed());
    }
}
