package dev.kdeformer.cli.density;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.density.DensityInput.Loaded;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
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
 * @param logDensities natural logarithms at the queries, −∞ where no point is in reach
 * @param spent        time
 * @param error        largest relative error at the checked queries
 * @param checked      how many queries were evaluated exactly too
 * @param panel        the plot, or null
 */
public record DensityReport(Loaded input, DensityBench.Settings settings, int threads, double[] logDensities,
        Statistics statistics, Spent spent, double error, int checked, DensityPanel panel)
        implements ReportOptions.Form {
    /** Milliseconds. */
    record Spent(double buildMs, double queryMs) {
    }

    @Override
    public String forTerminal() {
        return heading() + "\n\n" + table().forTerminal() + "\n" + String.join("\n", notes()) + "\n";
    }

    @Override
    public String markdown() {
        return heading().replace("\n", "  \n") + "\n\n" + table().markdown() + "\n" + String.join("\n\n", notes())
                + "\n";
    }

    private String heading() {
        int n = input.points().shape().rows();
        return input.name() + ": " + n + " points of " + input.points().shape().columns() + " features, "
                + logDensities.length + " queries\nkernel " + word(settings.kernel().form()) + ", bandwidth "
                + Sentences.digits(settings.kernel().parameter())
                + (settings.rule().isEmpty() ? "" : " (" + settings.rule() + ")") + ", estimator "
                + word(settings.estimator()) + "\n" + Machine.line() + "; " + threads
                + (threads == 1 ? " thread" : " threads");
    }

    private static String word(Enum<?> name) {
        return name.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private Table table() {
        Map<String, Double> spread = spread();
        return Table.ofNumbers("log-density", "least", "median", "mean", "largest", "evaluations", "exact queries",
                "ms")
                .row("of the queries in reach", text(spread.get("least")), text(spread.get("median")),
                        text(spread.get("mean")), text(spread.get("largest")),
                        Sentences.count(statistics.evaluations()), Sentences.digits(100 * statistics.exact()) + " %",
                        Sentences.digits(spent.queryMs()));
    }

    private static String text(double value) {
        return Double.isNaN(value) ? "-" : Sentences.digits(value);
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

    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        notes.add("evaluations: kernels per query, of " + input.points().shape().rows()
                + "; bounds of groups count too; built in " + Sentences.digits(spent.buildMs()) + " ms");
        notes.add("largest relative error at " + checked + " queries, evaluated exactly: " + Sentences.digits(error)
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
        Map<String, Double> spread = spread();
        StringBuilder text = new StringBuilder("input,points,features,queries,kernel,bandwidth,estimator,"
                + "relativeError,evaluations,exact,buildMs,queryMs,error,least,median,mean,largest,outOfReach\n");
        text.append('"').append(input.name().replace("\"", "\"\"")).append("\",")
                .append(input.points().shape().rows()).append(',').append(input.points().shape().columns()).append(',')
                .append(logDensities.length).append(',').append(word(settings.kernel().form())).append(',')
                .append(settings.kernel().parameter()).append(',').append(word(settings.estimator())).append(',')
                .append(settings.relativeError()).append(',').append(statistics.evaluations()).append(',')
                .append(statistics.exact()).append(',').append(spent.buildMs()).append(',').append(spent.queryMs())
                .append(',').append(error);
        spread.values().forEach(value -> text.append(',').append(Double.isNaN(value) ? "" : value));
        return text.append(',').append(outOfReach()).append('\n').toString();
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("input", input.name());
        map.put("points", input.points().shape().rows());
        map.put("features", input.points().shape().columns());
        map.put("queries", logDensities.length);
        map.put("weighted", input.weights() != null);
        map.put("varianceKept", Report.number(input.kept()));
        map.put("kernel", word(settings.kernel().form()));
        map.put("bandwidth", Report.number(settings.kernel().parameter()));
        map.put("rule", settings.rule().isEmpty() ? null : settings.rule());
        map.put("estimator", word(settings.estimator()));
        map.put("relativeError", Report.number(settings.relativeError()));
        map.put("threads", threads);
        map.put("seed", settings.seed());
        map.put("evaluations", Report.number(statistics.evaluations()));
        map.put("exactQueries", Report.number(statistics.exact()));
        map.put("buildMs", Report.number(spent.buildMs()));
        map.put("queryMs", Report.number(spent.queryMs()));
        map.put("checkedQueries", checked);
        map.put("largestError", Report.number(error));
        Map<String, Object> logs = new LinkedHashMap<>();
        spread().forEach((name, value) -> logs.put(name, Report.number(value)));
        map.put("logDensity", logs);
        map.put("outOfReach", outOfReach());
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        return panel == null ? List.of() : List.of(panel);
    }
}
