package dev.kdeformer.onnx.graph;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * A cursor over one protocol buffer message inside a file. {@link #next} moves to the next field; the field's value
 * must then be taken, once, or skipped.
 */
final class Wire {
    /** Wire types of the protocol buffer encoding. */
    static final int VARINT = 0;
    static final int FIXED64 = 1;
    static final int BLOCK = 2;
    static final int FIXED32 = 5;

    /** Names and texts of a graph are shorter; what is longer is data in the wrong place. */
    private static final int LONGEST_TEXT = 1 << 20;

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String file;
    private final MemorySegment bytes;
    private final long start;
    private final long end;
    private long at;
    private int field;
    private int type;

    /** The message in the bytes [start, end) of a file. */
    Wire(String file, MemorySegment bytes, long start, long end) {
        this.file = file;
        this.bytes = bytes;
        this.start = start;
        this.end = end;
        this.at = start;
    }

    /** Moves to the next field; false at the end of the message. */
    boolean next() throws OnnxFormatException {
        if (at == end) {
            return false;
        }
        long tag = varint();
        field = (int) Math.min(tag >>> 3, Integer.MAX_VALUE);
        type = (int) (tag & 7);
        if (field == 0 || tag >>> 3 > 0x1FFFFFFF) {
            throw error("field number " + (tag >>> 3) + " is not one of a protocol buffer");
        }
        if (type != VARINT && type != FIXED64 && type != BLOCK && type != FIXED32) {
            throw error("field " + field + " has wire type " + type + ", which ONNX does not use");
        }
        return true;
    }

    /** The present field's number. */
    int field() {
        return field;
    }

    /** The present field's wire type. */
    int type() {
        return type;
    }

    /** First byte of the message within the file. */
    long start() {
        return start;
    }

    /** The file's name, for messages. */
    String file() {
        return file;
    }

    /** The whole message. */
    MemorySegment segment() {
        return bytes.asSlice(start, end - start);
    }

    /** Bytes of the whole message. */
    long length() {
        return end - start;
    }

    /** Whether everything is taken. */
    boolean atEnd() {
        return at == end;
    }

    /** The present field, a number of at most 64 bits. */
    long number() throws OnnxFormatException {
        require(VARINT);
        return varint();
    }

    /** The present field, a number that must fit an {@code int} and not be negative. */
    int natural(String what) throws OnnxFormatException {
        long value = number();
        if (value < 0 || value > Integer.MAX_VALUE) {
            throw error(what + " must be between 0 and 2^31 - 1, got " + value);
        }
        return (int) value;
    }

    /** The present field, a float32. */
    float real() throws OnnxFormatException {
        require(FIXED32);
        return nextFloat();
    }

    /** The next four bytes as a float32: an element of a packed field. */
    float nextFloat() throws OnnxFormatException {
        float value = bytes.get(FLOAT, advance(Float.BYTES));
        return value;
    }

    /** The next four bytes as a whole number: an element of raw data. */
    int nextInt() throws OnnxFormatException {
        return bytes.get(INT, advance(Integer.BYTES));
    }

    /** The next eight bytes as a whole number: an element of raw data. */
    long nextLong() throws OnnxFormatException {
        return bytes.get(LONG, advance(Long.BYTES));
    }

    /** The next byte: an element of raw data. */
    byte nextByte() throws OnnxFormatException {
        return bytes.get(ValueLayout.JAVA_BYTE, advance(1));
    }

    /** The present field as a message, or as packed numbers. */
    Wire block() throws OnnxFormatException {
        require(BLOCK);
        long length = varint();
        if (length < 0 || length > end - at) {
            throw error("field " + field + " says it has " + Long.toUnsignedString(length) + " bytes, but only "
                    + (end - at) + " are left");
        }
        Wire block = new Wire(file, bytes, at, at + length);
        at += length;
        return block;
    }

    /** The present field as text. */
    String text() throws OnnxFormatException {
        Wire block = block();
        if (block.length() > LONGEST_TEXT) {
            throw error("a name of " + block.length() + " bytes is too long");
        }
        try {
            ByteBuffer content = ByteBuffer.wrap(block.segment().toArray(ValueLayout.JAVA_BYTE));
            return StandardCharsets.UTF_8.newDecoder().decode(content).toString();
        } catch (CharacterCodingException e) {
            throw error("a name is not valid UTF-8");
        }
    }

    /** Goes past the present field. */
    void skip() throws OnnxFormatException {
        switch (type) {
            case VARINT -> varint();
            case FIXED64 -> advance(Long.BYTES);
            case FIXED32 -> advance(Integer.BYTES);
            default -> block();
        }
    }

    /** The next variable-length number: the present field's, or an element of a packed field. */
    long varint() throws OnnxFormatException {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte next = bytes.get(ValueLayout.JAVA_BYTE, advance(1));
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw error("a number has more than ten bytes");
    }

    OnnxFormatException error(String problem) {
        return new OnnxFormatException(file, "malformed at byte " + at + ": " + problem);
    }

    private void require(int expected) throws OnnxFormatException {
        if (type != expected) {
            throw error("field " + field + " has wire type " + type + ", expected " + expected);
        }
    }

    private long advance(int count) throws OnnxFormatException {
        if (count > end - at) {
            throw error("the message ends within a value of field " + field);
        }
        long before = at;
        at += count;
        return before;
    }
}
