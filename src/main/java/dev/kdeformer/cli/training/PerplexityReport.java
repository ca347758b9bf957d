package dev.kdeformer.cli.training;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
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
 */
public record PerplexityReport(String model, String text, int threads, List<Row> rows) implements ReportOptions.Form {
    /**
     * One method at one length.
     *
     * @param n           bytes of a sequence
     * @param layer       the layer whose attention is replaced, or {@code all}
     * @param method      the method
     * @param note        what was chosen for it, or the empty string
     * @param columns     key evaluations per query, mean over the layers, exact ones among them
     * @param bits        bits per byte
     * @param increase    relative increase of bits per byte against exact attention
     * @param attentionMs time of attention in all layers, median over the sequences
     * @param speedup     of attention
     * @param wholeMs     time of the whole model
     * @param wholeSpeedup of the whole model
     */
    public record Row(int n, String layer, String method, String note, double columns, double bits, double increase,
            double attentionMs, double speedup, double wholeMs, double wholeSpeedup) {
    }

    @Override
    public String forTerminal() {
        return heading() + "\n\n" + table().forTerminal() + "\n" + notes();
    }

    @Override
    public String markdown() {
        return heading().replace("\n", "  \n") + "\n\n" + table().markdown() + "\n" + notes();
    }

    private String heading() {
        return model + "\n" + text + "\n" + Machine.line() + "; " + threads + (threads == 1 ? " thread" : " threads");
    }

    private Table table() {
        Table table = Table.ofNumbers("n", "layers", "method", "columns", "bits/byte", "loss", "attention ms",
                "speed-up", "whole ms", "speed-up");
        for (Row row : rows) {
            table.row(String.valueOf(row.n), row.layer, row.method, Sentences.count(row.columns),
                    String.format(Locale.ROOT, "%.4f", row.bits),
                    String.format(Locale.ROOT, "%+.2f %%", 100 * row.increase), Sentences.digits(row.attentionMs),
                    Sentences.digits(row.speedup) + "x", Sentences.digits(row.wholeMs),
                    Sentences.digits(row.wholeSpeedup) + "x");
        }
        return table;
    }

    private String notes() {
        StringBuilder notes = new StringBuilder();
        for (Row row : rows) {
            if (!row.note.isEmpty()) {
                notes.append("n = ").append(row.n).append(", ").append(row.method).append(": ").append(row.note)
                        .append('\n');
            }
        }
        return notes.append("loss: bits per byte against those with exact attention in all layers.\n").toString();
    }

    @Override
    public String csv() {
        return TextReport.csv(rows.stream().map(PerplexityReport::map).toList());
    }

    private static Map<String, Object> map(Row row) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("n", row.n);
        map.put("layer", row.layer);
        map.put("method", row.method);
        map.put("note", row.note);
        map.put("columns", row.columns);
        map.put("bitsPerByte", row.bits);
        map.put("increase", row.increase);
        map.put("attentionMs", row.attentionMs);
        map.put("attentionSpeedup", row.speedup);
        map.put("wholeMs", row.wholeMs);
        map.put("wholeSpeedup", row.wholeSpeedup);
        return map;
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("machine", Machine.facts());
        map.put("model", model);
        map.put("text", text);
        map.put("threads", threads);
        map.put("rows", rows.stream().map(PerplexityReport::map).toList());
        return map;
    }

    @Override
    public List<Drawing> drawings() {
        Panel loss = new Panel("increase of bits per byte over n", "n", "relative increase", false);
        Panel speed = new Panel("speed-up of attention over n", "n", "speed-up", true);
        Map<String, List<double[]>> losses = new LinkedHashMap<>();
        Map<String, List<double[]>> speeds = new LinkedHashMap<>();
        for (Row row : rows) {
            if (row.layer.equals("all") && row.increase != 0) {
                String name = row.method.startsWith(WindowAttention.NAME) ? WindowAttention.NAME : row.method;
                losses.computeIfAbsent(name, key -> new ArrayList<>()).add(new double[] {row.n, row.increase});
                speeds.computeIfAbsent(name, key -> new ArrayList<>()).add(new double[] {row.n, row.speedup});
            }
        }
        losses.forEach(loss::add);
        speeds.forEach(speed::add);
        return List.of(loss, speed);
    }
}
