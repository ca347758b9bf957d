package dev.kdeformer.onnx;

import dev.kdeformer.onnx.graph.ElementKind;
import dev.kdeformer.onnx.graph.NodeWriter;
import dev.kdeformer.onnx.graph.WireWriter;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Writes small ONNX files with random weights, and what to feed them. */
public final class TestModel {
    private final WireWriter graph = new WireWriter().text(2, "test");
    private final SplittableRandom random;
    private final int opset;
    private int names;
    private final Map<String, Feed> feeds = new LinkedHashMap<>();

    /**
     * What to feed an input.
     *
     * @param data  float[], long[], int[] or boolean[]
     * @param sizes its dimensions
     */
    public record Feed(Object data, long... sizes) {
    }

    /** A model of the given version of the standard operators. */
    public TestModel(int opset, long seed) {
        this.opset = opset;
        this.random = new SplittableRandom(seed);
    }

    private String fresh(String operator) {
        return operator.toLowerCase(java.util.Locale.ROOT) + names++;
    }

    /** Normal numbers. */
    public float[] normal(int count, double deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
        return values;
    }

    /** Declares an input with symbolic sizes and says what to feed. */
    public String input(String name, Object data, long... sizes) {
        feeds.put(name, new Feed(data, sizes));
        WireWriter shape = new WireWriter();
        for (int i = 0; i < sizes.length; i++) {
            shape.message(1, new WireWriter().text(2, name + "_" + i));
        }
        int kind = data instanceof float[] ? ElementKind.FLOAT : data instanceof long[] ? ElementKind.INT64
                : data instanceof int[] ? ElementKind.INT32 : ElementKind.BOOL;
        graph.message(11, value(name, kind, shape));
        return name;
    }

    /** Declares an input of normal numbers. */
    public String normalInput(String name, long... sizes) {
        return input(name, normal((int) Arrays.stream(sizes).reduce(1, (a, b) -> a * b), 1), sizes);
    }

    private static WireWriter value(String name, int kind, WireWriter shape) {
        WireWriter tensor = new WireWriter().number(1, kind);
        if (shape != null) {
            tensor.message(2, shape);
        }
        return new WireWriter().text(1, name).message(2, new WireWriter().message(1, tensor));
    }

    /** Declares an output of float32. */
    public TestModel output(String name) {
        return output(name, ElementKind.FLOAT);
    }

    /** Declares an output. */
    public TestModel output(String name, int kind) {
        graph.message(12, value(name, kind, null));
        return this;
    }

    /** A constant float32 tensor; without sizes a scalar if there is one value. */
    public String constant(float[] values, long... sizes) {
        ByteBuffer raw = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        raw.asFloatBuffer().put(values);
        return weight(ElementKind.FLOAT, raw.array(), sizes);
    }

    /** A constant scalar. */
    public String scalar(double value) {
        return constant(new float[] {(float) value});
    }

    /** A weight of normal numbers that keeps the size of what it multiplies. */
    public String weight(long... sizes) {
        int count = (int) Arrays.stream(sizes).reduce(1, (a, b) -> a * b);
        return constant(normal(count, 1 / Math.sqrt(sizes[0])), sizes);
    }

    /** A constant list of whole numbers. */
    public String ints(long... values) {
        ByteBuffer raw = ByteBuffer.allocate(values.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        raw.asLongBuffer().put(values);
        return weight(ElementKind.INT64, raw.array(), values.length);
    }

    private String weight(int kind, byte[] raw, long... sizes) {
        String name = fresh("weight");
        WireWriter tensor = new WireWriter();
        for (long size : sizes) {
            tensor.number(1, size);
        }
        graph.message(5, tensor.number(2, kind).text(8, name).block(9, raw));
        return name;
    }

    /** Adds a node of the standard operators and returns its output. */
    public String node(String operator, String... inputs) {
        return node(operator, List.of(inputs), Map.of());
    }

    /** Adds a node with attributes: Long, Float or long[]. */
    public String node(String operator, List<String> inputs, Map<String, Object> attributes) {
        return nodes("", operator, inputs, 1, attributes).get(0);
    }

    /** Adds a node of any domain with several outputs. */
    public List<String> nodes(String domain, String operator, List<String> inputs, int outputs,
            Map<String, Object> attributes) {
        List<String> made = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            made.add(fresh(operator));
        }
        NodeWriter writer = NodeWriter.of(domain, operator, inputs, made);
        attributes.forEach((name, value) -> {
            if (value instanceof Float real) {
                writer.with(name, real);
            } else if (value instanceof long[] wholes) {
                writer.with(name, wholes);
            } else {
                writer.with(name, ((Number) value).longValue());
            }
        });
        graph.block(1, writer.node().message().toArray(ValueLayout.JAVA_BYTE));
        return made;
    }

    /** Transposes. */
    public String transpose(String value, long... permutation) {
        return node("Transpose", List.of(value), Map.of("perm", permutation));
    }

    /** Reshapes to constant sizes. */
    public String reshape(String value, long... sizes) {
        return node("Reshape", value, ints(sizes));
    }

    /** Multiplies by a weight (in, out) and adds a bias. */
    public String dense(String value, long in, long out) {
        return node("Add", node("MatMul", value, weight(in, out)), constant(normal((int) out, 0.1), out));
    }

    /** Softmax over an axis. */
    public String softmax(String value, long axis) {
        return node("Softmax", List.of(value), Map.of("axis", axis));
    }

    /** Converts. */
    public String cast(String value, int kind) {
        return node("Cast", List.of(value), Map.of("to", (long) kind));
    }

    /** What to feed the inputs. */
    public Map<String, Feed> feeds() {
        return feeds;
    }

    /** The numbers that everything random comes from. */
    public SplittableRandom random() {
        return random;
    }

    /** The file's bytes. */
    public byte[] bytes() {
        return new WireWriter().number(1, 8).text(2, "test").message(7, graph)
                .message(8, new WireWriter().text(1, "").number(2, opset))
                .message(8, new WireWriter().text(1, "com.microsoft").number(2, 1)).toBytes();
    }

    /** Writes the file. */
    public Path write(Path file) throws IOException {
        return Files.write(file, bytes());
    }

    /** Adds a message to the graph as it is. */
    public TestModel raw(int field, WireWriter message) {
        graph.message(field, message);
        return this;
    }
}
