package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.measure.Certificate;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What is measured, and how often. */
public final class BenchOptions {
    @Mixin
    private TurnsOptions turns = new TurnsOptions(3);

    @Option(names = "--certificate", paramLabel = "ROWS", order = 34, defaultValue = "128",
            description = "Exact rows of each head to sample for the certificate (default: ${DEFAULT-VALUE}; 0 for "
                    + "none).")
    private int certificateRows;

    @Option(names = "--no-exact", order = 35,
            description = "Leave exact attention out: no errors and no speed-up, but the certificate.")
    private boolean withoutExact;

    @Option(names = "--estimate", order = 36,
            description = "Print memory and work of each method, and compute nothing.")
    private boolean estimate;

    /** Checks the ranges. */
    public void check() {
        turns.check();
        checkCertificate(certificateRows);
    }

    /**
     * Checks the number of rows for a certificate.
     *
     * @throws UsageError if they are too few
     */
    public static void checkCertificate(int rows) {
        if (rows != 0 && rows < Certificate.LEAST_ROWS) {
            throw new UsageError("--certificate must be 0 or at least " + Certificate.LEAST_ROWS + ", got " + rows);
        }
    }

    Rounds rounds() {
        return turns.rounds();
    }

    double warmUpSeconds() {
        return turns.warmUpSeconds();
    }

    int certificateRows() {
        return certificateRows;
    }

    /** Whether exact attention is left out. */
    public boolean withoutExact() {
        return withoutExact;
    }

    /** Whether nothing is run, only estimated. */
    public boolean estimateOnly() {
        return estimate;
    }
}
