package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Bits per byte and time of a model with its attention replaced.
 *
 * @param model   the model in words
 * @param text    the text in words
 * @param threads threads that computed
 * @param rows    in the order in which they are shown
 * @param leftOut why, by the name of each method that takes no causal mask
 */
public record PerplexityReport(String model, String text, int threads, List<Row> rows, Map<String, String> leftOut)
        implements Form {
    /**
     * One method at one length.
     *
     * @param n        bytes of a sequence
     * @param layer    the layer whose attention is replaced, or {@code all}
     * @param method   the method
     * @param note     what was chosen for it, or the empty string
     * @param measured loss and time with it
     * @param exact    loss and time with exact attention in all layers
     */
    public record Row(int n, String layer, String method, String note, Measured measured, Measured exact) {
        /** Relative increase of bits per byte against exact attention. */
        double increase() {
            return measured.bits / exact.bits - 1;
        }

        /** How much faster attention is than exact attention. */
        double speedup() {
            return exact.attentionMs / measured.attentionMs;
        }

        /** How much faster the whole model is than with exact attention. */
        double wholeSpeedup() {
            return exact.wholeMs / measured.wholeMs;
        }
    }

    /**
     * Loss and time of some sequences.
     *
     * @param bits        bits per byte
     * @param attentionMs time of attention in all layers, median over the sequences
     * @param wholeMs     time of the whole model, median over the sequences
     * @param evaluations key evaluations per query, mean over the layers, exact ones among them
     */
    record Measured(double bits, double attentionMs, double wholeMs, double evaluations) {
    }

    private static final Columns<Row> ROWS = new Columns<Row>()
            .text("n", "n", Row::n)
            .text("layers", "layer", Row::layer)
            .text("method", "method", Row::method)
            .field("note", Row::note)
            .count("evaluations", "evaluations", row -> row.measured().evaluations())
            .both("bits/byte", "bitsPerByte", row -> row.measured().bits(),
                    row -> String.format(Locale.ROOT, "%.4f", row.measured().bits()))
            .both("loss", "increase", Row::increase,
                    row -> String.format(Locale.ROOT, "%+.2f %%", 100 * row.increase()))
            .figure("attention ms", "attentionMs", row -> row.measured().attentionMs())
            .both("speed-up", "attentionSpeedup", Row::speedup, row -> Sentences.times(row.speedup()))
            .figure("whole ms", "wholeMs", row -> row.measured().wholeMs())
            .both("speed-up", "wholeSpeedup", Row::wholeSpeedup, row -> Sentences.times(row.wholeSpeedup()));

    @Override
    public String heading() {
        return model + "\n" + text + "\n" + Machine.line() + "; " + Sentences.count(threads, "thread");
    }

    @Override
    public List<Table> tables() {
        return List.of(ROWS.table(rows));
    }

    @Override
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        for (Row row : rows) {
            if (!row.note.isEmpty()) {
                notes.add("n = " + row.n + ", " + row.method + ": " + row.note);
            }
        }
        notes.addAll(Report.leftOut(leftOut));
        notes.add("loss: bits per byte against those with exact attention in all layers.");
        return notes;
    }

    @Override
    public String csv() {
        return ROWS.csv(rows);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("model", model);
        map.put("text", text);
        map.put("threads", threads);
        map.put("rows", ROWS.maps(rows));
        if (!leftOut.isEmpty()) {
            map.put("leftOut", leftOut);
        }
        return map;
    }

    @Override
    public List<Drawing> drawings() {
        Panel loss = new Panel("increase of bits per byte over n", "n", "relative increase", false);
        Panel speed = new Panel("speed-up of attention over n", "n", "speed-up", true);
        Map<String, List<double[]>> losses = new LinkedHashMap<>();
        Map<String, List<double[]>> speeds = new LinkedHashMap<>();
        for (Row row : rows) {
            if (row.layer.equals("all") && row.increase() != 0) {
                String name = row.method.startsWith(WindowAttention.NAME) ? WindowAttention.NAME : row.method;
                losses.computeIfAbsent(name, key -> new ArrayList<>()).add(new double[] {row.n, row.increase()});
                speeds.computeIfAbsent(name, key -> new ArrayList<>()).add(new double[] {row.n, row.speedup()});
            }
        }
        losses.forEach(loss::add);
        speeds.forEach(speed::add);
        return List.of(loss, speed);
    }
}
