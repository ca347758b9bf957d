package dev.kdeformer.cli;

import dev.kdeformer.cli.bench.BenchOptions;
import dev.kdeformer.cli.bench.BudgetBench;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.CutInputOptions;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.OutputFiles;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Tries on an input whether error budgets are kept and certificates hold. */
@Command(name = "budget",
        description = {"Try whether a method keeps its error budget, and whether the certificate holds the true error.",
            "Every head is computed with every budget and several seeds, and measured against the exact output.",
            "Then each budget is held against the cheapest fixed cost that keeps the same error, and against the "
            + "method with a calibration: the price of the promise."},
        footer = {"", "Examples:", "  kdebench budget --data glove-16384",
            "  kdebench budget --q q.npy --k k.npy --v v.npy --budget 0.1,0.02 --seeds 10 --csv budget.csv"})
final class BudgetCommand extends TimedCommand {
    @Mixin
    private CutInputOptions inputOptions;

    @Option(names = "--method", paramLabel = "NAME", order = 21, defaultValue = "auto",
            description = "A method that takes an error budget (default: ${DEFAULT-VALUE}).")
    private String method;

    @Option(names = "--budget", paramLabel = "E", split = ",", order = 22, defaultValue = "0.2,0.1,0.05,0.02",
            description = "Relative spectral errors that a head may have, comma-separated (default: "
                    + "${DEFAULT-VALUE}).")
    private List<Double> budgets;

    @Option(names = "--seeds", paramLabel = "COUNT", order = 23, defaultValue = "5",
            description = "Seeds for each budget, upwards from --seed (default: ${DEFAULT-VALUE}).")
    private int seeds;

    @Option(names = "--certificate", paramLabel = "ROWS", order = 24, defaultValue = "128",
            description = "Exact rows of each head to sample for the certificate (default: ${DEFAULT-VALUE}).")
    private int rows;

    @Option(names = "--no-price", order = 25,
            description = "Leave out the scan of fixed costs and the calibration, and with them the prices.")
    private boolean unpriced;

    @Override
    void check(OutputFiles files) {
        if (seeds < 1 || seeds > 1000) {
            throw new UsageError("--seeds must be between 1 and 1000, got " + seeds);
        }
        BenchOptions.checkCertificate(rows);
        if (rows == 0) {
            throw new UsageError("--certificate must not be 0 here");
        }
        if (!Methods.find(method).takesErrorBudget()) {
            throw new UsageError("--method must be one that takes an error budget, got " + method);
        }
        for (double budget : budgets) {
            if (!(budget > 0 && budget < Double.POSITIVE_INFINITY)) {
                throw new UsageError("--budget must be a positive number, got " + budget);
            }
        }
    }

    @Override
    Form work(Session session) throws IOException {
        NamedInput input = inputOptions.load(session.arena(), seed());
        return new BudgetBench(session.engine(), input, method, rows, !unpriced).run(session.progress(),
                List.copyOf(new LinkedHashSet<>(budgets)), seed(), seeds);
    }
}
