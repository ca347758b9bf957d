package dev.kdeformer.cli.model;

import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.cli.bench.Turns;
import dev.kdeformer.cli.console.NativeMemory;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.onnx.OnnxAttention;
import dev.kdeformer.onnx.OnnxOutputs;
import dev.kdeformer.onnx.OnnxTransformer;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;

/**
 * Runs a model in ONNX Runtime and with methods of this library on one input: first each once by itself, for its memory
 * and its outputs, then all in turns, for their times.
 */
public final class ModelBench {
    /** What uncut ONNX Runtime is called among the methods. */
    public static final String UNCUT = "onnxruntime";
    /** The same with fewer optimisations: what differs is the noise of a quantised model. */
    static final String BASIC = "onnxruntime, basic";
    /** The same with its fused operator in place of the attentions, which a user would have to put there. */
    static final String FUSED = "onnxruntime, fused";

    /** A run that takes longer is warm after the one for memory and error. */
    private static final double SHORT_MS = 1000;

    private final OnnxTransformer transformer;
    private final IntPredicate chosen;
    private final Consumer<String> lines;
    private final AttentionMethod exact = Attention.exact().build();
    private volatile double progress;

    /**
     * A way to run the model.
     *
     * @param method  null for uncut ONNX Runtime
     * @param efforts ways to compute an attention, among which the error at the output is divided; empty if none is
     *                asked for
     * @param outputs the error at the output that is asked for
     */
    public record Way(String name, AttentionMethod method, List<Effort> efforts, double outputs) {
        /** Whether an error at the output is asked for. */
        public boolean isBudgeted() {
            return !efforts.isEmpty();
        }
    }

    /** What the ways of a length have in common while they run. */
    private final class Length {
        private final int n;
        private final int batch;
        private final Map<String, OnnxTensorLike> inputs;
        private final List<Running> running = new ArrayList<>();
        private Map<String, OutputError.Copy> expected;

        Length(Feed feed) {
            n = feed.n();
            batch = feed.batch();
            inputs = feed.inputs();
        }
    }

    /** A way that ran once. */
    private static final class Running {
        private final Way way;
        private Function<OnnxAttention, AttentionMethod> methods;
        private OrtSession session;
        private final List<Double> attentionMs = new ArrayList<>();
        private Map<String, OutputError> errors = Map.of();
        private ModelRun.Memory memory = ModelRun.Memory.UNKNOWN;
        private String note = "";
        private boolean failed;
        private double onceMs;
        private Times times;
        private List<ModelRun.Layer> layers = List.of();

        Running(Way way) {
            this.way = way;
        }
    }

    /**
     * A bench.
     *
     * @param chosen the attentions that methods get; the others are computed exactly
     * @param lines  told before each way runs how much memory it will take
     */
    public ModelBench(OnnxTransformer transformer, IntPredicate chosen, Consumer<String> lines) {
        this.transformer = transformer;
        this.chosen = chosen;
        this.lines = lines;
    }

    /** The part of the work that is done, from 0 to 1. */
    public double progress() {
        return progress;
    }

    /**
     * What a model is fed with at one length.
     *
     * @param n      the length, or 0 where files give it
     * @param batch  batch items, where files do not give them
     * @param inputs what to feed
     * @param sample a shorter input to measure the influence of attentions on, or the same
     */
    public record Feed(int n, int batch, Map<String, OnnxTensorLike> inputs, Map<String, OnnxTensorLike> sample) {
    }

