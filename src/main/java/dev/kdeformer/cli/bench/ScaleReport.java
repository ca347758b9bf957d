package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Time and error of methods over the length of the sequence.
 *
 * @param input  what was attended, at its greatest length
 * @param real   rows of it that are not synthetic
 * @param points one for each length and method, those of a length together
 */
public record ScaleReport(NamedInput input, int real, List<Point> points) implements ReportOptions.Form {
    /**
     * One method at one length.
     *
     * @param label        the method with what tells it apart from others of its name
     * @param n            the length
     * @param errorRows    rows of each head that the error was measured on
     * @param allRows      whether these are all rows
     * @param extrapolated whether the time is not measured
     * @param run          what was measured
     */
    public record Point(String label, int n, int errorRows, boolean allRows, boolean extrapolated, Report.Run run) {
    }

    /** The points of each label, in their order. */
    private Map<String, List<Point>> byLabel() {
        Map<String, List<Point>> lines = new LinkedHashMap<>();
        points.forEach(point -> lines.computeIfAbsent(point.label(), label -> new ArrayList<>()).add(point));
        return lines;
    }

    /**
     * The exponent of time over n: the slope of a straight line through (log n, log time), by least squares over the
     * measured times; NaN if fewer than two lengths were timed.
     */
    public static double exponent(List<Point> line) {
        List<Point> timed = line.stream().filter(point -> !point.extrapolated()).toList();
        double meanX = timed.stream().mapToDouble(point -> Math.log(point.n())).average().orElse(Double.NaN);
        double meanY = timed.stream().mapToDouble(point -> Math.log(point.run().times().medianMs())).average()
                .orElse(Double.NaN);
        double square = 0;
        double product = 0;
        for (Point point : timed) {
            double x = Math.log(point.n()) - meanX;
            square += x * x;
            product += x * (Math.log(point.run().times().medianMs()) - meanY);
        }
        return timed.size() < 2 ? Double.NaN : product / square;
    }

    @Override
    public String forTerminal() {
        StringBuilder text = new StringBuilder(heading()).append("\n\n").append(table().forTerminal()).append('\n')
                .append(exponents().forTerminal()).append('\n');
        notes().forEach(note -> text.append(note).append('\n'));
        return text.toString();
    }

    @Override
    public String markdown() {
        StringBuilder text = new StringBuilder(heading().replace("\n", "  \n")).append("\n\n")
                .append(table().markdown()).append('\n').append(exponents().markdown());
        notes().forEach(note -> text.append('\n').append(note).append('\n'));
        return text.toString();
    }

    private String heading() {
        return TextReport.heading(new Report(input, points.stream().map(Point::run).toList()));
    }

    private Table table() {
        Table table = Table.ofNumbers("method", "n", "columns", "median ms", "min ms", "speed-up", "spectral",
                "centred", "Frobenius", "max row", "error on");
        byLabel().forEach((label, line) -> line.forEach(point -> {
            Report.Run run = point.run();
            String mark = point.extrapolated() ? "~" : "";
            String exactMark = isExtrapolated(point.n()) ? "~" : "";
            List<String> cells = new ArrayList<>(List.of(label, String.valueOf(point.n()),
                    Sentences.count(run.columns()), mark + Sentences.digits(run.times().medianMs()),
                    mark + Sentences.digits(run.times().minMs()),
                    Double.isNaN(run.speedup()) ? "-" : exactMark + Sentences.digits(run.speedup()) + "x"));
            Report.SHOWN.forEach(measure -> cells.add(TextReport.error(run.error(), measure)));
            cells.add(run.error() == null ? "-" : point.allRows() ? "all rows" : point.errorRows() + " rows");
            table.row(cells.toArray(String[]::new));
        }));
        return table;
    }

    private boolean isExtrapolated(int n) {
        return points.stream().anyMatch(point -> point.n() == n && point.extrapolated());
    }

    private Table exponents() {
        Table table = Table.ofNumbers("method", "exponent of time over n");
        byLabel().forEach((label, line) -> table.row(label, Sentences.digits(exponent(line))));
        return table;
    }

    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (points.stream().anyMatch(Point::extrapolated)) {
            int from = points.stream().filter(point -> point.run().method().equals(Methods.EXACT))
                    .filter(point -> !point.extrapolated()).mapToInt(Point::n).max().orElseThrow();
            notes.add("~: the time of exact attention is not measured but that at n = " + from + " times the square of"
                    + " the ratio of the lengths.");
        }
        int longest = points.stream().mapToInt(Point::n).max().orElse(0);
        if (longest > real) {
            notes.add("Rows from " + (real + 1) + " on are synthetic: rows of " + input.name()
                    + " drawn at random and moved by noise.");
        }
        if (points.stream().anyMatch(point -> !point.allRows() && point.run().error() != null)) {
            notes.add("Errors on fewer than all rows are those of rows drawn at random, computed exactly.");
        }
        points.stream().filter(point -> !point.run().note().isEmpty())
                .map(point -> point.label() + ": " + point.run().note()).distinct().forEach(notes::add);
        return notes;
    }

    @Override
    public String csv() {
        return TextReport.csv(points.stream().map(this::flat).toList());
    }

    private Map<String, Object> flat(Point point) {
        Map<String, Object> line = TextReport.flat(input, point.run());
        line.put("n", point.n());
        line.put("m", Math.min(point.n(), input.input().keys()));
        line.put("label", point.label());
        line.put("extrapolated", point.extrapolated());
        line.put("errorRows", point.errorRows());
        line.put("synthetic", point.n() > real);
        line.keySet().removeIf(key -> key.startsWith("certificate"));
        return line;
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new Report(input, List.of()).toMap();
        map.put("realRows", real);
        map.put("methods", byLabel().entrySet().stream().map(entry -> {
            Map<String, Object> method = new LinkedHashMap<>();
            method.put("label", entry.getKey());
            method.put("method", entry.getValue().get(0).run().method());
            method.put("exponent", Report.number(exponent(entry.getValue())));
            return method;
        }).toList());
        map.put("runs", points.stream().map(this::runMap).toList());
        return map;
    }

    private Map<String, Object> runMap(Point point) {
        Map<String, Object> run = new LinkedHashMap<>();
        run.put("n", point.n());
        run.put("label", point.label());
        run.putAll(Report.runMap(point.run()));
        run.remove("certificate");
        run.put("extrapolated", point.extrapolated());
        run.put("speedupExtrapolated", isExtrapolated(point.n()));
        run.put("errorRows", point.run().error() == null ? null : point.errorRows());
        run.put("errorOnAllRows", point.run().error() == null ? null : point.allRows());
        run.put("synthetic", point.n() > real);
        return run;
    }

    @Override
    public List<? extends Drawing> drawings() {
        Panel time = new Panel(input.name() + ": time over n", "n", "median ms", true);
        Panel error = new Panel(input.name() + ": error over n", "n", "relative spectral error, mean over heads",
                false);
        byLabel().forEach((label, line) -> {
            time.add(label, places(line, point -> point.run().times().medianMs()));
            // Exact attention's own rounding errors would squeeze all others into a corner.
            error.add(label, line.get(0).run().method().equals(Methods.EXACT) ? List.of()
                    : places(line, point -> point.run().error().mean().spectral()));
        });
        return List.of(error, time);
    }

    private static List<double[]> places(List<Point> line, ToDoubleFunction<Point> y) {
        return line.stream().map(point -> new double[] {point.n(), y.applyAsDouble(point)}).toList();
    }
}
