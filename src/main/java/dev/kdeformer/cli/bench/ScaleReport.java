package dev.kdeformer.cli.bench;

import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
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
 * @param leftOut why, by the name of each method that cannot do this input
 */
public record ScaleReport(NamedInput input, int real, List<Point> points, Map<String, String> leftOut)
        implements Form {
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
    public String heading() {
        return new Report(input, points.stream().map(Point::run).toList()).heading();
    }

    private boolean hasCost() {
        return points.stream().anyMatch(point -> !Double.isNaN(point.run().cost()));
    }

    private Columns<Point> columns() {
        Columns<Point> leading = new Columns<Point>()
                .field("input", point -> input.name())
                .text("method", "label", Point::label)
                .text("n", "n", Point::n)
                .field("m", point -> Math.min(point.n(), input.input().keys()))
                .withFields(Report.timed(false), Point::run)
                .cell("evaluations", point -> Sentences.count(point.run().evaluations()));
        if (hasCost()) {
            leading.cell("cost", point -> Double.isNaN(point.run().cost()) ? "-"
                    : mark(isExtrapolated(point.n())) + Sentences.count(point.run().cost()));
        }
        return leading
                .cell("median ms", point -> time(point, point.run().times().medianMs()))
                .cell("min ms", point -> time(point, point.run().times().minMs()))
                .cell("speed-up", point -> Double.isNaN(point.run().speedup()) ? "-"
                        : mark(isExtrapolated(point.n())) + Sentences.times(point.run().speedup()))
                .with(Report.errors(), Point::run)
                .field("extrapolated", Point::extrapolated)
                .field("speedupExtrapolated", point -> isExtrapolated(point.n()))
                .field("errorRows", point -> point.run().error() == null ? null : point.errorRows())
                .both("error on", "errorOnAllRows", point -> point.run().error() == null ? null : point.allRows(),
                        point -> point.run().error() == null ? "-" : point.allRows() ? "all rows"
                                : point.errorRows() + " rows")
                .field("synthetic", point -> point.n() > real)
                .withFields(Report.remarks(), Point::run);
    }

    private static String time(Point point, double ms) {
        return mark(point.extrapolated()) + Sentences.digits(ms);
    }

    private static String mark(boolean extrapolated) {
        return extrapolated ? "~" : "";
    }

    private List<Line> lines() {
        return byLabel().entrySet().stream().map(entry -> new Line(entry.getKey(),
                entry.getValue().get(0).run().method(), exponent(entry.getValue()))).toList();
    }

    /** How the time of a method grows. */
    private record Line(String label, String method, double exponent) {
    }

    private static Columns<Line> exponents() {
        return new Columns<Line>().text("method", "label", Line::label).field("method", Line::method)
                .figure("exponent of time over n", "exponent", Line::exponent);
    }

    @Override
    public List<Table> tables() {
        return List.of(columns().table(byLabel().values().stream().flatMap(List::stream).toList()),
                exponents().table(lines()));
    }

    private boolean isExtrapolated(int n) {
        return points.stream().anyMatch(point -> point.n() == n && point.extrapolated());
    }

    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (hasCost()) {
            notes.add(Report.COUNTS);
        }
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
        notes.addAll(Report.leftOut(leftOut));
        return notes;
    }

    @Override
    public String csv() {
        return columns().csv(points);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = Report.about(input);
        map.put("realRows", real);
        map.put("methods", exponents().maps(lines()));
        map.put("runs", columns().maps(points));
        if (!leftOut.isEmpty()) {
            map.put("leftOut", leftOut);
        }
        return map;
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
