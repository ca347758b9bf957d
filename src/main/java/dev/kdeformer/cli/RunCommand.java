package dev.kdeformer.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs one method beside exact attention and the trivial one. */
@Command(name = "run",
        description = "Run a method on embedded or own data, beside exact attention and the trivial method 'mean'.",
        footer = {"", "Examples:", "  kdebench run",
            "  kdebench run --q q.npy --k k.npy --v v.npy --method exact --out o.npy"})
final class RunCommand extends BenchCommand {
    private static final List<String> PREFERRED = List.of("kdeformer", Bench.EXACT);

    @Option(names = "--method", paramLabel = "NAME", order = 21,
            description = "The method (default: kdeformer); 'kdebench methods' lists them.")
    private String method;

    @Option(names = "--columns", paramLabel = "C", order = 22,
            description = "Key evaluations per query that the method may spend (default: the method's own choice).")
    private Integer columns;

    @Option(names = "--out", paramLabel = "FILE.npy", order = 40,
            description = "Write the method's output as .npy, float32, with as many dimensions as the queries have.")
    private Path out;

    @Override
    String target() {
        return method != null ? method : PREFERRED.stream().filter(Methods::knows).findFirst().orElseThrow();
    }

    @Override
    List<String> methods() {
        List<String> names = new ArrayList<>(List.of(Methods.find(target()).name()));
        if (!withoutExact() && !names.contains(Bench.TRIVIAL)) {
            names.add(Bench.TRIVIAL);
        }
        return names;
    }

    @Override
    List<Integer> columns() {
        return columns == null ? List.of() : List.of(columns);
    }

    @Override
    Path outputFile() {
        return out;
    }
}
