package dev.kdeformer.onnx.graph;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** Makes nodes that are in no file. */
public final class NodeWriter {
    private static final int FLOAT = 1;
    private static final int INT = 2;
    private static final int INTS = 7;

    private final WireWriter node = new WireWriter();

    private NodeWriter() {
    }

    /**
     * Begins a node.
     *
     * @param domain the empty string for the standard operators
     */
    public static NodeWriter of(String domain, String operator, List<String> inputs, List<String> outputs) {
        NodeWriter writer = new NodeWriter();
        inputs.forEach(input -> writer.node.text(1, input));
        outputs.forEach(output -> writer.node.text(2, output));
        writer.node.text(3, operator + " " + outputs.get(0)).text(4, operator);
        if (!domain.isEmpty()) {
            writer.node.text(7, domain);
        }
        return writer;
    }

    /** Adds a whole number as an attribute. */
    public NodeWriter with(String attribute, long value) {
        node.message(5, new WireWriter().text(1, attribute).number(3, value).number(20, INT));
        return this;
    }

    /** Adds a real number as an attribute. */
    public NodeWriter with(String attribute, float value) {
        node.message(5, new WireWriter().text(1, attribute).real(2, value).number(20, FLOAT));
        return this;
    }

    /** Adds whole numbers as an attribute. */
    public NodeWriter with(String attribute, long... values) {
        WireWriter message = new WireWriter().text(1, attribute);
        for (long value : values) {
            message.number(8, value);
        }
        node.message(5, message.number(20, INTS));
        return this;
    }

    /**
     * The node.
     *
     * @throws IllegalStateException if what was written cannot be read again, which is an error of this class
     */
    public Node node() {
        MemorySegment message = MemorySegment.ofArray(node.toBytes());
        try {
            return Node.read(new Wire("", message, 0, message.byteSize()), 0);
        } catch (OnnxFormatException e) {
            throw new IllegalStateException("a node that was just written cannot be read", e);
        }
    }
}
