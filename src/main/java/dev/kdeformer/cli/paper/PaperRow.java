package dev.kdeformer.cli.paper;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Columns;
import java.util.Arrays;

/**
 * What an experiment measured of a method at one setting.
 *
 * @param setting what was run
 * @param errors  how far its outputs were from exact ones
 * @param spent   what it took
 * @param problem why the method was not run, or the empty string
 */
public record PaperRow(Setting setting, Errors errors, Spent spent, String problem) {
    /**
     * What was run.
     *
     * @param experiment {@code length}, {@code features}, {@code shapes} or {@code sets}
     * @param input      what was attended, and its shape
     * @param method     the method's name
     * @param features   features f that the method was given, or 0 where it takes none
     * @param budget     key evaluations per query that the method was given, or 0 where it was given none
     * @param seeds      how many seeds were run
     */
    public record Setting(String experiment, NamedInput input, String method, int features, int budget, int seeds) {
    }

    /**
     * Errors over the seeds.
     *
     * @param spectral the error ‖Õ − O‖ / ‖O‖
     * @param centred  the error ‖Õ − O‖ / ‖O − mean row‖
     */
    public record Errors(Spread spectral, Spread centred) {
        private static final Errors NONE = new Errors(Spread.NONE, Spread.NONE);
    }

    /**
     * What calls took.
     *
     * @param evaluations  key evaluations per query that the method spent
     * @param ms           median time of a call over the seeds
     * @param speedup      against exact attention on the same input
     * @param scratchBytes off-heap memory that the calls needed
     * @param heapBytes    peak of the Java heap over a call
     */
    public record Spent(double evaluations, double ms, double speedup, long scratchBytes, long heapBytes) {
        private static final Spent NOTHING = new Spent(Double.NaN, Double.NaN, Double.NaN, 0, 0);

        /** What calls took whose times are not known yet. */
        static Spent untimed(double evaluations, long scratchBytes, long heapBytes) {
            return new Spent(evaluations, Double.NaN, Double.NaN, scratchBytes, heapBytes);
        }
    }

    /**
     * A measure over seeds, each the mean over the heads.
     *
     * @param mean      the mean
     * @param deviation the standard deviation of a single seed, 0 for one seed
     * @param min       the smallest
     * @param max       the largest
     */
    public record Spread(double mean, double deviation, double min, double max) {
        static final Spread NONE = new Spread(Double.NaN, Double.NaN, Double.NaN, Double.NaN);

        /** The spread of some values; all NaN for none. */
        public static Spread of(double... values) {
            double mean = Arrays.stream(values).average().orElse(Double.NaN);
            double square = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
            return new Spread(mean, values.length < 2 ? 0 : Math.sqrt(square / (values.length - 1)),
                    Arrays.stream(values).min().orElse(Double.NaN), Arrays.stream(values).max().orElse(Double.NaN));
        }
    }

    /** A method that could not be run. */
    static PaperRow refused(String experiment, NamedInput input, String method, int features, String problem) {
        return new PaperRow(new Setting(experiment, input, method, features, 0, 0), Errors.NONE, Spent.NOTHING,
                problem);
    }

    /** The row with its time, beside that of exact attention. */
    PaperRow withTime(double median, double exactMs) {
        return new PaperRow(setting, errors, new Spent(spent.evaluations, median, exactMs / median, spent.scratchBytes,
                spent.heapBytes), problem);
    }

    boolean isRun() {
        return problem.isEmpty();
    }

    /** The columns of the rows. */
    public static Columns<PaperRow> columns() {
        return new Columns<PaperRow>()
                .field("experiment", row -> row.setting().experiment())
                .text("method", "method", row -> row.setting().method())
                .text("input", "input", row -> row.setting().input().name())
                .field("heads", row -> row.setting().input().input().heads())
                .text("n", "n", row -> row.setting().input().input().queries())
                .text("m", "m", row -> row.setting().input().input().keys())
                .text("d", "d", row -> row.setting().input().input().d())
                .text("d_v", "dv", row -> row.setting().input().input().dv())
                .text("f", "features", row -> row.setting().features() == 0 ? null : row.setting().features())
                .text("budget", "budget", row -> row.setting().budget() == 0 ? null : row.setting().budget())
                .count("evaluations", "evaluations", row -> row.spent().evaluations())
                .text("seeds", "seeds", row -> row.setting().seeds())
                .cell("error", row -> row.spread(row.errors().spectral()))
                .cell("least", row -> Sentences.digits(row.errors().spectral().min()))
                .cell("greatest", row -> Sentences.digits(row.errors().spectral().max()))
                .with(spread("spectral"), row -> row.errors().spectral())
                .cell("centred error", row -> row.spread(row.errors().centred()))
                .with(spread("spectralCentred"), row -> row.errors().centred())
                .figure("ms", "medianMs", row -> row.spent().ms())
                .both("speed-up", "speedup", row -> row.spent().speedup(),
                        row -> Sentences.digits(row.spent().speedup()) + "×")
                .both("scratch", "scratchBytes", row -> row.isRun() ? row.spent().scratchBytes() : null,
                        row -> Sentences.bytes(row.spent().scratchBytes()))
                .both("heap", "heapBytes", row -> row.isRun() ? row.spent().heapBytes() : null,
                        row -> Sentences.bytes(row.spent().heapBytes()))
                .field("problem", row -> row.isRun() ? null : row.problem());
    }

    private static Columns<Spread> spread(String name) {
        return new Columns<Spread>()
                .field(name + "Mean", Spread::mean)
                .field(name + "Deviation", Spread::deviation)
                .field(name + "Min", Spread::min)
                .field(name + "Max", Spread::max);
    }

    private String spread(Spread spread) {
        return Sentences.digits(spread.mean())
                + (setting.seeds < 2 ? "" : " ± " + Sentences.digits(spread.deviation()));
    }
}
