package dev.kdeformer.cli;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.bench.Bench;
import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.CutInputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import dev.kdeformer.io.Npy;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Mixin;

/** What the commands share that run methods on one input and report on them. */
abstract class BenchCommand extends TimedCommand {
    @Mixin
    private CutInputOptions inputOptions;

    @Mixin
    private MethodOptions methodOptions;

    @Mixin
    private BenchOptions benchOptions;

    private List<AttentionMethod> made;

    /** The names of the methods to run; whether exact attention is among them does not matter. */
    abstract List<String> methods();

    /** Where the output of {@link #target} goes, or null. */
    Path outputFile() {
        return null;
    }

    /** The method that was asked for by its name and must not be left out, or null. */
    String required() {
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
    void check(OutputFiles files) {
        benchOptions.check();
        made = make();
        files.add("--out", outputFile());
        long outputs = made.stream().filter(method -> method.name().equals(target())).count();
        if (outputFile() != null && outputs > 1) {
            throw new UsageError("--out takes the output of one run, and method " + target() + " is run " + outputs
                    + " times");
        }
    }

    @Override
    Form work(Session session) throws IOException {
        NamedInput input = inputOptions.load(session.arena(), seed());
        methodOptions.checkFit(input.input());
        Bench bench = new Bench(session.engine(), input, made, methodOptions::budget, required(), seed(),
                benchOptions);
        if (benchOptions.estimateOnly()) {
            return bench.estimates();
        }
        return bench.run(session.progress(), (method, output) -> {
            if (outputFile() != null && method.name().equals(target())) {
                OutputFiles.write(outputFile(), file -> Npy.write(file, output, input.rank()));
            }
        });
    }

    private List<AttentionMethod> make() {
        List<String> names = new ArrayList<>(methods());
        names.remove(Methods.EXACT);
        if (!withoutExact()) {
            names.add(0, Methods.EXACT);
        } else if (names.isEmpty()) {
            throw new UsageError("--no-exact leaves no method to run");
        }
        return methodOptions.make(names, seed());
    }
}
