package dev.kdeformer.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Objects;

/**
 * A tensor of shape (batch, heads, rows, columns), of float32 unless told otherwise, over memory that somebody else
 * owns: an arena, a buffer or a segment of the caller. A tensor is an immutable description (segment, element, four
 * strides); its elements are as mutable as its memory. It holds no resource: whoever owns the arena frees the memory,
 * and every later access through the tensor throws {@link IllegalStateException}. Memory of a confined arena is open to
 * the arena's own thread only, so tensors for an engine of several threads belong in a shared, automatic or global
 * arena.
 */
public final class Tensor {
    private static final long ALIGNMENT = 64;

    private final MemorySegment segment;
    private final Element element;
    private final Shape shape;
    private final long batchStride;
    private final long headStride;
    private final long rowStride;
    private final long columnStride;

    private Tensor(MemorySegment segment, Element element, Shape shape, long batchStride, long headStride,
            long rowStride, long columnStride) {
        this.segment = segment;
        this.element = element;
        this.shape = shape;
        this.batchStride = batchStride;
        this.headStride = headStride;
        this.rowStride = rowStride;
        this.columnStride = columnStride;
    }

    /**
     * Makes a new contiguous tensor of zeros, aligned to 64 bytes, that lives as long as {@code arena}.
     *
     * @throws OutOfMemoryError if the memory is not to be had
     */
    public static Tensor allocate(Arena arena, Shape shape) {
        return allocate(arena, shape, Element.FLOAT32);
    }

    /** Makes a new contiguous tensor of zeros of another element, as {@link #allocate(Arena, Shape)}. */
    public static Tensor allocate(Arena arena, Shape shape, Element element) {
        Objects.requireNonNull(arena, "arena");
        Objects.requireNonNull(element, "element");
        return contiguous(arena.allocate(shape.elements() * element.bytes(), ALIGNMENT), element, shape);
    }

    /**
     * Makes a new tensor in {@code arena} with the given elements in row-major order.
     *
     * @throws IllegalArgumentException if the number of values is not that of the shape
     */
    public static Tensor copyOf(Arena arena, Shape shape, float... values) {
        Objects.requireNonNull(values, "values");
        if (values.length != shape.elements()) {
            throw new IllegalArgumentException("values must have " + shape.elements() + " elements for shape " + shape
                    + ", got " + values.length);
        }
        Tensor tensor = allocate(arena, shape);
        MemorySegment.copy(values, 0, tensor.segment, ValueLayout.JAVA_FLOAT, 0, values.length);
        return tensor;
    }

    /**
     * Makes a contiguous row-major tensor over the whole of {@code segment}, without copying.
     *
     * @throws IllegalArgumentException if the segment is shorter than the shape needs
     * @throws IllegalStateException    if the segment's arena is closed
     */
    public static Tensor of(MemorySegment segment, Shape shape) {
        return of(segment, shape, Element.FLOAT32);
    }

    /**
     * Makes a contiguous row-major tensor of another element, as {@link #of(MemorySegment, Shape)}.
     *
     * @throws IllegalArgumentException if the segment is shorter than the shape needs
     * @throws IllegalStateException    if the segment's arena is closed
     */
    public static Tensor of(MemorySegment segment, Shape shape, Element element) {
        Objects.requireNonNull(shape, "shape");
        long rowStride = shape.columns();
        long headStride = rowStride * shape.rows();
        return of(segment, shape, headStride * shape.heads(), headStride, rowStride, 1, element);
    }

    /**
     * Makes a strided tensor over a segment of the caller, without copying. Strides count floats, not bytes, and may be
     * 0 (the same memory read for every index) in tensors that are only read; they may not be negative.
     *
     * @throws IllegalArgumentException if a stride is negative or the last element lies outside the segment
     * @throws IllegalStateException    if the segment's arena is closed
     */
    public static Tensor of(MemorySegment segment, Shape shape, long batchStride, long headStride, long rowStride,
            long columnStride) {
        return of(segment, shape, batchStride, headStride, rowStride, columnStride, Element.FLOAT32);
    }

