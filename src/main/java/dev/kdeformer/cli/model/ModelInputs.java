package dev.kdeformer.cli.model;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.io.NpyArray;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/** The tensors that a model is fed: from files, from the tokens of a text, or random. */
public final class ModelInputs implements AutoCloseable {
    /** Elements of 8 bytes that a buffer of Java holds. */
    private static final int MOST_ELEMENTS = Integer.MAX_VALUE / Long.BYTES;

    private final Map<String, OnnxTensorLike> tensors = new LinkedHashMap<>();

    private ModelInputs() {
    }

    /**
     * Makes the tensors.
     *
     * @param declared the model's inputs
     * @param files    those that come from files
     * @param tokens   the tokens of a text; null for random ones
     * @param length   how many
     * @throws UsageError   if a file is for no input of the model
     * @throws IOException  if a file cannot be read
     * @throws OrtException if ONNX Runtime refuses a tensor
     */
    public static ModelInputs make(Model model, Map<String, NodeInfo> declared, Map<String, Path> files, long[] tokens,
            int batch, int length, long seed) throws IOException, OrtException {
        ModelInputs inputs = new ModelInputs();
        try {
            for (String name : files.keySet()) {
                if (!declared.containsKey(name)) {
                    throw new UsageError("--input " + name + " is no input of the model; its inputs are "
                            + String.join(", ", declared.keySet()));
                }
            }
            SplittableRandom random = new SplittableRandom(seed);
            for (Map.Entry<String, NodeInfo> input : declared.entrySet()) {
                String name = input.getKey();
                if (files.containsKey(name)) {
                    inputs.tensors.put(name, read(files.get(name)));
                } else if (input.getValue().getInfo() instanceof TensorInfo info) {
                    inputs.tensors.put(name, tensor(model, name, info, tokens, batch, length, random));
                } else {
                    throw new UsageError("input " + name + " is no tensor, which has to be fed by a program");
                }
            }
            return inputs;
        } catch (IOException | OrtException | RuntimeException | Error e) {
            inputs.close();
            throw e;
        }
    }

    /** The tensors by name. */
    public Map<String, OnnxTensorLike> tensors() {
        return tensors;
    }

    private static OnnxTensor read(Path file) throws IOException, OrtException {
        NpyArray array = NpyArray.read(file);
        long[] sizes = array.dimensions().stream().mapToLong(Long::longValue).toArray();
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        return switch (array.element()) {
            case "f4" -> OnnxTensor.createTensor(environment, array.data().asFloatBuffer(), sizes);
            case "i4" -> OnnxTensor.createTensor(environment, array.data().asIntBuffer(), sizes);
            case "i8" -> OnnxTensor.createTensor(environment, array.data().asLongBuffer(), sizes);
            default -> OnnxTensor.createTensor(environment, array.data(), sizes,
                    array.element().equals("b1") ? OnnxJavaType.BOOL : OnnxJavaType.UINT8);
        };
    }

    private static OnnxTensor tensor(Model model, String name, TensorInfo info, long[] tokens, int batch, int length,
            SplittableRandom random) throws OrtException {
        long[] sizes = info.getShape().clone();
        double elements = 1;
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = sizes[i] >= 0 ? sizes[i] : i == 0 && sizes.length > 1 ? batch : length;
            elements *= sizes[i];
        }
        if (elements > MOST_ELEMENTS) {
            throw new UsageError("input " + name + " would have the sizes " + Arrays.toString(sizes) + ", with "
                    + length + " for each that the model leaves open, and at most " + MOST_ELEMENTS
                    + " elements can be made up; feed it with --input " + name + "=FILE.npy");
        }
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        int count = (int) elements;
        int width = sizes.length == 0 ? 1 : (int) sizes[sizes.length - 1];
        switch (info.type) {
            case FLOAT -> {
                ByteBuffer bytes = direct(4L * count);
                for (int i = 0; i < count; i++) {
                    bytes.putFloat((float) (random.nextGaussian() / 2));
                }
                return OnnxTensor.createTensor(environment, bytes.flip().order(ByteOrder.nativeOrder())
                        .asFloatBuffer(), sizes);
            }
            case INT64, INT32 -> {
                boolean wide = info.type == OnnxJavaType.INT64;
                ByteBuffer bytes = direct((wide ? 8L : 4L) * count);
                long bound = rows(model, name);
                for (int i = 0; i < count; i++) {
                    long value = whole(name, i % width, tokens, bound, random);
                    if (wide) {
                        bytes.putLong(value);
                    } else {
                        bytes.putInt((int) value);
                    }
                }
                ByteBuffer all = bytes.flip().order(ByteOrder.nativeOrder());
                return wide ? OnnxTensor.createTensor(environment, all.asLongBuffer(), sizes)
                        : OnnxTensor.createTensor(environment, all.asIntBuffer(), sizes);
            }
            case BOOL -> {
                ByteBuffer bytes = direct(count);
                for (int i = 0; i < count; i++) {
                    bytes.put((byte) 1);
                }
                return OnnxTensor.createTensor(environment, bytes.flip(), sizes, OnnxJavaType.BOOL);
            }
            default -> throw new UsageError("input " + name + " has element type " + info.type
                    + ", for which nothing can be made up; --input " + name + "=FILE.npy feeds it");
        }
    }

    private static ByteBuffer direct(long bytes) {
        return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.nativeOrder());
    }

    /** What a whole number of an input stands for is in its name, by convention. */
    private static long whole(String name, int column, long[] tokens, long bound, SplittableRandom random) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (lower.contains("mask")) {
            return 1;
        }
        if (lower.contains("type") || lower.contains("segment")) {
            return 0;
        }
        if (lower.contains("position")) {
            return column;
        }
        return tokens == null ? random.nextLong(bound) : tokens[column];
    }

    /** Rows of the table that an input picks from; 1,000 where it picks from none. */
    private static long rows(Model model, String name) {
        for (Node node : model.nodes()) {
            if (node.operator().equals("Gather") && node.input(1).equals(name)
                    && model.weights().containsKey(node.input(0))) {
                return Math.max(1, model.weights().get(node.input(0)).sizes()[0]);
            }
        }
        return 1000;
    }

    @Override
    public void close() {
        tensors.values().forEach(OnnxTensorLike::close);
        tensors.clear();
    }
}