    /**
     * Runs all ways at one length.
     *
     * @param noise whether to add what ONNX Runtime's own optimisations change
     * @throws OrtException if ONNX Runtime fails where the model runs uncut
     */
    public List<ModelRun> run(Progress stages, Feed feed, List<Way> ways, boolean noise, int repeat, boolean perLayer)
            throws OrtException {
        int n = feed.n();
        Length length = new Length(feed);
        List<Way> all = new ArrayList<>(ways);
        if (noise && ways.stream().anyMatch(way -> way.name().equals(UNCUT))) {
            all.add(1, new Way(BASIC, null, List.of(), 0));
        }
        if (ways.stream().anyMatch(way -> way.name().equals(UNCUT)) && ways.size() > 1) {
            all.add(new Way(FUSED, null, List.of(), 0)); // after a run that tells what the masks come to
        }
        int steps = all.size() * (1 + repeat);
        int[] step = {0};
        try {
            for (Way way : all) {
                stages.stage(label(n) + way.name() + ", memory and error");
                if (way.name().equals(FUSED) && !hasFused()) {
                    continue;
                }
                Running running = new Running(way);
                length.running.add(running);
                once(length, running, feed.sample());
                progress = (double) ++step[0] / steps;
            }
            List<Running> timed = length.running.stream().filter(running -> !running.failed).toList();
            List<Runnable> turns = new ArrayList<>();
            for (Running running : timed) {
                open(running);
                Runnable turn = () -> execute(length, running, null);
                if (repeat > 1 && running.onceMs < SHORT_MS) {
                    stages.stage(label(n) + running.way.name() + ", warming up");
                    Turns.warmUp(turn, Turns.STILL_SECONDS);
                }
                running.attentionMs.clear();
                turns.add(turn);
            }
            List<Times> times = Turns.take(turns, repeat, index -> {
                stages.stage(label(n) + timed.get(index).way.name() + ", time");
                progress = (double) step[0]++ / steps;
            });
            for (int i = 0; i < timed.size(); i++) {
                timed.get(i).times = times.get(i);
            }
            if (perLayer) {
                for (Running running : timed) {
                    if (running.session == null) {
                        stages.stage(label(n) + running.way.name() + ", layer by layer");
                        running.layers = layers(length, running);
                    }
                }
            }
            return report(length);
        } finally {
            for (Running running : length.running) {
                close(running);
            }
        }
    }

    private static String label(int n) {
        return n > 0 ? "n = " + n + ", " : "";
    }

    private void open(Running running) throws OrtException {
        if (running.way.method() == null && running.session == null) {
            running.session = running.way.name().equals(FUSED) ? transformer.openFused()
                    : transformer.openUncut(running.way.name().equals(BASIC));
        }
    }

    private boolean hasFused() throws OrtException {
        try (OrtSession session = transformer.openFused()) {
            return session != null;
        }
    }

    private static void close(Running running) throws OrtException {
        if (running.session != null) {
            running.session.close();
            running.session = null;
        }
    }

    private void once(Length length, Running running, Map<String, OnnxTensorLike> sample) throws OrtException {
        try {
            running.methods = methods(running, sample, length.inputs);
            NativeMemory.reset();
            open(running);
            state(length, running);
            Map<String, OutputError.Copy> made = new HashMap<>();
            long start = System.nanoTime();
            execute(length, running, made);
            running.onceMs = (System.nanoTime() - start) / 1e6;
            running.memory = running.memory.withPeak(NativeMemory.peak());
            if (length.expected == null) {
                length.expected = made;
            } else {
                running.errors = OutputError.of(made, length.expected);
            }
        } catch (OrtException e) {
            fail(running, e);
        } catch (RuntimeException e) {
            if (!(e.getCause() instanceof OrtException cause)) {
                throw e;
            }
            fail(running, cause);
        } finally {
            close(running);
        }
    }

    private static void fail(Running running, OrtException e) {
        running.failed = true;
        running.memory = running.memory.withPeak(NativeMemory.peak());
        running.note = "fails: " + Sentences.oneLine(e.getMessage());
    }

    /** Says how much memory a way will take, as far as the file or an earlier run tells. */
    private void state(Length length, Running running) {
        double held = NativeMemory.held();
        double takes = Double.NaN;
        if (length.n > 0 && !running.way.name().equals(FUSED)) {
            boolean whole = running.way.method() == null || isUncut(length, running);
            try {
                takes = transformer.estimate(length.batch, length.n, whole ? attention -> null : running.methods);
            } catch (IllegalStateException e) {
                // the file tells no sizes, and nothing has run here yet
            }
        }
        running.memory = new ModelRun.Memory(held, held + takes, Double.NaN);
        if (Double.isFinite(held + takes)) {
            Way way = running.way;
            lines.accept(way.name() + (way.isBudgeted() ? " " + way.outputs() : "") + ", n = " + length.n
                    + ": will take about " + megabytes(held + takes) + " MB, of which the process holds "
                    + megabytes(held));
        }
    }

    private static String megabytes(double bytes) {
        return Sentences.count(Math.rint(bytes / 1e6));
    }

    private boolean isUncut(Length length, Running running) {
        return running.way.method() != null && !running.way.isBudgeted()
                && transformer.runsUncut(length.inputs, running.way.method());
    }

