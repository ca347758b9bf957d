package dev.kdeformer.io;

import dev.kdeformer.tensor.Shape;
import java.nio.ByteOrder;
import java.util.List;

/**
 * What a .npy file says about itself, already compared with the length of the file.
 *
 * @param version      major format version, 1 to 3
 * @param type         format of an element
 * @param order        byte order of an element
 * @param fortranOrder whether the first dimension varies fastest in the file, instead of the last
 * @param dimensions   the 2, 3 or 4 dimensions as the file states them
 * @param shape        the same as (batch, heads, n, d), with 1 for the dimensions that are not there
 * @param dataOffset   bytes before the first element
 */
public record NpyHeader(int version, ElementType type, ByteOrder order, boolean fortranOrder, List<Long> dimensions,
        Shape shape, long dataOffset) {
    /** Keeps a copy of the dimensions. */
    public NpyHeader {
        dimensions = List.copyOf(dimensions);
    }

    /** Returns the bytes of all elements in the file; in memory a tensor takes four bytes an element. */
    public long dataBytes() {
        return shape.elements() * type.bytes();
    }
}
