package dev.kdeformer.onnx.graph;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** A protocol buffer message under construction. */
public final class WireWriter {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    /** Adds a whole number. */
    public WireWriter number(int field, long value) {
        tag(field, Wire.VARINT);
        varint(value);
        return this;
    }

    /** Adds a float32. */
    public WireWriter real(int field, float value) {
        tag(field, Wire.FIXED32);
        int bits = Float.floatToRawIntBits(value);
        for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
            bytes.write(bits >>> shift);
        }
        return this;
    }

    /** Adds a text. */
    public WireWriter text(int field, String value) {
        return block(field, value.getBytes(StandardCharsets.UTF_8));
    }

    /** Adds a message. */
    public WireWriter message(int field, WireWriter value) {
        return block(field, value.toBytes());
    }

    /** Adds bytes: a message that is there already, or data. */
    public WireWriter block(int field, byte[] content) {
        tag(field, Wire.BLOCK);
        varint(content.length);
        bytes.writeBytes(content);
        return this;
    }

    /**
     * Adds a message that lies in a file.
     *
     * @throws IllegalArgumentException if it has 2 GB or more, the limit of a protocol buffer
     */
    WireWriter block(int field, MemorySegment content) {
        if (content.byteSize() > Integer.MAX_VALUE - (1 << 20)) {
            throw new IllegalArgumentException("a part of the model has " + content.byteSize()
                    + " bytes inside a subgraph; a model file can hold at most 2 GB");
        }
        return block(field, content.toArray(ValueLayout.JAVA_BYTE));
    }

    /** Adds the fields of a message that lies in a file. */
    void append(MemorySegment fields) {
        bytes.writeBytes(fields.toArray(ValueLayout.JAVA_BYTE));
    }

    /** Everything written so far. */
    public byte[] toBytes() {
        return bytes.toByteArray();
    }

    private void tag(int field, int type) {
        varint((long) field << 3 | type);
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
