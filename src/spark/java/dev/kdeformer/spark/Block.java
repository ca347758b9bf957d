package dev.kdeformer.spark;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.io.Serializable;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/**
 * Tokens of a head that follow each other, as bytes of little-endian floats. What is not asked for is null: a block of
 * queries has no keys, one of results has only those.
 */
final class Block implements Serializable {
    private static final long serialVersionUID = 1;

    final int head;
    final long start;
    final int rows;
    /** Queries, or the output. */
    byte[] query;
    byte[] key;
    byte[] value;
    /** A bias per key, or the log-sum-exp of a result. */
    byte[] bias;

    Block(int head, long start, int rows) {
        this.head = head;
        this.start = start;
        this.rows = rows;
    }

    /** The position after the last. */
    long end() {
        return start + rows;
    }

    /** The same without the keys. */
    Block queries() {
        Block block = new Block(head, start, rows);
        block.query = query;
        return block;
    }

    /** A view of bytes as a tensor (1, 1, rows, columns). */
    static Tensor tensor(byte[] bytes, int rows) {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new IllegalStateException("blocks need a little-endian processor, this one is big-endian");
        }
        return Tensor.of(MemorySegment.ofArray(bytes), Shape.of(rows, columns(bytes, rows)));
    }

    /** Floats of each of some rows. */
    static int columns(byte[] bytes, int rows) {
        return bytes.length / Float.BYTES / rows;
    }

    /**
     * Checks that bytes are rows of some width.
     *
     * @throws IllegalArgumentException in a sentence that names the column and the block
     */
    void check(String column, byte[] bytes, int width) {
        if (bytes == null || bytes.length != (long) rows * width * Float.BYTES) {
            throw new IllegalArgumentException(column + " of the block at position " + start + " of head " + head
                    + " must have " + rows + " rows of " + width + " floats, "
                    + (bytes == null ? "but is null" : "got " + bytes.length + " bytes"));
        }
    }
}
