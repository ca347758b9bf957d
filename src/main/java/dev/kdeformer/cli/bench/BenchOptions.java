package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.measure.Certificate;
import picocli.CommandLine.Option;

/** What is measured, and how often. */
public final class BenchOptions {
    @Option(names = "--repeat", paramLabel = "R", order = 32, defaultValue = "3",
            description = "Timed runs of each method, taken in turns after a warm-up (default: ${DEFAULT-VALUE}).")
    private int repeat;

    @Option(names = "--warm-up", paramLabel = "SECONDS", order = 33, defaultValue = "0.4",
            description = "Run each method before it is timed until it has not become faster for this long "
                    + "(default: ${DEFAULT-VALUE}; 0 for a single run).")
    private double warmUpSeconds;

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
        check(repeat, warmUpSeconds);
        checkCertificate(certificateRows);
    }

    /** Checks the number of rows for a certificate. */
    public static void checkCertificate(int rows) {
        if (rows != 0 && rows < Certificate.LEAST_ROWS) {
            throw new UsageError("--certificate must be 0 or at least " + Certificate.LEAST_ROWS + ", got " + rows);
        }
    }

    /** Checks the ranges of these two. */
    public static void check(int repeat, double warmUpSeconds) {
        if (repeat < 1 || repeat > 10_000) {
            throw new UsageError("--repeat must be between 1 and 10000, got " + repeat);
        }
        if (!(warmUpSeconds >= 0 && warmUpSeconds <= 3600)) {
            throw new UsageError("--warm-up must be between 0 and 3600, got " + warmUpSeconds);
        }
    }

    int repeat() {
        return repeat;
    }

    double warmUpSeconds() {
        return warmUpSeconds;
    }

    int certificateRows() {
        return certificateRows;
    }

    public boolean withoutExact() {
        return withoutExact;
    }

    public boolean estimateOnly() {
        return estimate;
    }
}
