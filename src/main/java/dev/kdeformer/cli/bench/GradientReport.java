package dev.kdeformer.cli.bench;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.BarPanel;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Plain;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.Times;
import java.util.List;
import java.util.Map;

/**
 * How far gradients are from finite differences.
 *
 * @param method    whose gradients
 * @param rows      queries, keys, values, and biases and sinks where there are any
 * @param times     of attention and of its gradients
 * @param tolerance largest relative error to accept
 */
public record GradientReport(AttentionMethod method, NamedInput input, int threads, List<Row> rows,
        List<Times> times, double tolerance) implements Form {
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

    private static Columns<Row> columns() {
        return new Columns<Row>()
                .text("gradient by", "tensor", Row::tensor)
                .text("elements", "elements", Row::elements)
                .figure("relative error", "error", Row::error)
                .figure("largest difference", "largest", Row::largest)
                .figure("from exact", "fromExact", Row::exact);
    }

    @Override
    public String heading() {
        return Report.heading(input, threads) + "\n" + method.name() + " "
                + method.parameters(input.input());
    }

    @Override
    public List<Table> tables() {
        return List.of(columns().table(rows));
    }

    @Override
    public String csv() {
        return new Columns<Row>().field("input", row -> input.name()).field("method", row -> method.name())
                .with(columns(), row -> row).csv(rows);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = Report.about(input);
        map.put("method", method.name());
        map.put("parameters", Plain.of(method.parameters(input.input())));
        map.put("threads", threads);
        map.put("gradients", columns().maps(rows));
        map.put("forwardMs", Plain.number(times.get(0).medianMs()));
        map.put("backwardMs", Plain.number(times.get(1).medianMs()));
        map.put("ratio", Plain.number(ratio()));
        map.put("tolerance", Plain.number(tolerance));
        map.put("passes", passes());
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        BarPanel panel = new BarPanel(input.name() + ": gradients", "relative error by finite differences");
        rows.forEach(row -> panel.add(method.name(), row.tensor(), row.error()));
        return List.of(panel);
    }

    private double ratio() {
        return times.get(1).medianMs() / times.get(0).medianMs();
    }

    @Override
    public List<String> notes() {
        return List.of("relative error and largest difference: against finite differences of the same function in "
                + "double precision, with the choices of the method held fixed",
                "attention took " + Sentences.digits(times.get(0).medianMs()) + " ms, its gradients "
                        + Sentences.digits(times.get(1).medianMs()) + " ms: " + Sentences.digits(ratio())
                        + " times as long",
                (passes() ? "all within " : "NOT all within ") + Sentences.digits(tolerance));
    }
}
