package dev.kdeformer.tensor;

import dev.kdeformer.runtime.Memory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One head of a {@link Tensor}: a strided view of rows × columns elements, which are read and written as floats. A view
 * never copies and never outlives the memory of its tensor; every access is checked against the segment, so a closed
 * arena gives {@link IllegalStateException} and never a crash.
 */
public final class Matrix {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final MemorySegment segment;
    private final Element element;
    private final long offset;
    private final int rows;
    private final int columns;
    private final long rowBytes;
    private final long columnBytes;

    Matrix(MemorySegment segment, Element element, long offset, int rows, int columns, long rowBytes,
            long columnBytes) {
        this.segment = segment;
        this.element = element;
        this.offset = offset;
        this.rows = rows;
        this.columns = columns;
        this.rowBytes = rowBytes;
        this.columnBytes = columnBytes;
    }

    /** Returns the number of rows. */
    public int rows() {
        return rows;
    }

    /** Returns the number of columns. */
    public int columns() {
        return columns;
    }

    /** Whether the elements of a row are floats that lie beside each other. */
    private boolean areNeighbours() {
        return columnBytes == Float.BYTES && element == Element.FLOAT32;
    }

    /**
     * Returns the element at (row, column). Neither index is checked against the view, only the address against its
     * memory.
     *
     * @throws IndexOutOfBoundsException if the address lies outside of the memory
     * @throws IllegalStateException     if the tensor's arena is closed
     */
    public float get(int row, int column) {
        return element.get(segment, offset + row * rowBytes + column * columnBytes);
    }

    /** Sets the element at (row, column). */
    public void set(int row, int column, float value) {
        element.set(segment, offset + row * rowBytes + column * columnBytes, value);
    }

    /** Copies a row into {@code target} from index {@code at} on. */
    public void readRow(int row, float[] target, int at) {
        long from = offset + row * rowBytes;
        if (areNeighbours()) {
            MemorySegment.copy(segment, FLOAT, from, target, at, columns);
        } else {
            element.read(segment, from, columnBytes, columns, target, at);
        }
    }

    /** Copies {@code count} columns of a row from {@code column} on into {@code target} from index {@code at} on. */
    public void readPart(int row, int column, int count, float[] target, int at) {
        long from = offset + row * rowBytes + column * columnBytes;
        if (areNeighbours()) {
            MemorySegment.copy(segment, FLOAT, from, target, at, count);
        } else {
            element.read(segment, from, columnBytes, count, target, at);
        }
    }

    /** Copies rows [from, to) into {@code target} from index {@code at} on, {@code stride} floats from row to row. */
    public void readRows(int from, int to, float[] target, int at, int stride) {
        if (stride == columns && areNeighbours() && rowBytes == (long) columns * Float.BYTES) {
            MemorySegment.copy(segment, FLOAT, offset + from * rowBytes, target, at, (to - from) * columns);
            return;
        }
        for (int row = from; row < to; row++) {
            readRow(row, target, at + (row - from) * stride);
        }
    }

    /** Copies rows [from, to) to scratch memory, {@code stride} floats from row to row. */
    public void readRows(int from, int to, long address, int stride) {
        if (stride == columns && areNeighbours() && rowBytes == (long) columns * Float.BYTES) {
            MemorySegment.copy(segment, offset + from * rowBytes, Memory.ALL, address, (to - from) * rowBytes);
            return;
        }
        for (int row = from; row < to; row++) {
            readRow(row, address + (row - from) * (stride * 4L));
        }
    }

    /** Copies a row to scratch memory. */
    public void readRow(int row, long address) {
        long from = offset + row * rowBytes;
        if (areNeighbours()) {
            MemorySegment.copy(segment, from, Memory.ALL, address, columns * 4L);
            return;
        }
        for (int c = 0; c < columns; c++) {
            Memory.putFloat(address + c * 4L, element.get(segment, from + c * columnBytes));
        }
    }

    /** Sets a row from {@code source} from index {@code at} on. */
    public void writeRow(int row, float[] source, int at) {
        long to = offset + row * rowBytes;
        if (areNeighbours()) {
            MemorySegment.copy(source, at, segment, FLOAT, to, columns);
        } else {
            element.write(segment, to, columnBytes, columns, source, at);
        }
    }

    /** Sets rows [from, to) from consecutive rows of {@code source}, index {@code at} on. */
    public void writeRows(int from, int to, float[] source, int at) {
        if (areNeighbours() && rowBytes == (long) columns * Float.BYTES) {
            MemorySegment.copy(source, at, segment, FLOAT, offset + from * rowBytes, (to - from) * columns);
            return;
        }
        for (int row = from; row < to; row++) {
            writeRow(row, source, at + (row - from) * columns);
        }
    }

    /**
     * Returns all elements in row-major order, in a new array.
     *
     * @throws ArithmeticException if there are more elements than an array can have
     */
    public float[] toArray() {
        float[] values = new float[Math.multiplyExact(rows, columns)];
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                values[r * columns + c] = get(r, c);
            }
        }
        return values;
    }
}
