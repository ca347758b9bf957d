package dev.kdeformer.cli;

import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Runs several methods at several budgets. */
@Command(name = "compare",
        description = "Compare methods, each at every budget, with exact attention of this engine.",
        footer = {"", "Example:",
            "  kdebench compare --methods exact,kdeformer --columns 256,512 --repeat 5 --plot errors.svg"})
final class CompareCommand extends BenchCommand {
    @Option(names = "--methods", paramLabel = "NAME", split = ",", order = 21,
            description = "Methods, comma-separated (default: all); exact is always run, unless --no-exact says "
                    + "otherwise.")
    private List<String> methods = new ArrayList<>();

    @Override
    List<String> methods() {
        return methods.isEmpty() ? Methods.all().stream().<String>map(MethodEntry::name).toList() : methods;
    }
}
