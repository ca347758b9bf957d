package dev.kdeformer.cli;

import dev.kdeformer.cli.bench.DecodeBench;
import dev.kdeformer.cli.bench.TurnsOptions;
import dev.kdeformer.cli.input.CutInputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import java.io.IOException;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Decodes single queries against a cache of all keys, exactly and approximately. */
@Command(name = "decode",
        description = {"Decode single queries against a cache of all keys, exactly and from a small part of it.",
            "The cache holds the keys and values of the input; queries spread over the input are decoded one by one, "
                + "each with all its heads, and see all keys. Masks do not apply."},
        footer = {"", "Examples:", "  kdebench decode --threads 1",
            "  kdebench decode --budget 0.05,0.1,0.2 --checks 16 --json",
            "  kdebench decode --cache bfloat16,int8 --n 131072 --synthetic"})
final class DecodeCommand extends TimedCommand {
    @Mixin
    private CutInputOptions inputOptions;

    @Option(names = "--cache", paramLabel = "E", split = ",", order = 20, defaultValue = "float32",
            description = "What caches store keys and values as: float32, bfloat16 or int8 with a scale for each row "
                    + "and head; one run for each, float32 always (default: ${DEFAULT-VALUE}).")
    private List<String> elements;

    @Option(names = "--budget", paramLabel = "B", split = ",", order = 21, defaultValue = "0.1",
            description = "Largest part of the cache's bytes to read for a query, one run for each (default: "
                    + "${DEFAULT-VALUE}).")
    private double[] budgets;

    @Option(names = "--target-error", paramLabel = "E", order = 22, defaultValue = "0",
            description = "Stop reading where the relative error is at most E, as predicted and as groups of keys show "
                    + "that are drawn from those not read; --budget 1 always gets there (default: spend the budget).")
    private double target;

    @Option(names = "--checks", paramLabel = "C", order = 23, defaultValue = "0",
            description = "Queries to decode exactly as well, drawn at random: their largest error bounds that of "
                    + "others at a stated confidence (default: none).")
    private int checks;

    @Option(names = "--queries", paramLabel = "Q", order = 24, defaultValue = "64",
            description = "Queries to decode, spread evenly over the input (default: ${DEFAULT-VALUE}).")
    private int queries;

    @Option(names = "--no-observe", order = 25,
            description = "Sort keys without having seen the input's queries.")
    private boolean unobserved;

    @Mixin
    private TurnsOptions turns = new TurnsOptions(5);

    private DecodeBench.Options options;
    private List<DecodeBench.Budgeted> methods;

    @Override
    void check(OutputFiles files) {
        turns.check();
        inputOptions.withoutMasks("decode");
        options = new DecodeBench.Options(queries, DecodeBench.elements(elements),
                new DecodeBench.Sparse(budgets, target, checks), !unobserved, turns, seed());
        methods = options.methods();
    }

    @Override
    Form work(Session session) throws IOException {
        NamedInput input = inputOptions.load(session.arena(), seed()).unmasked();
        return new DecodeBench(session.engine(), input, options, methods).run(session.progress());
    }
}
