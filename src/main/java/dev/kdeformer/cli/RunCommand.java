package dev.kdeformer.cli;

import dev.kdeformer.cli.methods.Methods;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs one method beside exact attention and the trivial one. */
@Command(name = "run",
        description = "Run a method on embedded or own data, beside exact attention and the trivial method 'mean'.",
        footer = {"", "Examples:", "  kdebench run",
            "  kdebench run --q q.npy --k k.npy --v v.npy --method exact --out o.npy"})
final class RunCommand extends BenchCommand {
    /** What is run when no method is named; the last is the one whose output is written. */
    private static final List<String> DEFAULTS = Stream.of("kdeformer", "auto").filter(Methods::knows).toList();

    @Option(names = "--method", paramLabel = "NAME", order = 21,
            description = "The method; 'kdebench methods' lists them. Without one, the paper's and this project's own "
                    + "default are run.")
    private String method;

    @Option(names = "--out", paramLabel = "FILE.npy", order = 40,
            description = "Write the method's output (without --method, that of auto) as .npy, float32, with as many "
                    + "dimensions as the queries have; - for standard output.")
    private Path out;

    @Override
    String required() {
        return method;
    }

    @Override
    String target() {
        return method != null ? method : DEFAULTS.get(DEFAULTS.size() - 1);
    }

    @Override
    List<String> methods() {
        List<String> names = new ArrayList<>(method != null ? List.of(method) : DEFAULTS);
        if (!withoutExact() && !names.contains(Methods.TRIVIAL)) {
            names.add(Methods.TRIVIAL);
        }
        return names;
    }

    @Override
    Path outputFile() {
        return out;
    }
}
