package dev.kdeformer.cli.model;

import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Columns;
import dev.kdeformer.cli.report.Drawing;
import dev.kdeformer.cli.report.Form;
import dev.kdeformer.cli.report.Panel;
import dev.kdeformer.cli.report.Plain;
import dev.kdeformer.cli.report.Table;
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
        implements Form {
    @Override
    public List<Table> tables() {
        List<Table> tables = new ArrayList<>();
        tables.add(runs.isEmpty() ? ATTENTIONS.texts(attentions) : columns().table(runs));
        runs.stream().filter(run -> !run.layers().isEmpty())
                .forEach(run -> tables.add(layers().table(run.layers()).titled(title(run))));
        return tables;
    }

    @Override
    public String heading() {
        long here = attentions.stream().filter(attention -> attention.index() >= 0).count();
        return model + ": " + here + (here == 1 ? " attention" : " attentions") + " cut out, "
                + (attentions.size() - here) + " left in the model, " + Sentences.count(threads, "thread") + "\n"
                + Machine.line();
    }

    private static String title(ModelRun run) {
        return run.label() + (run.n() > 0 ? ", n = " + run.n() : "");
    }

    private static final Columns<OnnxAttention> ATTENTIONS = new Columns<OnnxAttention>()
            .cell("attention", each -> (each.index() >= 0 ? each.index() + " " : "- ") + each.name())
            .field("index", each -> each.index() < 0 ? null : each.index())
            .field("name", OnnxAttention::name)
            .text("written as", "form", OnnxAttention::form)
            .both("heads", "heads", each -> size(each.sizes().heads()), each -> known(each.sizes().heads()))
            .both("key heads", "kvHeads", each -> size(each.sizes().kvHeads()), each -> known(each.sizes().kvHeads()))
            .both("d", "d", each -> size(each.sizes().d()), each -> known(each.sizes().d()))
            .both("d_v", "dv", each -> size(each.sizes().dv()), each -> known(each.sizes().dv()))
            .field("queries", each -> size(each.sizes().queries()))
            .field("keys", each -> size(each.sizes().keys()))
            .text("masks", "mask", OnnxAttention::mask)
            .both("runs", "runs", each -> each.runs().name().toLowerCase(Locale.ROOT),
                    each -> each.index() >= 0 ? "here" : "in the model: " + each.reason())
            .field("reason", OnnxAttention::reason);

    private static String known(int size) {
        return size == 0 ? "?" : String.valueOf(size);
    }

    private static Columns<ModelRun> columns() {
        return new Columns<ModelRun>()
                .field("run", ModelRun::name)
                .text("run", "label", ModelRun::label)
                .both("n", "n", ModelRun::n, run -> run.n() > 0 ? String.valueOf(run.n()) : "-")
                .both("total ms", "medianMs", run -> isTimed(run) ? run.spent().times().medianMs() : null,
                        run -> isTimed(run) ? Sentences.digits(run.spent().times().medianMs()) : "fails")
                .field("minMs", run -> isTimed(run) ? run.spent().times().minMs() : null)
                .figure("attention", "attentionMs", run -> run.spent().attentionMs())
                .cell("rest", run -> isTimed(run)
                        ? Sentences.digits(run.spent().times().medianMs() - run.spent().attentionMs()) : "-")
                .both("speed-up", "speedup", run -> run.spent().speedup(),
                        run -> Double.isFinite(run.spent().speedup()) ? Sentences.times(run.spent().speedup()) : "-")
                .field("heldBytes", run -> run.spent().memory().held())
                .both("expected MB", "expectedBytes", run -> run.spent().memory().expected(),
                        run -> megabytes(run.spent().memory().expected()))
                .both("peak MB", "peakBytes", run -> run.spent().memory().peak(),
                        run -> megabytes(run.spent().memory().peak()))
                .figure("Frobenius", "frobenius", run -> run.worst(OutputError::frobenius, true))
                .both("cosine", "cosine", run -> run.worst(OutputError::cosine, false),
                        run -> cosine(run.worst(OutputError::cosine, false)))
                .both("worst row", "worstRow", run -> run.worst(OutputError::worstRow, false),
                        run -> cosine(run.worst(OutputError::worstRow, false)))
                .field("note", ModelRun::note);
    }

    private static String megabytes(double bytes) {
        return Double.isFinite(bytes) ? Sentences.count(Math.rint(bytes / 1e6)) : "-";
    }

    private static boolean isTimed(ModelRun run) {
        return run.spent().times() != null;
    }

    /** Cosines near 1 differ in what they lack of it. */
    private static String cosine(double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%.5f", value) : "-";
    }

    private static Columns<ModelRun.Layer> layers() {
        return new Columns<ModelRun.Layer>()
                .cell("attention", layer -> layer.index() + " " + layer.name())
                .field("index", ModelRun.Layer::index)
                .field("name", ModelRun.Layer::name)
                .text("n", "n", layer -> layer.sizes().queries())
                .text("m", "m", layer -> layer.sizes().keys())
                .text("heads", "heads", layer -> layer.sizes().heads())
                .text("d", "d", layer -> layer.sizes().d())
                .text("masks", "mask", layer -> layer.sizes().mask())
                .figure("ms", "ms", ModelRun.Layer::ms)
                .both("evaluations", "evaluations", ModelRun.Layer::columns,
                        layer -> Sentences.count(Math.rint(layer.columns())))
                .figure("spectral", "spectral", ModelRun.Layer::error)
                .field("note", ModelRun.Layer::note);
    }

    @Override
    public List<String> notes() {
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
        return columns().csv(runs);
    }

    @Override
    public Map<String, Object> toMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("model", model);
        map.put("machine", Machine.facts());
        map.put("threads", threads);
        map.put("attentions", ATTENTIONS.maps(attentions));
        map.put("runs", runs.stream().map(ModelReport::runMap).toList());
        return map;
    }

    private static Integer size(int known) {
        return known == 0 ? null : known;
    }

    private static Map<String, Object> runMap(ModelRun run) {
        Map<String, Object> map = columns().map(run);
        map.put("parameters", Plain.of(run.parameters()));
        Map<String, Object> outputs = new LinkedHashMap<>();
        run.errors().forEach((name, error) -> outputs.put(name, Map.of("frobenius", error.frobenius(), "cosine",
                error.cosine(), "worstRow", error.worstRow())));
        map.put("outputs", outputs);
        map.put("attentions", layers().maps(run.layers()));
        return map;
    }

    @Override
    public List<? extends Drawing> drawings() {
        Panel time = new Panel("time over n", "n", "median ms", false);
        Panel memory = new Panel("memory over n", "n", "peak MB", true);
        Map<String, List<ModelRun>> lines = new LinkedHashMap<>();
        runs.forEach(run -> lines.computeIfAbsent(run.label(), label -> new ArrayList<>()).add(run));
        lines.forEach((label, line) -> {
            time.add(label, places(line, run -> run.spent().times() == null ? Double.NaN
                    : run.spent().times().medianMs()));
            memory.add(label, places(line, run -> run.spent().memory().peak() / 1e6));
        });
        return List.of(time, memory);
    }

    private static List<double[]> places(List<ModelRun> line, ToDoubleFunction<ModelRun> y) {
        return line.stream().map(run -> new double[] {run.n(), y.applyAsDouble(run)}).toList();
    }
}