    /**
     * Makes a strided tensor of another element, whose strides count elements; otherwise as that of float32.
     *
     * @throws IllegalArgumentException if a stride is negative or the last element lies outside the segment
     * @throws IllegalStateException    if the segment's arena is closed
     */
    public static Tensor of(MemorySegment segment, Shape shape, long batchStride, long headStride, long rowStride,
            long columnStride, Element element) {
        Objects.requireNonNull(element, "element");
        Objects.requireNonNull(segment, "segment");
        Objects.requireNonNull(shape, "shape");
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException("segment of tensor " + shape + " belongs to a closed arena");
        }
        long last = 0;
        try {
            last = Math.addExact(last, extent("batchStride", batchStride, shape.batch()));
            last = Math.addExact(last, extent("headStride", headStride, shape.heads()));
            last = Math.addExact(last, extent("rowStride", rowStride, shape.rows()));
            last = Math.addExact(last, extent("columnStride", columnStride, shape.columns()));
            last = shape.elements() == 0 ? 0 : Math.multiplyExact(Math.addExact(last, 1), element.bytes());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("strides (" + batchStride + ", " + headStride + ", " + rowStride + ", "
                    + columnStride + ") of shape " + shape + " overflow a 64-bit address", e);
        }
        if (last > segment.byteSize()) {
            throw new IllegalArgumentException("segment must have at least " + last + " bytes for shape " + shape
                    + " with strides (" + batchStride + ", " + headStride + ", " + rowStride + ", " + columnStride
                    + "), got " + segment.byteSize());
        }
        return new Tensor(segment, element, shape, batchStride, headStride, rowStride, columnStride);
    }

    /**
     * Makes a contiguous row-major tensor over the remaining floats of {@code buffer} (direct or not), without copying.
     * A tensor over a read-only buffer can be read, but cannot be an output.
     *
     * @throws IllegalArgumentException if the buffer holds too few floats or is not in native byte order
     */
    public static Tensor of(FloatBuffer buffer, Shape shape) {
        Objects.requireNonNull(buffer, "buffer");
        if (buffer.order() != ByteOrder.nativeOrder()) {
            throw new IllegalArgumentException("buffer must be in native byte order " + ByteOrder.nativeOrder()
                    + ", got " + buffer.order());
        }
        return of(MemorySegment.ofBuffer(buffer), shape);
    }

    private static Tensor contiguous(MemorySegment segment, Element element, Shape shape) {
        long headStride = (long) shape.rows() * shape.columns();
        return new Tensor(segment, element, shape, headStride * shape.heads(), headStride, shape.columns(), 1);
    }

    private static long extent(String name, long stride, int size) {
        if (stride < 0) {
            throw new IllegalArgumentException(name + " must not be negative, got " + stride);
        }
        return Math.multiplyExact(stride, Math.max(0, size - 1L));
    }

    /** Returns the shape, (batch, heads, rows, columns). */
    public Shape shape() {
        return shape;
    }

    /** What the elements are. */
    public Element element() {
        return element;
    }

    /** Returns the memory below this tensor, at whose first byte element (0, 0, 0, 0) lies. */
    public MemorySegment segment() {
        return segment;
    }

    /** Distance in elements from one batch item to the next. */
    public long batchStride() {
        return batchStride;
    }

    /** Distance in elements from one head to the next. */
    public long headStride() {
        return headStride;
    }

    /** Distance in elements from one row to the next. */
    public long rowStride() {
        return rowStride;
    }

    /** Distance in elements from one column to the next. */
    public long columnStride() {
        return columnStride;
    }

    /**
     * Returns the rows × columns view of one head.
     *
     * @throws IndexOutOfBoundsException if there is no such batch item or head
     */
    public Matrix matrix(int batch, int head) {
        Objects.checkIndex(batch, shape.batch());
        Objects.checkIndex(head, shape.heads());
        return new Matrix(segment, element, (batch * batchStride + head * headStride) * element.bytes(), shape.rows(),
                shape.columns(), rowStride * element.bytes(), columnStride * element.bytes());
    }

    /**
     * Returns the rows × columns view of one head, where all batch items may share one, and all heads.
     *
     * @throws IndexOutOfBoundsException if there is more than one batch item or head, and not this one
     */
    public Matrix sharedMatrix(int batch, int head) {
        return matrix(shape.batch() == 1 ? 0 : batch, shape.heads() == 1 ? 0 : head);
    }

    /**
     * Returns the part [firstRow, firstRow + rows) of every head, which may be none, without copying.
     *
     * @throws IllegalArgumentException if the rows do not lie within this tensor
     */
    public Tensor rows(int firstRow, int rows) {
        if (firstRow < 0 || rows < 0 || rows > shape.rows() - firstRow) {
            throw new IllegalArgumentException("rows [" + firstRow + ", " + ((long) firstRow + rows)
                    + ") must lie within the " + shape.rows() + " rows of the tensor");
        }
        return new Tensor(from(rows == 0 ? 0 : firstRow * rowStride), element,
                Shape.of(shape.batch(), shape.heads(), rows, shape.columns()), batchStride, headStride, rowStride,
                columnStride);
    }

    /**
     * Returns batch items [first, first + count), one or more, without copying.
     *
     * @throws IllegalArgumentException if the items do not lie within this tensor
     */
    public Tensor items(int first, int count) {
        if (first < 0 || count < 1 || count > shape.batch() - first) {
            throw new IllegalArgumentException("batch items [" + first + ", " + ((long) first + count)
                    + ") must lie within the " + shape.batch() + " items of the tensor");
        }
        return new Tensor(from(shape.elements() == 0 ? 0 : first * batchStride), element,
                Shape.of(count, shape.heads(), shape.rows(), shape.columns()), batchStride, headStride, rowStride,
                columnStride);
    }

    private MemorySegment from(long index) {
        return segment.asSlice(index * element.bytes());
    }

    /**
     * One head as a tensor of shape (1, 1, rows, columns), without copying.
     *
     * @throws IndexOutOfBoundsException if there is no such batch item or head
     */
    public Tensor head(int batch, int head) {
        Objects.checkIndex(batch, shape.batch());
        Objects.checkIndex(head, shape.heads());
        return new Tensor(from(shape.elements() == 0 ? 0 : batch * batchStride + head * headStride), element,
                Shape.of(shape.rows(), shape.columns()), batchStride, headStride, rowStride, columnStride);
    }

    /**
     * Returns all elements in row-major order, in a new array.
     *
     * @throws ArithmeticException if there are more elements than an array can have
     */
    public float[] toArray() {
        float[] values = new float[Math.toIntExact(shape.elements())];
        int at = 0;
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                float[] head = matrix(b, h).toArray();
                System.arraycopy(head, 0, values, at, head.length);
                at += head.length;
            }
        }
        return values;
    }

    @Override
    public String toString() {
        return "Tensor" + shape;
    }
}
