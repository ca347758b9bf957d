package dev.kdeformer.cli.report;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorMeasures;
import dev.kdeformer.measure.ErrorReport;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** Reports as text: for a terminal, as Markdown, as CSV. */
public final class TextReport implements ReportOptions.Form {
    private final Report report;

    public TextReport(Report report) {
        this.report = report;
    }

    /** The report for a terminal: input, machine, table and how to read it. */
    @Override
    public String forTerminal() {
        StringBuilder text = new StringBuilder(heading(report)).append("\n\n").append(table().forTerminal());
        text.append('\n');
        notes().forEach(note -> text.append(note).append('\n'));
        return text.toString();
    }

    @Override
    public String markdown() {
        StringBuilder text = new StringBuilder(heading(report).replace("\n", "  \n")).append("\n\n")
                .append(table().markdown());
        notes().forEach(note -> text.append('\n').append(note).append('\n'));
        return text.toString();
    }

    /** Input, machine and threads. */
    public static String heading(Report report) {
        StringBuilder text = new StringBuilder(report.input().name()).append(": ").append(report.input().shape());
        if (!report.input().about().isEmpty()) {
            text.append('\n').append(report.input().about());
        }
        return text.append('\n').append(Machine.line()).append(threads(report)).toString();
    }

    private static String threads(Report report) {
        return report.runs().stream().map(Report.Run::threads).distinct()
                .map(t -> "; " + t + (t == 1 ? " thread" : " threads")).collect(Collectors.joining());
    }

    @Override
    public Map<String, Object> toMap() {
        return report.toMap();
    }

    @Override
    public List<? extends Drawing> drawings() {
        return PlotReport.panels(report);
    }

    private int heads() {
        return report.input().input().batch() * report.input().input().heads();
    }

    private Table table() {
        String certified = "certified";
        for (Report.Run run : report.runs()) {
            if (run.certificate() != null) {
                certified = String.format(Locale.ROOT, "certified (%.0f %%)", 100 * run.certificate().confidence());
            }
        }
        Table table = Table.ofNumbers("method", "columns", "median ms", "min ms", "speed-up", "spectral", "centred",
                "Frobenius", "max row", certified);
        for (Report.Run run : report.runs()) {
            List<String> cells = new ArrayList<>(List.of(run.method(), Sentences.count(run.columns()),
                    Sentences.digits(run.times().medianMs()), Sentences.digits(run.times().minMs()),
                    Double.isNaN(run.speedup()) ? "-" : Sentences.digits(run.speedup()) + "x"));
            Report.SHOWN.forEach(measure -> cells.add(error(run.error(), measure)));
            cells.add(certified(run.certificate()));
            table.row(cells.toArray(String[]::new));
        }
        return table;
    }

    /** The mean, and the maximum where there is more than one head. */
    public static String error(ErrorReport error, ToDoubleFunction<ErrorMeasures> measure) {
        if (error == null) {
            return "-";
        }
        return Sentences.digits(measure.applyAsDouble(error.mean()))
                + (error.each().size() == 1 ? "" : " / " + Sentences.digits(measure.applyAsDouble(error.max())));
    }

    private static String certified(Certificate certificate) {
        return certificate == null ? "-" : Sentences.digits(certificate.estimate()) + " ["
                + Sentences.digits(certificate.low()) + ", " + Sentences.digits(certificate.high()) + "]";
    }

    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (report.runs().stream().anyMatch(run -> run.error() != null)) {
            notes.add("spectral: |O' - O| / |O|, O the exact output. centred: |O' - O| / |O - mean row of O|, also in");
            notes.add("the Frobenius norm and for the worst row."
                    + (heads() == 1 ? "" : " Mean / maximum over " + heads() + " heads."));
        }
        report.runs().stream().map(Report.Run::certificate).filter(Objects::nonNull).findFirst()
                .ifPresent(certificate -> notes.add("certified: |O' - O| / |O| in the Frobenius norm, estimated from "
                        + certificate.rows() + " exact rows" + (heads() == 1 ? "" : " of each head") + "."));
        report.runs().stream().filter(run -> !run.note().isEmpty())
                .map(run -> run.method() + ": " + run.note()).distinct().forEach(notes::add);
        return notes;
    }

    /** The runs as comma-separated values with a line of names, as RFC 4180 has it but with plain line feeds. */
    @Override
    public String csv() {
        return csv(report.runs().stream().map(run -> flat(report.input(), run)).toList());
    }

    /** Maps with the same keys in the same order as comma-separated values with a line of names. */
    public static String csv(List<Map<String, Object>> lines) {
        StringBuilder text = new StringBuilder();
        if (!lines.isEmpty()) {
            text.append(String.join(",", lines.get(0).keySet())).append('\n');
        }
        for (Map<String, Object> line : lines) {
            text.append(line.values().stream().map(TextReport::quoted).collect(Collectors.joining(","))).append('\n');
        }
        return text.toString();
    }

    /** A run as names and values without nesting. */
    public static Map<String, Object> flat(NamedInput input, Report.Run run) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("input", input.name());
        line.put("n", input.input().queries());
        line.put("m", input.input().keys());
        line.put("method", run.method());
        line.put("parameters", run.parameters().entrySet().stream().map(Object::toString)
                .collect(Collectors.joining(" ")));
        line.put("columns", run.columns());
        line.put("threads", run.threads());
        line.put("seed", run.seed());
        line.put("medianMs", run.times().medianMs());
        line.put("minMs", run.times().minMs());
        line.put("speedup", run.speedup());
        ErrorReport error = run.error();
        Report.MEASURES.forEach((name, measure) -> {
            line.put(name + "Mean", error == null ? null : measure.applyAsDouble(error.mean()));
            line.put(name + "Max", error == null ? null : measure.applyAsDouble(error.max()));
        });
        Certificate certificate = run.certificate();
        line.put("certificateRows", certificate == null ? null : certificate.rows());
        line.put("certificateEstimate", certificate == null ? null : certificate.estimate());
        line.put("certificateLow", certificate == null ? null : certificate.low());
        line.put("certificateHigh", certificate == null ? null : certificate.high());
        line.put("certificateConfidence", certificate == null ? null : certificate.confidence());
        return line;
    }

    private static String quoted(Object value) {
        Object plain = value instanceof Double number ? Report.number(number) : value;
        if (plain == null) {
            return "";
        }
        String text = plain.toString();
        return text.matches(".*[\",\\r\\n].*") ? '"' + text.replace("\"", "\"\"") + '"' : text;
    }
}
