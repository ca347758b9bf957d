package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.BarPanel;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.Times;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How far gradients are from finite differences.
 *
 * @param method    whose gradients
 * @param rows      queries, keys and values
 * @param times     of attention and of its gradients
 * @param tolerance largest relative error to accept
 */
public record GradientReport(AttentionMethod method, NamedInput input, int threads, List<Row> rows,
        List<Times> times, double tolerance) implements ReportOptions.Form {
    /**
     * The gradient by one tensor.
     *
     * @param elements number of elements that were moved
     * @param error    norm of the differences relative to that of the finite differences
     * @param largest  largest difference
     * @param exact    relative distance from the gradient of exact attention, over all elements; NaN if not measured
     */
    record Row(String tensor, int elements, double error, double largest, double exact) {
        Row withFromExact(double distance) {
            return new Row(tensor, elements, error, largest, distance);
        }
    }

    /** Whether all errors are within the tolerance. */
    public boolean passes() {
        return rows.stream().allMatch(row -> row.error() <= tolerance);
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

    @Override
    public String csv() {
        StringBuilder text = new StringBuilder("input,method,tensor,elements,error,largest,fromExact\n");
        rows.forEach(row -> text.append('"').append(input.name().replace("\"", "\"\"")).append("\",")
                .append(method.name()).append(',').append(row.tensor()).append(',').append(row.elements())
                .append(',').append(row.error()).append(',')
                .append(row.largest()).append(',').append(Double.isNaN(row.exact()) ? "" : row.exact())
                .append('\n'));
        return text.toString();
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new Report(input, List.of()).toMap();
        map.remove("runs");
        map.put("method", method.name());
        map.put("parameters", method.parameters(input.input()));
        map.put("threads", threads);
        List<Object> gradients = new ArrayList<>();
        for (Row row : rows) {
            Map<String, Object> gradient = new LinkedHashMap<>();
            gradient.put("tensor", row.tensor());
            gradient.put("elements", row.elements());
            gradient.put("error", Report.number(row.error()));
            gradient.put("largest", Report.number(row.largest()));
            gradient.put("fromExact", Report.number(row.exact()));
            gradients.add(gradient);
        }
        map.put("gradients", gradients);
        map.put("forwardMs", Report.number(times.get(0).medianMs()));
        map.put("backwardMs", Report.number(times.get(1).medianMs()));
        map.put("ratio", Report.number(ratio()));
        map.put("tolerance", Report.number(tolerance));
        map.put("passes", passes());
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        BarPanel panel = new BarPanel(input.name() + ": gradients", "relative error by finite differences");
        rows.forEach(row -> panel.add(method.name(), row.tensor(), row.error()));
        return List.of(panel);
    }

    private String heading() {
        return input.name() + ": " + input.shape() + "\n" + method.name() + " " + method.parameters(input.input())
                + "\n" + Machine.line() + "; " + threads
                + (threads == 1 ? " thread" : " threads");
    }

    private Table table() {
        Table table = Table.ofNumbers("gradient by", "elements", "relative error", "largest difference",
                "from exact");
        rows.forEach(row -> table.row(row.tensor(), String.valueOf(row.elements()), Sentences.digits(row.error()),
                Sentences.digits(row.largest()), Double.isNaN(row.exact()) ? "-" : Sentences.digits(row.exact())));
        return table;
    }

    private double ratio() {
        return times.get(1).medianMs() / times.get(0).medianMs();
    }

    private List<String> notes() {
        return List.of("relative error and largest difference: against finite differences of the same function in "
                + "double precision, with the choices of the method held fixed", "attention took "
                + Sentences.digits(times.get(0).medianMs()) + " ms, its gradients "
                + Sentences.digits(times.get(1).medianMs()) + " ms: " + Sentences.digits(ratio()) + " times as long",
                passes() ? "all within " + Sentences.digits(tolerance)
                        : "NOT all within " + Sentences.digits(tolerance));
    }
}
