package dev.kdeformer.onnx;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.exact.ExactAttention;
import dev.kdeformer.onnx.cut.Cutter;
import dev.kdeformer.onnx.cut.FusedModel;
import dev.kdeformer.onnx.cut.Plan;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.ModelFile;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.Positions;
import dev.kdeformer.onnx.match.Found;
import dev.kdeformer.onnx.match.Matcher;
import dev.kdeformer.onnx.match.Operand;
import dev.kdeformer.onnx.match.Site;
import dev.kdeformer.onnx.run.ModelRunner;
import dev.kdeformer.onnx.run.NativeHeap;
import dev.kdeformer.onnx.run.RunListener;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * A transformer in an ONNX file, unmodified, whose attentions are computed by this library in memory that grows with
 * the length of the sequence and not with its square; everything else runs in ONNX Runtime, whose Java library
 * ({@code com.microsoft.onnxruntime:onnxruntime}) has to be there. Attention that is not recognised, or whose masks the
 * engine does not know, runs in ONNX Runtime as well: the results are always the model's. May be used from many threads
 * at once.
 */
public final class OnnxTransformer implements AutoCloseable {
    private final Path file;
    private final OnnxOptions options;
    private final ModelFile opened;
    private final Model model;
    private final Engine engine;
    private final Plan plan;
    private final ModelRunner runner;
    private final OnnxAttention[] attentions;
    /** Positions of those attentions that are cut out, by their number in the plan. */
    private final int[] positions;
    private final AttentionMethod exact = ExactAttention.builder().build();
    private OrtSession uncut;
    private boolean uncutRefused;
    /** Rows of the longest attention for each element of the longest input; 0 before the first run. */
    private volatile double rowsPerElement;

    private OnnxTransformer(Path file, OnnxOptions options, ModelFile opened) throws IOException, OrtException {
        this.file = file;
        this.options = options;
        this.opened = opened;
        this.model = options.positions() == 0 ? opened.model() : Positions.stretch(opened.model(),
                options.positions());
        List<Found> found = Matcher.find(model);
        List<Site> sites = found.stream().map(Found::site).filter(Objects::nonNull).toList();
        this.plan = Cutter.cut(model, sites);
        this.engine = Engine.create(options.threads());
        try {
            this.runner = new ModelRunner(model, plan, options.threads(), engine);
        } catch (OrtException | IOException | RuntimeException | Error e) {
            engine.close();
            throw e;
        }
        this.attentions = new OnnxAttention[found.size()];
        this.positions = new int[plan.places().size()];
        for (int i = 0; i < attentions.length; i++) {
            attentions[i] = described(found.get(i), plan);
            if (attentions[i].index() >= 0) {
                positions[attentions[i].index()] = i;
            }
        }
    }

    /**
     * Opens a model on all processors.
     *
     * @throws IOException           if the file cannot be read or is no ONNX model
     * @throws OrtException          if ONNX Runtime does not take the model
     * @throws IllegalStateException if ONNX Runtime's Java library is not there
     */
    public static OnnxTransformer open(Path model) throws IOException, OrtException {
        return open(model, OnnxOptions.defaults());
    }

    /**
     * Opens a model.
     *
     * @throws IOException           if the file cannot be read or is no ONNX model
     * @throws OrtException          if ONNX Runtime does not take the model
     * @throws IllegalStateException if ONNX Runtime's Java library is not there
     */
    public static OnnxTransformer open(Path model, OnnxOptions options) throws IOException, OrtException {
        Objects.requireNonNull(options, "options");
        OnnxRuntime.require(options.threads());
        if (options.compactHeap()) {
            NativeHeap.mapLargeBlocks();
        }
        ModelFile opened = ModelFile.open(Objects.requireNonNull(model, "model"));
        try {
            return new OnnxTransformer(model, options, opened);
        } catch (OrtException | IOException | RuntimeException | Error e) {
            opened.close();
            throw e;
        }
    }

    private OnnxAttention described(Found found, Plan plan) {
        Site site = found.site();
        if (site == null) {
            return new OnnxAttention(-1, found.name(), found.form(), OnnxAttention.Sizes.UNKNOWN, "",
                    OnnxAttention.Place.IN_MODEL, found.reason());
        }
        int index = -1;
        for (int i = 0; i < plan.places().size(); i++) {
            index = plan.places().get(i).site() == site ? i : index;
        }
        if (index < 0) {
            return new OnnxAttention(-1, found.name(), found.form(), OnnxAttention.Sizes.UNKNOWN, "",
                    OnnxAttention.Place.IN_MODEL, "no output of the model depends on it");
        }
        Site.Causal causal = site.logits().causal();
        String mask = causal.rule() != Site.Causal.Rule.NONE ? causal.after() == 0 ? "causal" : "window"
                : site.logits().masks().isEmpty() ? "none" : "by value";
        return new OnnxAttention(index, found.name(), found.form(), sizes(site.ends()), mask,
                OnnxAttention.Place.HERE, "");
    }

