package dev.kdeformer.cli.paper;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Columns;
import java.util.Arrays;

/**
 * What an experiment measured of a method at one setting.
 *
 * @param experiment   {@code length}, {@code features}, {@code shapes} or {@code sets}
 * @param input        what was attended, and its shape
 * @param method       the method's name
 * @param features     features f that the method was given, or 0 where it takes none
 * @param budget       key evaluations per query that the method was given, or 0 where it was given none
 * @param evaluations  key evaluations per query that it spent
 * @param seeds        how many seeds were run
 * @param spectral     the error ‖Õ − O‖ / ‖O‖
 * @param centred      the error ‖Õ − O‖ / ‖O − mean row‖
 * @param ms           median time of a call over the seeds
 * @param speedup      against exact attention on the same input
 * @param scratchBytes off-heap memory that the calls needed
 * @param heapBytes    peak of the Java heap over a call
 * @param problem      why the method was not run, or the empty string
 */
public record PaperRow(String experiment, NamedInput input, String method, int features, int budget,
        double evaluations, int seeds, Spread spectral, Spread centred, double ms, double speedup, long scratchBytes,
        long heapBytes, String problem) {
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

        public static Spread of(double... values) {
            double mean = Arrays.stream(values).average().orElse(Double.NaN);
            double square = Arrays.stream(values).map(value -> (value - mean) * (value - mean)).sum();
            return new Spread(mean, values.length < 2 ? 0 : Math.sqrt(square / (values.length - 1)),
                    Arrays.stream(values).min().orElse(Double.NaN), Arrays.stream(values).max().orElse(Double.NaN));
        }
    }

    /** A method that could not be run. */
    static PaperRow refused(String experiment, NamedInput input, String method, int features, String problem) {
        return new PaperRow(experiment, input, method, features, 0, Double.NaN, 0, Spread.NONE, Spread.NONE, Double.NaN,
                Double.NaN, 0, 0, problem);
    }

    /** The row with its time, beside that of exact attention. */
    PaperRow withTime(double median, double exactMs) {
        return new PaperRow(experiment, input, method, features, budget, evaluations, seeds, spectral, centred, median,
                exactMs / median, scratchBytes, heapBytes, problem);
    }

    boolean isRun() {
        return problem.isEmpty();
    }

    /** The columns of the rows. */
    public static Columns<PaperRow> columns() {
        return new Columns<PaperRow>()
                .field("experiment", PaperRow::experiment)
                .text("method", "method", PaperRow::method)
                .text("input", "input", row -> row.input().name())
                .field("heads", row -> row.input().input().heads())
                .text("n", "n", row -> row.input().input().queries())
                .text("m", "m", row -> row.input().input().keys())
                .text("d", "d", row -> row.input().input().d())
                .text("d_v", "dv", row -> row.input().input().dv())
                .text("f", "features", row -> row.features() == 0 ? null : row.features())
                .text("budget", "budget", row -> row.budget() == 0 ? null : row.budget())
                .count("evaluations", "evaluations", PaperRow::evaluations)
                .text("seeds", "seeds", PaperRow::seeds)
                .cell("error", row -> row.spread(row.spectral()))
                .cell("least", row -> Sentences.digits(row.spectral().min()))
                .cell("greatest", row -> Sentences.digits(row.spectral().max()))
                .with(spread("spectral"), PaperRow::spectral)
                .cell("centred error", row -> row.spread(row.centred()))
                .with(spread("spectralCentred"), PaperRow::centred)
                .figure("ms", "medianMs", PaperRow::ms)
                .both("speed-up", "speedup", PaperRow::speedup, row -> Sentences.digits(row.speedup()) + "×")
                .both("scratch", "scratchBytes", row -> row.isRun() ? row.scratchBytes() : null,
                        row -> Sentences.bytes(row.scratchBytes()))
                .both("heap", "heapBytes", row -> row.isRun() ? row.heapBytes() : null,
                        row -> Sentences.bytes(row.heapBytes()))
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
        return Sentences.digits(spread.mean()) + (seeds < 2 ? "" : " ± " + Sentences.digits(spread.deviation()));
    }
}
