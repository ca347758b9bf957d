package dev.kdeformer.onnx.run;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.kdeformer.onnx.cut.Plan;
import dev.kdeformer.onnx.graph.ElementKind;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.NodeWriter;
import dev.kdeformer.onnx.graph.OnnxFormatException;
import dev.kdeformer.onnx.graph.PartFile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A part of a model in a session of its own. Attention is computed in float32; where the model has half or double
 * precision, Cast nodes at the edges of the part convert what attentions read and make.
 */
final class PartRunner implements AutoCloseable {
    /** What a value of another precision is called as float32. */
    private static final String AS_FLOAT = "/float32";

    private final OrtSession session;
    private final Set<String> inputs;
    private final Set<String> outputs;

    private PartRunner(OrtSession session) {
        this.session = session;
        this.inputs = new LinkedHashSet<>(session.getInputNames());
        this.outputs = new LinkedHashSet<>(session.getOutputNames());
    }

    /**
     * Opens the session of a part.
     *
     * @param wanted   values that attentions read, which are to be float32 if they are real numbers
     * @param results  what attentions make, with the kind that the model expects
     * @param declared what is known of values; receives this part's outputs
     */
    static PartRunner open(Sessions sessions, Model model, Plan.Part part, Set<String> wanted,
            Map<String, Integer> results, Map<String, PartFile.Given> declared)
            throws OrtException, OnnxFormatException {
        List<Node> before = new ArrayList<>();
        List<PartFile.Given> declarations = new ArrayList<>();
        for (String name : part.given()) {
            int kind = results.getOrDefault(name, ElementKind.FLOAT);
            if (!results.containsKey(name)) {
                declarations.add(declared.getOrDefault(name, new PartFile.Given(name, ElementKind.FLOAT, null)));
            } else if (kind == ElementKind.FLOAT) {
                declarations.add(new PartFile.Given(name, kind, null));
            } else {
                declarations.add(new PartFile.Given(name + AS_FLOAT, ElementKind.FLOAT, null));
                before.add(NodeWriter.of("", "Cast", List.of(name + AS_FLOAT), List.of(name)).with("to", kind).node());
            }
        }
        List<Node> all = new ArrayList<>(before);
        all.addAll(part.nodes());
        OrtSession session = sessions.part(model, all, declarations, part.outputs());
        List<String> converted = new ArrayList<>(part.outputs());
        for (Map.Entry<String, NodeInfo> output : session.getOutputInfo().entrySet()) {
            if (output.getValue().getInfo() instanceof TensorInfo info) {
                int kind = Kinds.of(info);
                String name = output.getKey();
                long[] sizes = info.getShape();
                declared.put(name, new PartFile.Given(name, kind, sizes.length == 0 ? null : sizes));
                if (wanted.contains(name) && ElementKind.isReal(kind) && kind != ElementKind.FLOAT) {
                    all.add(NodeWriter.of("", "Cast", List.of(name), List.of(name + AS_FLOAT))
                            .with("to", ElementKind.FLOAT).node());
                    converted.add(name + AS_FLOAT);
                }
            }
        }
        if (converted.size() > part.outputs().size()) {
            session.close();
            session = sessions.part(model, all, declarations, converted);
        }
        return new PartRunner(session);
    }

    /** The value that an attention reads: as float32 where it is kept twice. */
    static Held read(Map<String, Held> values, String name) throws CannotRun {
        Held held = values.getOrDefault(name + AS_FLOAT, values.get(name));
        if (held == null) {
            throw new CannotRun("a value that it reads is not there: it is an optional output left out");
        }
        return held;
    }

    /** The name under which an attention's output is kept. */
    static String result(String name, int kind) {
        return kind == ElementKind.FLOAT ? name : name + AS_FLOAT;
    }

    /** The name without what marks a converted value. */
    static String plain(String name) {
        return name.endsWith(AS_FLOAT) ? name.substring(0, name.length() - AS_FLOAT.length()) : name;
    }

    /** What ONNX Runtime knows of an input, null if this part does not read it. */
    NodeInfo input(String name) throws OrtException {
        return session.getInputInfo().get(name);
    }

    /** Runs the part on values and adds what it makes to them. */
    void run(Map<String, Held> values) throws OrtException {
        run(values, null);
    }

    /**
     * The same.
     *
     * @param options how; null for as always
     */
    void run(Map<String, Held> values, OrtSession.RunOptions options) throws OrtException {
        Map<String, OnnxTensorLike> fed = new LinkedHashMap<>();
        for (String input : inputs) {
            Held held = values.get(input);
            if (held != null && held.value() instanceof OnnxTensorLike tensor) {
                fed.put(input, tensor);
            }
        }
        // The values of the result are closed one by one, at their last use.
        OrtSession.Result result = options == null ? session.run(fed, outputs) : session.run(fed, outputs, options);
        for (Map.Entry<String, OnnxValue> entry : result) {
            values.put(entry.getKey(), Held.made(entry.getValue()));
        }
    }

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime does not close a session: " + e.getMessage(), e);
        }
    }
}
