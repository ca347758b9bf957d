package dev.kdeformer.onnx;

import ai.onnxruntime.OnnxValue;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a run of a model made. The values are valid until this is closed. */
public final class OnnxOutputs implements AutoCloseable {
    private final Map<String, OnnxValue> values;
    private final Deque<AutoCloseable> held = new ArrayDeque<>();

    OnnxOutputs(Map<String, OnnxValue> values, Iterable<? extends AutoCloseable> held) {
        this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
        held.forEach(this.held::push);
    }

    /** Returns all outputs by name, in the order of the model. */
    public Map<String, OnnxValue> values() {
        return values;
    }

    /**
     * Returns an output.
     *
     * @throws IllegalArgumentException if the model has no output of this name
     */
    public OnnxValue get(String name) {
        OnnxValue value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("name must be one of " + values.keySet() + ", got " + name);
        }
        return value;
    }

    /** Frees the values. Closing twice does nothing. */
    @Override
    public void close() {
        while (!held.isEmpty()) {
            try {
                held.pop().close();
            } catch (Exception e) {
                throw new IllegalStateException("ONNX Runtime does not free a value: " + e.getMessage(), e);
            }
        }
    }
}