    private Function<OnnxAttention, AttentionMethod> methods(Running running, Map<String, OnnxTensorLike> sample,
            Map<String, OnnxTensorLike> all) throws OrtException {
        Way way = running.way;
        if (!way.isBudgeted()) {
            return attention -> chosen.test(attention.index()) ? way.method() : exact;
        }
        ModelBudget.Division division = ModelBudget.divide(transformer, all, sample, way.outputs(), way.efforts(),
                chosen);
        Map<Integer, Effort> efforts = division.efforts();
        running.note = efforts.isEmpty() ? "takes exact attention: nothing faster keeps the error of the output"
                : "attentions: " + transformer.attentions().stream().map(OnnxAttention::index)
                        .filter(index -> index >= 0).sorted()
                        .map(index -> index + ": " + (efforts.containsKey(index) ? efforts.get(index).label()
                                : exact.name())).collect(Collectors.joining(", "));
        return attention -> efforts.containsKey(attention.index()) ? efforts.get(attention.index()).method() : exact;
    }

    private void execute(Length length, Running running, Map<String, OutputError.Copy> made) {
        double[] nanos = {0};
        boolean[] any = {false};
        boolean uncut = isUncut(length, running);
        if (uncut) {
            running.note = "runs uncut, because the sequence is shorter than " + transformer.options()
                    .shortestSequence();
        }
        try (OnnxOutputs outputs = running.way.method() == null
                ? OnnxTransformer.runWhole(running.session, fed(running, length)) : uncut
                ? transformer.runUncut(length.inputs)
                : transformer.run(length.inputs, running.methods, (attention, input, output, statistics, time) -> {
                    nanos[0] += time;
                    any[0] = true;
                })) {
            if (made != null) {
                made.putAll(OutputError.copy(outputs));
            }
            running.attentionMs.add(any[0] ? nanos[0] / 1e6 : Double.NaN);
        } catch (OrtException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** With the fused operator nothing reads a mask that hides nothing. */
    private static Map<String, OnnxTensorLike> fed(Running running, Length length) {
        if (!running.way.name().equals(FUSED)) {
            return length.inputs;
        }
        Map<String, OnnxTensorLike> read = new LinkedHashMap<>(length.inputs);
        read.keySet().retainAll(running.session.getInputNames());
        return read;
    }

    /** What each attention did, and how far it is from exact on its own input. */
    private List<ModelRun.Layer> layers(Length length, Running running) throws OrtException {
        List<ModelRun.Layer> layers = new ArrayList<>();
        transformer.run(length.inputs, running.methods, (attention, input, output, statistics, nanos) ->
                layers.add(new ModelRun.Layer(attention.index(), attention.name(),
                        new ModelRun.Sizes(input.queries(), input.keys(), input.heads(), input.d(), attention.mask()),
                        nanos / 1e6, statistics.columns(), error(input, output),
                        statistics.note().isEmpty() ? attention.reason() : statistics.note())))
                .close();
        return layers;
    }

    private double error(AttentionInput input, Tensor output) {
        try (Arena arena = Arena.ofShared()) {
            Tensor expected = Tensor.allocate(arena, input.outputShape());
            exact.apply(transformer.engine(), input, expected);
            return ErrorReport.of(transformer.engine(), output, expected).mean().spectral();
        } catch (IllegalArgumentException e) {
            return Double.NaN; // rows without a visible key may be NaN, as the model has them
        }
    }

    private List<ModelRun> report(Length length) {
        double uncutMs = length.running.stream().filter(running -> running.way.name().equals(UNCUT)
                && running.times != null).mapToDouble(running -> running.times.medianMs()).findFirst()
                .orElse(Double.NaN);
        List<ModelRun> runs = new ArrayList<>();
        for (Running running : length.running) {
            Map<String, Object> parameters = new LinkedHashMap<>();
            if (running.way.method() != null) {
                parameters.putAll(running.way.method().parameters());
            }
            if (running.way.isBudgeted()) {
                parameters.put("budget", running.way.outputs());
            }
            double attention = running.times == null ? Double.NaN
                    : Times.of(running.attentionMs.stream().mapToDouble(Double::doubleValue).toArray()).medianMs();
            double speedup = running.times == null ? Double.NaN : uncutMs / running.times.medianMs();
            runs.add(new ModelRun(running.way.name(), parameters, length.n,
                    new ModelRun.Spent(running.times, attention, speedup, running.memory), running.errors,
                    running.layers, running.note));
        }
        return runs;
    }
}