    /** The sizes that the file tells. */
    private OnnxAttention.Sizes sizes(Site.Ends ends) {
        return new OnnxAttention.Sizes(size(ends.query(), 3), size(ends.key(), 3), size(ends.query(), 1),
                size(ends.value(), 1), 0, 0);
    }

    /** A size of an operand as far as the file tells it: 1 the columns, 2 the rows, 3 the heads; else 0. */
    private int size(Operand operand, int fromRight) {
        long[] sizes = runner.sizes(operand.value());
        if (sizes == null) {
            return 0;
        }
        if (operand.split() > 0) {
            return fromRight == 3 ? operand.split()
                    : fromRight == 1 ? (int) Math.max(0, sizes[sizes.length - 1] / operand.split()) : 0;
        }
        int rank = sizes.length;
        if (rank < 2 || operand.axes() != null && operand.axes().length != rank) {
            return 0;
        }
        if (fromRight > rank) {
            return 1;
        }
        return (int) Math.max(0, sizes[operand.order(rank)[rank - fromRight]]);
    }

    /** Returns the file. */
    public Path file() {
        return file;
    }

    /** How it was opened. */
    public OnnxOptions options() {
        return options;
    }

    /** Returns the engine that computes the attentions; closed with this. */
    public Engine engine() {
        return engine;
    }

    /** What is attention in the model, or looks like it, in the order of the file, with what the latest run told. */
    public List<OnnxAttention> attentions() {
        synchronized (attentions) {
            return List.of(attentions.clone());
        }
    }

    /**
     * Runs the model with exact attention. The results are those of ONNX Runtime up to rounding.
     *
     * @param inputs ONNX Runtime's tensors by the names of the model's inputs, which stay the caller's
     * @return the outputs, to be closed
     * @throws OrtException if ONNX Runtime fails, for example for want of an input
     */
    public OnnxOutputs run(Map<String, ? extends OnnxTensorLike> inputs) throws OrtException {
        return run(inputs, exact);
    }

    /**
     * Runs the model with one method for all attentions. Where the method cannot do an attention's masks, that
     * attention is computed exactly, and {@link #attentions()} says why.
     *
     * @throws OrtException if ONNX Runtime fails
     */
    public OnnxOutputs run(Map<String, ? extends OnnxTensorLike> inputs, AttentionMethod method) throws OrtException {
        Objects.requireNonNull(method, "method");
        if (runsUncut(inputs, method)) {
            return runUncut(inputs);
        }
        return run(inputs, attention -> method, null);
    }

    /**
     * Runs the model with a method for each attention.
     *
     * @param methods  gives the method of an attention; null leaves that one to ONNX Runtime
     * @param observer is told of every attention that is computed here; may be null
     * @throws OrtException if ONNX Runtime fails
     */
    public OnnxOutputs run(Map<String, ? extends OnnxTensorLike> inputs,
            Function<OnnxAttention, AttentionMethod> methods, AttentionObserver observer) throws OrtException {
        Objects.requireNonNull(inputs, "inputs");
        Objects.requireNonNull(methods, "methods");
        Listener listener = new Listener(methods, observer);
        try {
            ModelRunner.Result result = runner.run(inputs, listener);
            if (listener.longest > 0) {
                rowsPerElement = listener.longest / longestInput(inputs);
            }
            return new OnnxOutputs(result.outputs(), result.held());
        } catch (IOException e) {
            throw new OrtException(e.getMessage());
        }
    }

    /**
     * About how much memory a run takes beyond that of the process with the model open, in bytes, known before it: the
     * values between the parts, the widest tensors within ONNX Runtime, and the attention that takes most. It grows
     * with {@code batch · rows}; other models than transformers take more.
     *
     * @param batch  batch items
     * @param rows   queries and keys of each attention
     * @param method for all attentions
     * @throws IllegalArgumentException if {@code batch} or {@code rows} is not positive
     * @throws IllegalStateException    if neither the file nor a run has told the heads and features of an attention
     */
    public long estimate(int batch, int rows, AttentionMethod method) {
        Objects.requireNonNull(method, "method");
        return estimate(batch, rows, attention -> method);
    }

