package dev.kdeformer.cli.model;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.ReportOptions;
import dev.kdeformer.cli.report.Table;
import dev.kdeformer.cli.report.TextReport;
import dev.kdeformer.onnx.OnnxAttention;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * What was measured of a model.
 *
 * @param model      the file
 * @param threads    threads of ONNX Runtime and of the engine
 * @param attentions what is attention in the model
 * @param runs       each way to run it, those of a length together
 */
public record ModelReport(String model, int threads, List<OnnxAttention> attentions, List<ModelRun> runs)
        implements ReportOptions.Form {
    @Override
    public String forTerminal() {
        StringBuilder text = new StringBuilder(heading()).append('\n').append(Machine.line()).append("\n\n")
                .append(runs.isEmpty() ? list().forTerminal() : table().forTerminal());
        runs.stream().filter(run -> !run.layers().isEmpty()).forEach(run -> text.append('\n').append(title(run))
                .append('\n').append(layers(run).forTerminal()));
        notes().forEach(note -> text.append('\n').append(note));
        return text.append(notes().isEmpty() ? "" : "\n").toString();
    }

    @Override
    public String markdown() {
        StringBuilder text = new StringBuilder(heading()).append("  \n").append(Machine.line()).append("\n\n")
                .append(runs.isEmpty() ? list().markdown() : table().markdown());
        runs.stream().filter(run -> !run.layers().isEmpty()).forEach(run -> text.append('\n').append(title(run))
                .append("\n\n").append(layers(run).markdown()));
        notes().forEach(note -> text.append('\n').append(note).append('\n'));
        return text.toString();
    }

    private String heading() {
        long here = attentions.stream().filter(attention -> attention.index() >= 0).count();
        return model + ": " + here + (here == 1 ? " attention" : " attentions") + " cut out, "
                + (attentions.size() - here) + " left in the model, " + threads
                + (threads == 1 ? " thread" : " threads");
    }

    private static String title(ModelRun run) {
        return run.label() + (run.n() > 0 ? ", n = " + run.n() : "");
    }

    private Table list() {
        Table table = Table.ofTexts("attention", "written as", "heads", "key heads", "d", "d_v", "masks", "runs");
        for (OnnxAttention attention : attentions) {
            table.row((attention.index() >= 0 ? attention.index() + " " : "- ") + attention.name(), attention.form(),
                    known(attention.heads()), known(attention.kvHeads()), known(attention.d()), known(attention.dv()),
                    attention.mask(), attention.index() >= 0 ? "here" : "in the model: " + attention.reason());
        }
        return table;
    }

    private static String known(int size) {
        return size == 0 ? "?" : String.valueOf(size);
    }

    private Table table() {
        Table table = Table.ofNumbers("run", "n", "total ms", "attention", "rest", "speed-up", "peak MB",
                "Frobenius", "cosine", "worst row");
        for (ModelRun run : runs) {
            boolean timed = run.times() != null;
            table.row(run.label(), run.n() > 0 ? String.valueOf(run.n()) : "-",
                    timed ? Sentences.digits(run.times().medianMs()) : "fails", Sentences.digits(run.attentionMs()),
                    timed ? Sentences.digits(run.times().medianMs() - run.attentionMs()) : "-",
                    Double.isFinite(run.speedup()) ? Sentences.digits(run.speedup()) + "x" : "-",
                    Double.isFinite(run.peakBytes()) ? Sentences.count(Math.rint(run.peakBytes() / 1e6)) : "-",
                    Sentences.digits(run.worst(OutputError::frobenius, true)), cosine(run.worst(OutputError::cosine,
                            false)), cosine(run.worst(OutputError::worstRow, false)));
        }
        return table;
    }

    /** Cosines near 1 differ in what they lack of it. */
    private static String cosine(double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%.5f", value) : "-";
    }

    private static Table layers(ModelRun run) {
        Table table = Table.ofNumbers("attention", "n", "m", "heads", "d", "masks", "ms", "columns", "spectral");
        for (ModelRun.Layer layer : run.layers()) {
            table.row(layer.index() + " " + layer.name(), String.valueOf(layer.queries()),
                    String.valueOf(layer.keys()), String.valueOf(layer.heads()), String.valueOf(layer.d()),
                    layer.mask(), Sentences.digits(layer.ms()), Sentences.count(Math.rint(layer.columns())),
                    Sentences.digits(layer.error()));
        }
        return table;
    }

    private List<String> notes() {
        Set<String> notes = new LinkedHashSet<>();
        runs.stream().filter(run -> !run.note().isEmpty()).forEach(run -> notes.add(title(run) + ": " + run.note()));
        if (!runs.isEmpty()) {
            attentions.stream().filter(attention -> !attention.reason().isEmpty()).forEach(attention -> notes.add(
                    attention.name() + (attention.index() < 0 ? " stays in the model: " : attention.runs()
                            == OnnxAttention.Place.ALONE ? " runs in ONNX Runtime: " : ": ") + attention.reason()));
        }
        return new ArrayList<>(notes);
    }

    @Override
    public String csv() {
        return TextReport.csv(runs.stream().map(ModelReport::flat).toList());
    }

    private static Map<String, Object> flat(ModelRun run) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("run", run.name());
        line.put("label", run.label());
        line.put("n", run.n());
        line.put("medianMs", run.times() == null ? null : run.times().medianMs());
        line.put("minMs", run.times() == null ? null : run.times().minMs());
        line.put("attentionMs", Report.number(run.attentionMs()));
        line.put("speedup", Report.number(run.speedup()));
        line.put("peakBytes", Report.number(run.peakBytes()));
        line.put("frobenius", Report.number(run.worst(OutputError::frobenius, true)));
        line.put("cosine", Report.number(run.worst(OutputError::cosine, false)));
        line.put("worstRow", Report.number(run.worst(OutputError::worstRow, false)));
        line.put("note", run.note());
        return line;
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("model", model);
        map.put("machine", Machine.facts());
        map.put("threads", threads);
        map.put("attentions", attentions.stream().map(ModelReport::attention).toList());
        map.put("runs", runs.stream().map(ModelReport::runMap).toList());
        return map;
    }

    private static Map<String, Object> attention(OnnxAttention attention) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("index", attention.index() < 0 ? null : attention.index());
        map.put("name", attention.name());
        map.put("form", attention.form());
        map.put("heads", size(attention.heads()));
        map.put("kvHeads", size(attention.kvHeads()));
        map.put("d", size(attention.d()));
        map.put("dv", size(attention.dv()));
        map.put("queries", size(attention.queries()));
        map.put("keys", size(attention.keys()));
        map.put("mask", attention.mask());
        map.put("runs", attention.runs().name().toLowerCase(Locale.ROOT));
        map.put("reason", attention.reason());
        return map;
    }

    private static Integer size(int known) {
        return known == 0 ? null : known;
    }

    private static Map<String, Object> runMap(ModelRun run) {
        Map<String, Object> map = flat(run);
        map.put("parameters", run.parameters());
        Map<String, Object> outputs = new LinkedHashMap<>();
        run.errors().forEach((name, error) -> outputs.put(name, Map.of("frobenius", error.frobenius(), "cosine",
                error.cosine(), "worstRow", error.worstRow())));
        map.put("outputs", outputs);
        map.put("attentions", run.layers().stream().map(layer -> {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("index", layer.index());
            each.put("name", layer.name());
            each.put("n", layer.queries());
            each.put("m", layer.keys());
            each.put("heads", layer.heads());
            each.put("d", layer.d());
            each.put("mask", layer.mask());
            each.put("ms", layer.ms());
            each.put("columns", Report.number(layer.columns()));
            each.put("spectral", Report.number(layer.error()));
            each.put("note", layer.note());
            return each;
        }).toList());
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        Panel time = new Panel("time over n", "n", "median ms", false);
        Panel memory = new Panel("memory over n", "n", "peak MB", true);
        Map<String, List<ModelRun>> lines = new LinkedHashMap<>();
        runs.forEach(run -> lines.computeIfAbsent(run.label(), label -> new ArrayList<>()).add(run));
        lines.forEach((label, line) -> {
            time.add(label, places(line, run -> run.times() == null ? Double.NaN : run.times().medianMs()));
            memory.add(label, places(line, run -> run.peakBytes() / 1e6));
        });
        return List.of(time, memory);
    }

    private static List<double[]> places(List<ModelRun> line, ToDoubleFunction<ModelRun> y) {
        return line.stream().map(run -> new double[] {run.n(), y.applyAsDouble(run)}).toList();
    }
}
