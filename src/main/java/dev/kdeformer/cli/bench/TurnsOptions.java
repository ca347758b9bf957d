package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.UsageError;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** How often something is timed, and how long it is warmed up before. */
public final class TurnsOptions {
    private static final String REPEAT = "--repeat";

    @Option(names = REPEAT, paramLabel = "R", order = 32,
            description = "Timed runs of each, taken in turns after a warm-up (default: ${DEFAULT-VALUE}, and more of "
                    + "short ones until all took a second).")
    private int repeat;

    @Option(names = "--warm-up", paramLabel = "SECONDS", order = 33,
            description = "Run each before it is timed until it has not become faster and nothing has been compiled "
                    + "for this long (default: ${DEFAULT-VALUE}; 0 for a single run).")
    private double warmUpSeconds;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /** Options with a command's own number of runs. */
    public TurnsOptions(int repeat) {
        this(repeat, Turns.STILL_SECONDS);
    }

    /** Options with a command's own defaults. */
    public TurnsOptions(int repeat, double warmUpSeconds) {
        this.repeat = repeat;
        this.warmUpSeconds = warmUpSeconds;
    }

    /**
     * Checks the ranges.
     *
     * @throws UsageError if a value is out of range
     */
    public void check() {
        if (repeat < 1 || repeat > 10_000) {
            throw new UsageError("--repeat must be between 1 and 10000, got " + repeat);
        }
        if (!(warmUpSeconds >= 0 && warmUpSeconds <= 3600)) {
            throw new UsageError("--warm-up must be between 0 and 3600, got " + warmUpSeconds);
        }
    }

    /** The number of timed runs. */
    public int repeat() {
        return repeat;
    }

    /** The number of timed runs, or another one where none is given. */
    public int repeatOr(int otherwise) {
        return isGiven() ? repeat : otherwise;
    }

    /** As many rounds as asked for; where none are, more of short ones than the command's own number. */
    public Rounds rounds() {
        return isGiven() ? Rounds.of(repeat) : Rounds.atLeast(repeat);
    }

    private boolean isGiven() {
        return command.commandLine().getParseResult().hasMatchedOption(REPEAT);
    }

    /** How long calls must not have become faster. */
    public double warmUpSeconds() {
        return warmUpSeconds;
    }
}