    /**
     * The same with a method for each attention.
     *
     * @param methods gives the method of an attention; null for one that is left to ONNX Runtime, which holds the
     *                logits of all pairs twice, so that its memory grows with {@code batch · rows²}
     * @throws IllegalArgumentException if {@code batch} or {@code rows} is not positive
     * @throws IllegalStateException    if neither the file nor a run has told the heads and features of an attention
     */
    public long estimate(int batch, int rows, Function<OnnxAttention, AttentionMethod> methods) {
        Objects.requireNonNull(methods, "methods");
        if (batch < 1 || rows < 1) {
            throw new IllegalArgumentException("batch and rows must be positive, got " + batch + " and " + rows);
        }
        double attention = 0;
        for (OnnxAttention each : attentions()) {
            if (each.index() >= 0) {
                OnnxAttention.Sizes sizes = each.sizes();
                if (sizes.heads() == 0 || sizes.kvHeads() == 0 || sizes.d() == 0 || sizes.dv() == 0) {
                    throw new IllegalStateException("the file does not tell the heads and features of attention "
                            + each.name() + "; a run does");
                }
                attention = Math.max(attention, bytes(sizes, batch, rows, methods.apply(each)));
            }
        }
        return Math.round(attention + runner.memory().bytes(batch, rows));
    }

    /** What an attention takes beside its operands. */
    private double bytes(OnnxAttention.Sizes sizes, int batch, int rows, AttentionMethod method) {
        Shape query = Shape.of(batch, sizes.heads(), rows, sizes.d());
        Shape key = Shape.of(batch, sizes.kvHeads(), rows, sizes.d());
        AttentionInput input = AttentionInput.of(shaped(query), shaped(key), shaped(key.withColumns(sizes.dv())));
        double scratch = method == null ? 2.0 * Float.BYTES * batch * sizes.heads() * rows * rows
                : method.estimate(input, options.threads()).scratchBytes();
        return scratch + input.outputShape().elements() * (double) Float.BYTES;
    }

    /** A tensor of a shape whose rows are all the same memory; only its shape is looked at. */
    private static Tensor shaped(Shape shape) {
        return Tensor.of(MemorySegment.ofArray(new float[shape.columns()]), shape, 0, 0, 0, 1);
    }

    /**
     * Runs the whole model in ONNX Runtime, in a session that is opened at the first call.
     *
     * @throws OrtException if ONNX Runtime fails
     */
    public OnnxOutputs runUncut(Map<String, ? extends OnnxTensorLike> inputs) throws OrtException {
        return runWhole(whole(), inputs);
    }

    private synchronized OrtSession whole() throws OrtException {
        if (uncut == null) {
            uncut = openUncut(false);
        }
        return uncut;
    }

    /**
     * Returns a session of the whole model, which is the caller's to close.
     *
     * @param basic whether ONNX Runtime may optimise only in ways that do not change how anything is computed: what
     *              differs from the other way is the noise of the model itself, which is large where it is quantised
     * @throws OrtException if ONNX Runtime does not take the model
     */
    public OrtSession openUncut(boolean basic) throws OrtException {
        try {
            return options.positions() == 0 ? ModelRunner.uncut(file, options.threads(), basic)
                    : ModelRunner.uncut(model, model.nodes(), options.threads(), basic);
        } catch (IOException e) {
            throw new OrtException(e.getMessage());
        }
    }

    /**
     * A session of the whole model with ONNX Runtime's fused operator MultiHeadAttention in place of the attentions,
     * for inputs like those of the latest run; the caller's to close. Null if that run had masks, or an attention does
     * not lie as the operator takes it.
     *
     * @throws OrtException if ONNX Runtime does not take the model
     */
    public OrtSession openFused() throws OrtException {
        Map<Site, FusedModel.Sizes> sizes = new LinkedHashMap<>();
        for (OnnxAttention attention : attentions()) {
            if (attention.index() >= 0) {
                int heads = attention.sizes().heads();
                int dv = attention.sizes().dv();
                if (heads == 0 || heads != attention.sizes().kvHeads() || dv == 0
                        || !attention.mask().equals("none")) {
                    return null;
                }
                sizes.put(plan.places().get(attention.index()).site(), new FusedModel.Sizes(heads, dv));
            }
        }
        List<Node> nodes = sizes.isEmpty() ? null : FusedModel.nodes(model, sizes);
        try {
            return nodes == null ? null : ModelRunner.uncut(model, nodes, options.threads(), false);
        } catch (IOException e) {
            throw new OrtException(e.getMessage());
        }
    }

