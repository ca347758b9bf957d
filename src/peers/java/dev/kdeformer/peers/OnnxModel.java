package dev.kdeformer.peers;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes the ONNX models that the peers run: a few hundred bytes of protocol buffer each. Field numbers are those of
 * onnx.proto (messages ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, ValueInfoProto).
 */
final class OnnxModel {
    private static final int FLOAT = 1;
    private static final int INT = 2;
    private static final int INTS = 7;

    private static final int INT32 = 6;

    private final Message graph = new Message().text(2, "attention");
    private final int version;

    /** A model of operators of this version of ONNX, and of com.microsoft version 1. */
    OnnxModel(int version) {
        this.version = version;
    }

    /** Adds an input of the graph: float32 or int32 of the given sizes. */
    OnnxModel input(String name, boolean whole, long... sizes) {
        graph.message(11, value(name, whole ? INT32 : FLOAT, sizes));
        return this;
    }

    /** Adds an output of the graph: float32 of the given sizes. */
    OnnxModel output(String name, long... sizes) {
        graph.message(12, value(name, FLOAT, sizes));
        return this;
    }

    /** Adds a constant float32 scalar. */
    OnnxModel constant(String name, float value) {
        graph.message(5, new Message().number(2, FLOAT).text(8, name).real(4, value));
        return this;
    }

    /**
     * Adds a node.
     *
     * @param domain the empty string for the standard operators
     * @param output names, with commas where there are several; what is no output of the graph is thrown away
     * @param inputs names; an empty one leaves an optional input out
     */
    OnnxModel node(String domain, String operator, String output, String[] inputs, Message... attributes) {
        Message node = new Message();
        for (String input : inputs) {
            node.text(1, input);
        }
        for (String each : output.split(",")) {
            node.text(2, each);
        }
        node.text(4, operator).text(7, domain);
        for (Message attribute : attributes) {
            node.message(5, attribute);
        }
        graph.message(1, node);
        return this;
    }

    /** The model's bytes. */
    byte[] toBytes() {
        return new Message().number(1, version > 21 ? 10 : 8).text(2, "kdebench").message(7, graph)
                .message(8, new Message().text(1, "").number(2, version))
                .message(8, new Message().text(1, "com.microsoft").number(2, 1)).toBytes();
    }

    /** A whole number as an attribute. */
    static Message attribute(String name, long value) {
        return new Message().text(1, name).number(3, value).number(20, INT);
    }

    /** A real number as an attribute. */
    static Message attribute(String name, float value) {
        return new Message().text(1, name).real(2, value).number(20, FLOAT);
    }

    /** Whole numbers as an attribute. */
    static Message attribute(String name, long... values) {
        Message message = new Message().text(1, name);
        for (long value : values) {
            message.number(8, value);
        }
        return message.number(20, INTS);
    }

    private static Message value(String name, int element, long... sizes) {
        Message shape = new Message();
        for (long size : sizes) {
            shape.message(1, new Message().number(1, size));
        }
        Message tensor = new Message().number(1, element).message(2, shape);
        return new Message().text(1, name).message(2, new Message().message(1, tensor));
    }

    /** A protocol buffer message under construction: tag (field · 8 + wire type), then the value. */
    static final class Message {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Message number(int field, long value) {
            varint(field << 3);
            varint(value);
            return this;
        }

        Message real(int field, float value) {
            varint(field << 3 | 5);
            int bits = Float.floatToRawIntBits(value);
            for (int shift = 0; shift < 32; shift += 8) {
                bytes.write(bits >>> shift);
            }
            return this;
        }

        Message text(int field, String value) {
            return block(field, value.getBytes(StandardCharsets.UTF_8));
        }

        Message message(int field, Message value) {
            return block(field, value.toBytes());
        }

        byte[] toBytes() {
            return bytes.toByteArray();
        }

        private Message block(int field, byte[] content) {
            varint(field << 3 | 2);
            varint(content.length);
            bytes.writeBytes(content);
            return this;
        }

        private void varint(long value) {
            long rest = value;
            while ((rest & ~0x7FL) != 0) {
                bytes.write((int) (rest & 0x7F | 0x80));
                rest >>>= 7;
            }
            bytes.write((int) rest);
        }
    }
}
