package dev.kdeformer.train;

import dev.kdeformer.Engine;
import dev.kdeformer.io.ElementType;
import dev.kdeformer.io.Safetensors;
import dev.kdeformer.io.TensorFormatException;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model in a .safetensors file: its matrices by name and its sizes as metadata; in a checkpoint also the optimiser's
 * moments and what the run needs to go on. A model alone is kept in half precision.
 */
public final class Checkpoint {
    private static final String FORMAT = "kdeformer transformer 1";
    private static final String FIRST = "first.";
    private static final String SECOND = "second.";

    private final Safetensors file;
    private final Map<String, String> metadata;
    private final ModelShape shape;

    private Checkpoint(Safetensors file, ModelShape shape) {
        this.file = file;
        this.metadata = file.metadata();
        this.shape = shape;
    }

    /**
     * Reads what a file says about its model.
     *
     * @throws IOException           if the file cannot be read or holds no model of this project
     * @throws TensorFormatException if it holds no model of this project
     */
    public static Checkpoint open(Path path) throws IOException {
        Safetensors file = Safetensors.open(path);
        if (!FORMAT.equals(file.metadata().get("format"))) {
            throw new TensorFormatException(path.toString(), "this file holds no model that 'kdebench train' wrote");
        }
        ModelShape shape;
        try {
            shape = ModelShape.of(file.metadata());
        } catch (IllegalArgumentException e) {
            throw new TensorFormatException(path.toString(), e.getMessage());
        }
        long bytes = file.tensors().stream().mapToLong(tensor -> tensor.end() - tensor.begin()).sum();
        if (bytes < shape.parameters() * ElementType.F16.bytes()) { // before memory is taken for them
            throw new TensorFormatException(path.toString(), "a model of these sizes has " + shape.parameters()
                    + " parameters, for which the file's " + bytes + " bytes of tensors are too few");
        }
        return new Checkpoint(file, shape);
    }

    /** The model's sizes. */
    public ModelShape shape() {
        return shape;
    }

    /**
     * Bytes that the model was trained on.
     *
     * @throws IOException if the file does not tell, or tells no number
     */
    public long bytes() throws IOException {
        return number("bytes");
    }

    /** What the text was, in words. */
    public String about() {
        return metadata.getOrDefault("about", "");
    }

    /** Whether the file has what a run needs to go on. */
    public boolean isResumable() {
        return metadata.containsKey("phases");
    }

    /**
     * The plan of the run.
     *
     * @throws IOException           if the file has none
     * @throws TensorFormatException if the plan makes no sense
     */
    public TrainingPlan plan() throws IOException {
        try {
            return TrainingPlan.of(metadata);
        } catch (IllegalArgumentException e) {
            throw new TensorFormatException(file.path().toString(), "this is no checkpoint to go on from: "
                    + e.getMessage());
        }
    }

    /**
     * The model, ready to predict.
     *
     * @throws IOException if the file cannot be read or lacks a parameter
     */
    public Transformer model(Engine engine) throws IOException {
        Transformer model = new Transformer(shape, engine, Integer.MAX_VALUE);
        try {
            load(model, null);
            return model;
        } catch (IOException | RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** Fills a model of the same sizes, and the optimiser if there is one. */
    void load(Transformer model, AdamW optimiser) throws IOException {
        List<Parameter> parameters = model.parameters().all();
        for (int i = 0; i < parameters.size(); i++) {
            Parameter parameter = parameters.get(i);
            load(parameter, parameter.name(), parameter.value());
            if (optimiser != null) {
                load(parameter, FIRST + parameter.name(), optimiser.first(i));
                load(parameter, SECOND + parameter.name(), optimiser.second(i));
            }
        }
        if (optimiser != null) {
            optimiser.resume(number("steps"));
        }
        model.pack();
    }

    private void load(Parameter parameter, String name, float[] target) throws IOException {
        Shape wanted = Shape.of(parameter.rows(), parameter.columns());
        if (!file.shape(name).equals(wanted)) {
            throw new TensorFormatException(file.path().toString(), "tensor " + name + " has shape " + file.shape(name)
                    + "; the model's sizes ask for " + wanted);
        }
        try (Arena arena = Arena.ofConfined()) {
            file.read(name, arena).matrix(0, 0).readRows(0, wanted.rows(), target, 0, wanted.columns());
        }
        for (float value : target) {
            if (!Float.isFinite(value)) {
                throw new TensorFormatException(file.path().toString(), "tensor " + name + " holds " + value);
            }
        }
    }

    private long number(String name) throws IOException {
        try {
            return Long.parseLong(metadata.getOrDefault(name, ""));
        } catch (NumberFormatException e) {
            throw new TensorFormatException(file.path().toString(), "the metadata's number of " + name
                    + " cannot be read");
        }
    }

    static void write(Path file, Transformer model, AdamW optimiser, TrainingPlan plan, long bytes, String about)
            throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        List<Parameter> parameters = model.parameters().all();
        for (int i = 0; i < parameters.size(); i++) {
            Parameter parameter = parameters.get(i);
            tensors.put(parameter.name(), tensor(parameter, parameter.value()));
            tensors.put(FIRST + parameter.name(), tensor(parameter, optimiser.first(i)));
            tensors.put(SECOND + parameter.name(), tensor(parameter, optimiser.second(i)));
        }
        Map<String, String> metadata = metadata(model, bytes, about);
        metadata.put("steps", Long.toString(optimiser.steps()));
        metadata.putAll(plan.toMap());
        Safetensors.write(file, tensors, ElementType.F32, 2, metadata);
    }

    /**
     * Writes a model alone, in half precision.
     *
     * @throws IOException if the file cannot be written
     */
    public static void writeModel(Path file, Transformer model, long bytes, String about) throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        model.parameters().all().forEach(parameter ->
                tensors.put(parameter.name(), tensor(parameter, parameter.value())));
        Safetensors.write(file, tensors, ElementType.F16, 2, metadata(model, bytes, about));
    }

    private static Map<String, String> metadata(Transformer model, long bytes, String about) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", FORMAT);
        metadata.putAll(model.shape().toMap());
        metadata.put("bytes", Long.toString(bytes));
        metadata.put("about", about);
        return metadata;
    }

    private static Tensor tensor(Parameter parameter, float[] values) {
        return Tensor.of(MemorySegment.ofArray(values), Shape.of(parameter.rows(), parameter.columns()));
    }
}