    /**
     * Runs a session of the whole model.
     *
     * @throws OrtException if ONNX Runtime fails
     */
    public static OnnxOutputs runWhole(OrtSession session, Map<String, ? extends OnnxTensorLike> inputs)
            throws OrtException {
        Map<String, OnnxTensorLike> fed = new LinkedHashMap<>(inputs);
        OrtSession.Result result = session.run(fed);
        Map<String, OnnxValue> outputs = new LinkedHashMap<>();
        result.forEach(entry -> outputs.put(entry.getKey(), entry.getValue()));
        return new OnnxOutputs(outputs, List.of(result));
    }

    /**
     * Tells whether {@link #run(Map, AttentionMethod)} would run the model uncut: with exact attention on sequences so
     * short that a cut costs more than it gains, as far as earlier runs tell how long sequences are.
     */
    public boolean runsUncut(Map<String, ? extends OnnxTensorLike> inputs, AttentionMethod method) {
        double rows = rowsPerElement * longestInput(inputs);
        return method.name().equals(exact.name()) && rows > 0 && rows < options.shortestSequence() && takesWhole();
    }

    /** Whether ONNX Runtime takes the whole model, which may have operators that it does not know or has not here. */
    private synchronized boolean takesWhole() {
        if (uncut == null && !uncutRefused) {
            try {
                uncut = openUncut(false);
            } catch (OrtException e) {
                uncutRefused = true;
            }
        }
        return !uncutRefused;
    }

    /** Elements of a batch item of the largest input. */
    private static double longestInput(Map<String, ? extends OnnxTensorLike> inputs) {
        double most = 1;
        for (OnnxTensorLike input : inputs.values()) {
            if (input.getInfo() instanceof TensorInfo info && info.getShape().length > 0) {
                most = Math.max(most, (double) info.getNumElements() / Math.max(1, info.getShape()[0]));
            }
        }
        return most;
    }

    /**
     * Returns how many positions the model has, as far as the file tells: the length of a constant list of them; else
     * 0.
     */
    public int positions() {
        return options.positions() > 0 ? options.positions() : Positions.count(model);
    }

    /**
     * Returns the model's inputs: names, element types and shapes as ONNX Runtime sees them.
     *
     * @throws OrtException if ONNX Runtime fails
     */
    public Map<String, NodeInfo> inputs() throws OrtException {
        Map<String, NodeInfo> known = runner.inputs();
        boolean direct = plan.places().stream().flatMap(place -> place.reads().stream()).anyMatch(read ->
                !known.containsKey(read) && model.inputs().stream().anyMatch(input -> input.name().equals(read)));
        // Of inputs that attentions alone read, only a session of the whole model tells.
        return direct ? whole().getInputInfo() : known;
    }

    /** Frees sessions, engine and file. Not to be called while a run is under way. */
    @Override
    public void close() {
        runner.close();
        engine.close();
        synchronized (this) {
            if (uncut != null) {
                try {
                    uncut.close();
                } catch (OrtException e) {
                    throw new IllegalStateException("ONNX Runtime does not close a session: " + e.getMessage(), e);
                }
                uncut = null;
            }
        }
        opened.close();
    }

    /** Hands the runner's events to the user's functions. */
    private final class Listener implements RunListener {
        private final Function<OnnxAttention, AttentionMethod> methods;
        private final AttentionObserver observer;
        private double longest;

        Listener(Function<OnnxAttention, AttentionMethod> methods, AttentionObserver observer) {
            this.methods = methods;
            this.observer = observer;
        }

        @Override
        public AttentionMethod method(int index) {
            OnnxAttention attention;
            synchronized (attentions) {
                attention = attentions[positions[index]];
            }
            return methods.apply(attention);
        }

        @Override
        public void computed(int index, AttentionInput input, Tensor output, String mask,
                AttentionMethod.Statistics statistics, String note, long nanos) {
            longest = Math.max(longest, Math.max(input.queries(), input.keys()));
            OnnxAttention now;
            synchronized (attentions) {
                OnnxAttention before = attentions[positions[index]];
                now = new OnnxAttention(index, before.name(), before.form(),
                        OnnxAttention.Sizes.of(input), mask, OnnxAttention.Place.HERE, note);
                attentions[positions[index]] = now;
            }
            if (observer != null) {
                observer.observe(now, input, output, statistics, nanos);
            }
        }

        @Override
        public void left(int index, String reason, long nanos) {
            synchronized (attentions) {
                attentions[positions[index]] = attentions[positions[index]].at(OnnxAttention.Place.ALONE,
                        reason.isEmpty() ? "it was left to ONNX Runtime" : reason);
            }
        }
    }
}
