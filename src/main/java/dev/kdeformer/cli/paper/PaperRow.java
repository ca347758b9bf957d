package dev.kdeformer.cli.paper;

import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Report;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What an experiment measured of a method at one setting.
 *
 * @param experiment   {@code length}, {@code features}, {@code shapes} or {@code sets}
 * @param input        what was attended, and its shape
 * @param method       the method's name
 * @param features     features f that the method was given, or 0 where it takes none
 * @param columns      key evaluations per query
 * @param seeds        how many seeds were run
 * @param spectral     the error ‖Õ − O‖ / ‖O‖
 * @param centred      the error ‖Õ − O‖ / ‖O − mean row‖
 * @param ms           median time of a call over the seeds
 * @param speedup      against exact attention on the same input
 * @param scratchBytes off-heap memory that the calls needed
 * @param heapBytes    peak of the Java heap over a call
 * @param problem      why the method was not run, or the empty string
 */
public record PaperRow(String experiment, NamedInput input, String method, int features, double columns, int seeds,
        Spread spectral, Spread centred, double ms, double speedup, long scratchBytes, long heapBytes,
        String problem) {
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
        return new PaperRow(experiment, input, method, features, Double.NaN, 0, Spread.NONE, Spread.NONE, Double.NaN,
                Double.NaN, 0, 0, problem);
    }

    boolean isRun() {
        return problem.isEmpty();
    }

    /** The row as names and values without nesting. */
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("experiment", experiment);
        map.put("input", input.name());
        map.put("heads", input.input().heads());
        map.put("n", input.input().queries());
        map.put("m", input.input().keys());
        map.put("d", input.input().d());
        map.put("dv", input.input().dv());
        map.put("method", method);
        map.put("features", features == 0 ? null : features);
        map.put("columns", Report.number(columns));
        map.put("seeds", seeds);
        put(map, "spectral", spectral);
        put(map, "spectralCentred", centred);
        map.put("medianMs", Report.number(ms));
        map.put("speedup", Report.number(speedup));
        map.put("scratchBytes", isRun() ? scratchBytes : null);
        map.put("heapBytes", isRun() ? heapBytes : null);
        map.put("problem", isRun() ? null : problem);
        return map;
    }

    private static void put(Map<String, Object> map, String name, Spread spread) {
        map.put(name + "Mean", Report.number(spread.mean()));
        map.put(name + "Deviation", Report.number(spread.deviation()));
        map.put(name + "Min", Report.number(spread.min()));
        map.put(name + "Max", Report.number(spread.max()));
    }
}
