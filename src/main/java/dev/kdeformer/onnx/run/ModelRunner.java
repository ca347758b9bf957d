package dev.kdeformer.onnx.run;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.onnx.cut.Plan;
import dev.kdeformer.onnx.graph.ElementKind;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.OnnxFormatException;
import dev.kdeformer.onnx.graph.PartFile;
import dev.kdeformer.onnx.graph.ValueInfo;
import dev.kdeformer.onnx.match.Site;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The sessions of a cut model, and the run through them. May be used from many threads at once. */
public final class ModelRunner implements AutoCloseable {
    /**
     * Elements of an attention's output from which on the arena is made to give back what a run took: new pages cost
     * such a run little, and they are what makes a process large.
     */
    private static final long LARGE = 1 << 20;

    private final Model model;
    private final Plan plan;
    private final Sessions sessions;
    private final Engine engine;
    private final SiteRunner sites;
    private final List<PartRunner> parts = new ArrayList<>();
    private final Map<String, PartFile.Given> declared = new HashMap<>();
    private final Map<String, Integer> resultKinds = new HashMap<>();
    private final PartRunner[] alone;

    /**
     * Opens the sessions.
     *
     * @throws OrtException        if ONNX Runtime does not take the model
     * @throws OnnxFormatException if a tensor in another file is not where the model says
     */
    public ModelRunner(Model model, Plan plan, int threads, Engine engine) throws OrtException, OnnxFormatException {
        this.model = model;
        this.plan = plan;
        this.engine = engine;
        this.sessions = new Sessions(threads);
        this.sites = new SiteRunner(sessions.environment(), engine);
        this.alone = new PartRunner[plan.places().size()];
        for (ValueInfo input : model.inputs()) {
            declared.put(input.name(), new PartFile.Given(input.name(), input.kind(), sizes(input)));
        }
        Set<String> wanted = new HashSet<>();
        for (Plan.Place place : plan.places()) {
            wanted.addAll(place.reads());
        }
        try {
            for (int s = 0; s < plan.parts().size(); s++) {
                Plan.Part part = plan.parts().get(s);
                parts.add(part.outputs().isEmpty() ? null : PartRunner.open(sessions, model, part, wanted,
                        resultKinds, declared));
                for (Plan.Place place : plan.places()) {
                    if (place.stage() == s) {
                        String result = place.site().ends().result().value();
                        resultKinds.put(result, kind(place.site().ends().value().value()));
                    }
                }
            }
        } catch (OrtException | OnnxFormatException | RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static long[] sizes(ValueInfo info) {
        if (info.sizes() == null) {
            return null;
        }
        return info.sizes().stream().mapToLong(size -> size.matches("\\d{1,18}") ? Long.parseLong(size) : -1)
                .toArray();
    }

    private int kind(String value) {
        Integer result = resultKinds.get(value);
        if (result != null) {
            return result;
        }
        PartFile.Given given = declared.get(value);
        return given == null || !ElementKind.isReal(given.kind()) ? ElementKind.FLOAT : given.kind();
    }

    /** The sizes of a value as far as ONNX Runtime infers them, negative ones unknown; null if nothing is known. */
    public long[] sizes(String value) {
        PartFile.Given given = declared.get(value);
        return given == null ? null : given.sizes();
    }

    /** About what a run takes outside of attention. */
    public RunMemory memory() {
        return RunMemory.of(model, plan, declared);
    }

    /**
     * The model's inputs, as far as its parts read them.
     *
     * @throws OrtException if ONNX Runtime fails
     */
    public Map<String, NodeInfo> inputs() throws OrtException {
        Map<String, NodeInfo> all = new LinkedHashMap<>();
        for (ValueInfo input : model.inputs()) {
            for (PartRunner part : parts) {
                NodeInfo info = part == null ? null : part.input(input.name());
                if (info != null) {
                    all.putIfAbsent(input.name(), info);
                }
            }
        }
        return all;
    }

    /**
     * What a run made.
     *
     * @param outputs the model's outputs
     * @param held    what has to be closed when these are no longer read
     */
    public record Result(Map<String, OnnxValue> outputs, List<AutoCloseable> held) {
    }

    /**
     * Runs the model.
     *
     * @throws OrtException        if ONNX Runtime fails
     * @throws OnnxFormatException if a part of the model that is cut anew cannot be read
     */
    public Result run(Map<String, ? extends OnnxValue> inputs, RunListener listener)
            throws OrtException, OnnxFormatException {
        Map<String, Held> values = new LinkedHashMap<>();
        inputs.forEach((name, value) -> values.put(name, Held.given(value)));
        MaskCache masks = new MaskCache(engine);
        Iterator<Plan.Place> places = plan.places().iterator();
        int index = 0;
        long largest = 0;
        try {
            for (int s = 0; s < parts.size(); s++) {
                if (parts.get(s) != null) {
                    run(parts.get(s), values, s == lastPart() && largest >= LARGE);
                }
                release(values, s, readsOf(s));
                while (index < plan.places().size() && plan.places().get(index).stage() == s) {
                    largest = Math.max(largest, compute(index, places.next(), values, masks, listener));
                    index++;
                }
                release(values, s, Set.of());
            }
            return result(values);
        } catch (OrtException | OnnxFormatException | RuntimeException | Error e) {
            values.values().forEach(Held::close);
            throw e;
        }
    }

    private int lastPart() {
        int last = parts.size() - 1;
        while (last > 0 && parts.get(last) == null) {
            last--;
        }
        return last;
    }

    private void run(PartRunner part, Map<String, Held> values, boolean shrinks) throws OrtException {
        if (!shrinks) {
            part.run(values);
            return;
        }
        try (OrtSession.RunOptions options = sessions.shrinking()) {
            part.run(values, options);
        }
    }

    private Set<String> readsOf(int stage) {
        Set<String> reads = new HashSet<>();
        for (Plan.Place place : plan.places()) {
            if (place.stage() == stage) {
                reads.addAll(place.reads());
            }
        }
        return reads;
    }

    /** Frees what no later stage reads. */
    private void release(Map<String, Held> values, int stage, Set<String> kept) {
        values.entrySet().removeIf(entry -> {
            String name = PartRunner.plain(entry.getKey());
            Integer last = plan.lastUse().get(name);
            boolean over = last != null && last <= stage && !kept.contains(name);
            if (over) {
                entry.getValue().close();
            }
            return over;
        });
    }

    /** Computes an attention and returns the elements of its output. */
    private long compute(int index, Plan.Place place, Map<String, Held> values, MaskCache masks,
            RunListener listener) throws OrtException, OnnxFormatException {
        Site site = place.site();
        AttentionMethod method = listener.method(index);
        String reason = "";
        if (method != null) {
            try (LateArena arena = new LateArena()) {
                SiteRunner.Computed computed = sites.compute(site, values, method, masks, arena);
                String result = site.ends().result().value();
                values.put(PartRunner.result(result, resultKinds.get(result)), computed.output());
                listener.computed(index, computed.input(), computed.tensor(), computed.mask().kind(),
                        computed.statistics(), computed.note(), computed.nanos());
                return computed.tensor().shape().elements();
            } catch (CannotRun e) {
                reason = e.getMessage();
            }
        }
        long start = System.nanoTime();
        alone(index, place).run(values);
        listener.left(index, reason, System.nanoTime() - start);
        return 0;
    }

    private PartRunner alone(int index, Plan.Place place) throws OrtException, OnnxFormatException {
        synchronized (alone) {
            if (alone[index] == null) {
                Plan.Part own = place.own();
                alone[index] = PartRunner.open(sessions, model, own, Set.copyOf(own.outputs()), resultKinds,
                        new HashMap<>(declared));
            }
            return alone[index];
        }
    }

    private Result result(Map<String, Held> values) throws OrtException {
        Map<String, OnnxValue> outputs = new LinkedHashMap<>();
        for (ValueInfo output : model.outputs()) {
            Held held = values.get(output.name());
            if (held == null) {
                throw new OrtException("the model did not make its output '" + output.name() + "'");
            }
            outputs.put(output.name(), held.value());
        }
        return new Result(outputs, List.copyOf(values.values()));
    }

    @Override
    public void close() {
        sites.close();
        for (PartRunner part : parts) {
            if (part != null) {
                part.close();
            }
        }
        parts.clear();
        for (int i = 0; i < alone.length; i++) {
            if (alone[i] != null) {
                alone[i].close();
                alone[i] = null;
            }
        }
    }

    /**
     * A session of a whole model, uncut.
     *
     * @param basic whether only optimisations are allowed that do not change how anything is computed
     * @throws OrtException if ONNX Runtime cannot open it
     */
    public static OrtSession uncut(Path file, int threads, boolean basic) throws OrtException {
        return new Sessions(threads).whole(file, basic);
    }

    /**
     * The same of a model that is not as its file has it, or of other nodes with the same outputs.
     *
     * @throws OrtException        if ONNX Runtime cannot open it
     * @throws OnnxFormatException if its file has changed and can no longer be read
     */
    public static OrtSession uncut(Model model, List<Node> nodes, int threads, boolean basic)
            throws OrtException, OnnxFormatException {
        return new Sessions(threads).whole(model, nodes, model.outputs().stream().map(ValueInfo::name).toList(),
                basic);
    }
}
