package dev.kdeformer.cli.density;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.density.DensityInput.Loaded;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.kde.KernelDensity.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A density at some queries and what it took.
 *
 * @param input        the points
 * @param settings     kernel, estimator and error that were asked for
 * @param logDensities natural logarithms at the queries, −∞ where no point is in reach
 * @param spent        what they took
 * @param check        how they compare with exact ones
 * @param panel        the plot, or null
 */
public record DensityReport(Loaded input, DensityBench.Settings settings, double[] logDensities, Spent spent,
        Check check, DensityPanel panel) implements Form {
    /**
     * What densities took.
     *
     * @param threads    number of threads
     * @param buildMs    milliseconds until queries could be asked
     * @param queryMs    milliseconds of all queries
     * @param statistics what the estimator counted
     */
    record Spent(int threads, double buildMs, double queryMs, Statistics statistics) {
    }

    /**
     * A comparison with exact densities.
     *
     * @param queries how many queries were evaluated exactly too
     * @param error   largest relative error at these
     */
    record Check(int queries, double error) {
    }

    @Override
    public String heading() {
        int n = input.points().shape().rows();
        return input.name() + ": " + n + " points of " + input.points().shape().columns() + " features, "
                + logDensities.length + " queries\nkernel " + word(settings.kernel().form()) + ", bandwidth "
                + Sentences.digits(settings.kernel().parameter())
                + (settings.rule().isEmpty() ? "" : " (" + settings.rule() + ")") + ", estimator "
                + word(settings.estimator()) + "\n" + Machine.line() + "; "
                + Sentences.count(spent.threads(), "thread");
    }

    private static String word(Enum<?> name) {
        return name.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The columns of the one line that there is. */
    private static Columns<DensityReport> columns() {
        return new Columns<DensityReport>()
                .cell("log-density", report -> "of the queries in reach")
                .field("input", report -> report.input().name())
                .field("points", report -> report.input().points().shape().rows())
                .field("features", report -> report.input().points().shape().columns())
                .field("queries", report -> report.logDensities().length)
                .field("weighted", report -> report.input().weights() != null)
                .field("varianceKept", report -> report.input().kept())
                .field("kernel", report -> word(report.settings().kernel().form()))
                .field("bandwidth", report -> report.settings().kernel().parameter())
                .field("rule", report -> report.settings().rule().isEmpty() ? null : report.settings().rule())
                .field("estimator", report -> word(report.settings().estimator()))
                .field("relativeError", report -> report.settings().relativeError())
                .field("threads", report -> report.spent().threads())
                .field("seed", report -> report.settings().seed())
                .with(spread("least"), report -> report.spread().get("least"))
                .with(spread("median"), report -> report.spread().get("median"))
                .with(spread("mean"), report -> report.spread().get("mean"))
                .with(spread("largest"), report -> report.spread().get("largest"))
                .count("evaluations", "evaluations", report -> report.spent().statistics().evaluations())
                .both("exact queries", "exactQueries", report -> report.spent().statistics().exact(),
                        report -> Sentences.digits(100 * report.spent().statistics().exact()) + " %")
                .field("buildMs", report -> report.spent().buildMs())
                .figure("ms", "queryMs", report -> report.spent().queryMs())
                .field("checkedQueries", report -> report.check().queries())
                .field("largestError", report -> report.check().error())
                .field("outOfReach", DensityReport::outOfReach);
    }

    private static Columns<Double> spread(String name) {
        return new Columns<Double>().cell(name, Sentences::digits)
                .field(name, "logDensity." + name, value -> value);
    }

    @Override
    public List<Table> tables() {
        return List.of(columns().table(List.of(this)));
    }

    private long outOfReach() {
        return Arrays.stream(logDensities).filter(log -> log == Double.NEGATIVE_INFINITY).count();
    }

    private Map<String, Double> spread() {
        double[] sorted = Arrays.stream(logDensities).filter(Double::isFinite).sorted().toArray();
        Map<String, Double> spread = new LinkedHashMap<>();
        boolean any = sorted.length > 0;
        spread.put("least", any ? sorted[0] : Double.NaN);
        spread.put("median", any ? sorted[sorted.length / 2] : Double.NaN);
        spread.put("mean", Arrays.stream(sorted).average().orElse(Double.NaN));
        spread.put("largest", any ? sorted[sorted.length - 1] : Double.NaN);
        return spread;
    }

    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        notes.add("evaluations: kernels per query, of " + input.points().shape().rows()
                + "; bounds of groups count too; built in " + Sentences.digits(spent.buildMs()) + " ms");
        notes.add("largest relative error at " + check.queries() + " queries, evaluated exactly: "
                + Sentences.digits(check.error())
                + "; asked for at most " + Sentences.digits(settings.relativeError()));
        if (outOfReach() > 0) {
            notes.add(outOfReach() + " of the queries have no point in reach: density 0 there");
        }
        if (input.kept() < 1) {
            notes.add("reduced to principal components, which keep " + Sentences.digits(100 * input.kept())
                    + " % of the points' variance");
        }
        return notes;
    }

    @Override
    public String csv() {
        return columns().csv(List.of(this));
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.putAll(columns().map(this));
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        return panel == null ? List.of() : List.of(panel);
    }
}
