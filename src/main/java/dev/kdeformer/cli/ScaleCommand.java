package dev.kdeformer.cli;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.bench.ScaleBench;
import dev.kdeformer.cli.bench.ScaleReport;
import dev.kdeformer.cli.bench.TurnsOptions;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.LengthOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.MethodOptions;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs methods at several lengths of the same input. */
@Command(name = "scale",
        description = {"Time and error of methods over the length of the sequence, and the exponent that time grows "
            + "with.",
            "The error is measured on all rows up to n = " + ScaleBench.ALL_ROWS + " and on rows drawn at random "
            + "beyond; table and JSON say which."},
        footer = {"", "Examples:", "  kdebench scale --methods exact,pilot --n 2048,4096,8192,16384",
            "  kdebench scale --methods exact,pilot --n 16384,32768,65536,131072 --synthetic --plot scale.svg"})
final class ScaleCommand extends TimedCommand {
    private static final List<String> PREFERRED = List.of(Methods.EXACT, "pilot", "kdeformer");

    @Mixin
    private LengthOptions inputOptions;

    @Option(names = "--methods", paramLabel = "NAME", split = ",", order = 21,
            description = "Methods, comma-separated (default: exact, pilot and kdeformer); without exact there is no "
                    + "speed-up.")
    private List<String> methods = new ArrayList<>();

    @Mixin
    private MethodOptions methodOptions;

    @Mixin
    private TurnsOptions turns = new TurnsOptions(3);

    @Option(names = "--error-rows", paramLabel = "ROWS", order = 34, defaultValue = "1000",
            description = "Exact rows of each head to measure the error on beyond n = " + ScaleBench.ALL_ROWS
                    + " (default: ${DEFAULT-VALUE}).")
    private int errorRows;

    @Option(names = "--exact-up-to", paramLabel = "N", order = 35, defaultValue = "32768",
            description = "Time exact attention up to this length; beyond, its time is extrapolated from the longest "
                    + "timed one by the square of the length, and marked (default: ${DEFAULT-VALUE}).")
    private int exactUpTo;

    private List<AttentionMethod> made;

    @Override
    void check(OutputFiles files) {
        turns.check();
        if (errorRows < 1) {
            throw new UsageError("--error-rows must be at least 1, got " + errorRows);
        }
        List<String> names = methods.isEmpty() ? PREFERRED.stream().filter(Methods::knows).toList()
                : methods.stream().distinct().toList();
        made = methodOptions.make(exactFirst(names), seed());
    }

    @Override
    Form work(Session session) throws IOException {
        NamedInput input = inputOptions.load(session.arena());
        methodOptions.checkFit(input.input());
        List<Integer> lengths = inputOptions.lengths(input);
        int real = Math.max(input.input().queries(), input.input().keys());
        if (made.get(0).name().equals(Methods.EXACT) && exactUpTo < lengths.get(0)) {
            throw new UsageError("--exact-up-to must be at least the shortest length, " + lengths.get(0)
                    + ", to extrapolate from, got " + exactUpTo);
        }
        NamedInput longest = inputOptions.continued(session.arena(), input, lengths, seed());
        ScaleBench bench = new ScaleBench(session.engine(), longest, inputOptions::refined, made, seed(), errorRows,
                exactUpTo);
        return new ScaleReport(longest, real, bench.run(session.progress(), lengths, turns), bench.leftOut());
    }

    private static List<String> exactFirst(List<String> names) {
        return names.contains(Methods.EXACT) ? Stream.concat(Stream.of(Methods.EXACT),
                names.stream().filter(name -> !name.equals(Methods.EXACT))).toList() : names;
    }
}
