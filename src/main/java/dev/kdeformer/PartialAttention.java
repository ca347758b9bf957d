package dev.kdeformer;

import dev.kdeformer.linalg.SoftmaxSums;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * What a part of the keys gives to every query: the state of an online softmax (Milakov and Gimelshein 2018, "Online
 * normalizer calculation for softmax"). Keys may be cut into shards, chunks of a cache or the shares of several
 * machines; each part is attended by itself with any method that tells its log-sum-exp, and the merged parts are the
 * attention to all keys. A causal rule for a shard is {@link Mask#causalAt}. A sink belongs to one part only, since it
 * counts in the log-sum-exp.
 *
 * <p>A row of a query has a reference r in units of the natural logarithm, the sum Σ exp(logit − r) of its weights, at
 * least 1, and the d_v values Σ exp(logit − r) · v. A query that has seen no key has the reference −∞, the sum 0 and
 * zeros. All of it is held and merged in double precision and only differences of references are raised, so that
 * logits of any size that float32 holds lose nothing here. What a float32 log-sum-exp has lost before is lost: near 500
 * its last digit is 3e-5, and so may be the relative error of a part's weight. {@link #of(Tensor, double[])} takes
 * it in full.
 *
 * <p>An immutable value, on the heap. Merging the same parts in the same order gives the same bits; another order may
 * change the last digits of a double.
 */
public final class PartialAttention {
    /** The letters KDPA, read as a little-endian int. */
    private static final int MAGIC = 0x4150_444B;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 6 * Integer.BYTES;

    /** A row with a larger sum moves its reference up, so that no number of merges leaves double precision. */
    private static final double LARGEST_SUM = 0x1p100;

    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 8;

    private final Shape shape;
    private final SoftmaxSums state;

    private PartialAttention(Shape shape) {
        if (shape.elements() > LARGEST_ARRAY) {
            throw new IllegalArgumentException("partial attention must have at most " + LARGEST_ARRAY
                    + " values, got shape " + shape + "; cut it by heads or rows");
        }
        this.shape = shape;
        this.state = new SoftmaxSums((int) shape.withColumns(1).elements(), shape.columns(), SoftmaxSums.NATURAL);
    }

    private PartialAttention(PartialAttention other) {
        shape = other.shape;
        state = other.state.copy();
    }

    /**
     * Returns the part that a method has attended to. Both tensors are copied.
     *
     * @param output    (batch, heads, n, d_v), finite; not read where the log-sum-exp is −∞
     * @param logSumExp (batch, heads, n, 1), natural logarithm, finite or −∞ for a query that saw no key
     * @throws IllegalArgumentException if the shapes do not fit together, an element is NaN or infinite where it must
     *                                  not be, or there are more values than an array can have
     * @throws IllegalStateException    if a tensor's arena is closed
     */
    public static PartialAttention of(Tensor output, Tensor logSumExp) {
        Shape wanted = Objects.requireNonNull(output, "output").shape().withColumns(1);
        if (!Objects.requireNonNull(logSumExp, "logSumExp").shape().equals(wanted)) {
            throw new IllegalArgumentException("logSumExp must have shape " + wanted + ", got " + logSumExp.shape());
        }
        float[] floats = logSumExp.toArray();
        double[] doubles = new double[floats.length];
        Arrays.setAll(doubles, row -> floats[row]);
        return of(output, doubles);
    }

    /**
     * Returns the part that some computation of the caller has attended to, with a log-sum-exp in double precision.
     *
     * @param output    (batch, heads, n, d_v), finite; not read where the log-sum-exp is −∞
     * @param logSumExp batch · heads · n elements in row-major order, natural logarithm, within float32 or −∞ for a
     *                  query that saw no key
     * @throws IllegalArgumentException if the number of elements does not fit, an element is NaN or infinite where it
     *                                  must not be, or there are more values than an array can have
     * @throws IllegalStateException    if the tensor's arena is closed
     */
    public static PartialAttention of(Tensor output, double[] logSumExp) {
        Shape shape = Objects.requireNonNull(output, "output").shape();
        Objects.requireNonNull(logSumExp, "logSumExp");
        if (logSumExp.length != shape.withColumns(1).elements()) {
            throw new IllegalArgumentException("logSumExp must have " + shape.withColumns(1).elements()
                    + " elements for an output of shape " + shape + ", got " + logSumExp.length);
        }
        PartialAttention part = new PartialAttention(shape);
        float[] floats = new float[shape.columns()];
        for (int row = 0; row < logSumExp.length; row++) {
            if (logSumExp[row] == Double.NEGATIVE_INFINITY) {
                continue;
            }
            part.matrix(output, row).readRow(row % shape.rows(), floats, 0);
            part.state.add(row, logSumExp[row], 1, floats, 0);
        }
        part.check("logSumExp", "output");
        return part;
    }

    /**
     * Returns the part that {@link #toBytes} has written. Nothing is allocated before the length is known to be right.
     *
     * @throws IllegalArgumentException if the bytes are not such a part, whole and without anything behind it
     */
    public static PartialAttention fromBytes(byte[] bytes) {
        Objects.requireNonNull(bytes, "bytes");
        if (bytes.length < HEADER_BYTES) {
            throw new IllegalArgumentException("bytes of partial attention must begin with a header of " + HEADER_BYTES
                    + " bytes, got " + bytes.length);
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int magic = buffer.getInt();
        if (magic != MAGIC) {
            throw new IllegalArgumentException(String.format(
                    "bytes of partial attention must begin with the int 0x%08x, got 0x%08x", MAGIC, magic));
        }
        int version = buffer.getInt();
        if (version != VERSION) {
            throw new IllegalArgumentException("bytes of partial attention must have version " + VERSION + ", got "
                    + version);
        }
        Shape shape = Shape.of(buffer.getInt(), buffer.getInt(), buffer.getInt(), buffer.getInt());
        if (shape.elements() > bytes.length / Double.BYTES || byteSize(shape) != bytes.length) {
            throw new IllegalArgumentException("bytes of partial attention must be as many as its shape " + shape
                    + " needs, got " + bytes.length);
        }
        PartialAttention part = new PartialAttention(shape);
        for (double[] array : part.arrays()) {
            buffer.asDoubleBuffer().get(array);
            buffer.position(buffer.position() + array.length * Double.BYTES);
        }
        part.check("reference", "value");
        return part;
    }

    /**
     * Returns all parts together, merged from the first to the last: the same bits as {@code
     * first.merge(second).merge(third)}.
     *
     * @param parts of the same queries, one or more, no two of which saw the same key
     * @throws IllegalArgumentException if there is no part or two have different shapes
     */
    public static PartialAttention merge(List<PartialAttention> parts) {
        if (Objects.requireNonNull(parts, "parts").isEmpty()) {
            throw new IllegalArgumentException("parts must be one or more, got none");
        }
        for (PartialAttention part : parts) {
            Shape wanted = parts.get(0).shape;
            if (!Objects.requireNonNull(part, "part").shape.equals(wanted)) {
                throw new IllegalArgumentException("all parts must have shape " + wanted + ", got " + part.shape);
            }
        }
        PartialAttention total = new PartialAttention(parts.get(0));
        for (PartialAttention part : parts.subList(1, parts.size())) {
            total.add(part);
        }
        return total;
    }

    /**
     * This part and then another one together.
     *
     * @param other of the same queries, with other keys
     * @throws IllegalArgumentException if it has another shape
     */
    public PartialAttention merge(PartialAttention other) {
        return merge(List.of(this, Objects.requireNonNull(other, "other")));
    }

    private void add(PartialAttention part) {
        for (int row = 0; row < state.sums().length; row++) {
            state.add(row, part.state, row);
            state.settle(row, LARGEST_SUM);
        }
    }

    /** Returns the shape of the output, (batch, heads, n, d_v). */
    public Shape shape() {
        return shape;
    }

    /**
     * What a query's weights are relative to, natural logarithm; −∞ for a query that saw no key.
     *
     * @throws IndexOutOfBoundsException if there is no such batch item, head or row
     */
    public double reference(int batch, int head, int row) {
        return state.references()[row(batch, head, row)];
    }

    /**
     * Returns the sum of a query's weights relative to its reference, 0 for a query that saw no key.
     *
     * @throws IndexOutOfBoundsException if there is no such batch item, head or row
     */
    public double sum(int batch, int head, int row) {
        return state.sums()[row(batch, head, row)];
    }

    /**
     * Returns a query's weighted sum of a column of the values, relative to its reference.
     *
     * @throws IndexOutOfBoundsException if there is no such batch item, head, row or column
     */
    public double value(int batch, int head, int row, int column) {
        return state.values()[row(batch, head, row) * shape.columns() + Objects.checkIndex(column, shape.columns())];
    }

    /**
     * Returns the log-sum-exp of a query's logits in double precision, −∞ for a query that saw no key.
     *
     * @throws IndexOutOfBoundsException if there is no such batch item, head or row
     */
    public double logSumExp(int batch, int head, int row) {
        return state.log(row(batch, head, row));
    }

    private int row(int batch, int head, int row) {
        Objects.checkIndex(batch, shape.batch());
        Objects.checkIndex(head, shape.heads());
        return (batch * shape.heads() + head) * shape.rows() + Objects.checkIndex(row, shape.rows());
    }

    /**
     * Returns the output of attention to the keys of this part, (batch, heads, n, d_v), in new memory of the arena. A
     * query that saw no key has a row of zeros.
     *
     * @throws IllegalStateException if the arena is closed
     */
    public Tensor output(Arena arena) {
        Tensor output = Tensor.allocate(arena, shape);
        float[] floats = new float[shape.columns()];
        for (int row = 0; row < state.sums().length; row++) {
            state.means(row, floats);
            matrix(output, row).writeRow(row % shape.rows(), floats, 0);
        }
        return output;
    }

    /**
     * Returns the log-sum-exp of every query's logits, (batch, heads, n, 1), natural logarithm, in new memory of the
     * arena; −∞ for a query that saw no key.
     *
     * @throws IllegalStateException if the arena is closed
     */
    public Tensor logSumExp(Arena arena) {
        Tensor tensor = Tensor.allocate(arena, shape.withColumns(1));
        for (int row = 0; row < state.sums().length; row++) {
            matrix(tensor, row).set(row % shape.rows(), 0, (float) state.log(row));
        }
        return tensor;
    }

    private Matrix matrix(Tensor tensor, int row) {
        int head = row / shape.rows();
        return tensor.matrix(head / shape.heads(), head % shape.heads());
    }

    /** Returns the number of bytes of {@link #toBytes}. */
    public long byteSize() {
        return byteSize(shape);
    }

    private static long byteSize(Shape shape) {
        return HEADER_BYTES + (2 * shape.withColumns(1).elements() + shape.elements()) * Double.BYTES;
    }

    /**
     * This part in bytes, the same on every machine, little-endian: the letters KDPA, then as ints the version 1,
     * batch, heads, n and d_v, then as doubles in row-major order all references, all sums and all values.
     *
     * @throws IllegalStateException if they are more than an array can have
     */
    public byte[] toBytes() {
        if (byteSize() > LARGEST_ARRAY) {
            throw new IllegalStateException("bytes of partial attention must be at most " + LARGEST_ARRAY
                    + ", but shape " + shape + " needs " + byteSize() + "; cut it by heads or rows");
        }
        ByteBuffer buffer = ByteBuffer.allocate((int) byteSize()).order(ByteOrder.LITTLE_ENDIAN);
        buffer.putInt(MAGIC).putInt(VERSION);
        buffer.putInt(shape.batch()).putInt(shape.heads()).putInt(shape.rows()).putInt(shape.columns());
        for (double[] array : arrays()) {
            buffer.asDoubleBuffer().put(array);
            buffer.position(buffer.position() + array.length * Double.BYTES);
        }
        return buffer.array();
    }

    /** Everything that is sent, in its order. */
    private List<double[]> arrays() {
        return List.of(state.references(), state.sums(), state.values());
    }

    /** Checks what came from outside; every sum of merges of what passes here passes too. */
    private void check(String referenceName, String valueName) {
        int dv = shape.columns();
        double[] references = state.references();
        double[] sums = state.sums();
        double[] values = state.values();
        for (int row = 0; row < sums.length; row++) {
            boolean empty = references[row] == Double.NEGATIVE_INFINITY;
            if (!empty && !(Math.abs(references[row]) <= Float.MAX_VALUE)) {
                throw refusal(referenceName + " must be within float32 or -Infinity", references[row], row);
            }
            if (empty ? sums[row] != 0 : !(sums[row] >= 1 && sums[row] <= LARGEST_SUM)) {
                throw refusal(empty ? "sum must be 0 where the reference is -Infinity"
                        : "sum must be between 1 and 2^100", sums[row], row);
            }
            for (int c = row * dv; c < (row + 1) * dv; c++) {
                if (empty ? values[c] != 0 : !Float.isFinite((float) (values[c] / sums[row]))) {
                    throw refusal(valueName + (empty ? " must be 0 where the reference is -Infinity"
                            : " must be finite, within float32 times the sum"), values[c], row);
                }
            }
        }
    }

    private IllegalArgumentException refusal(String rule, double found, int row) {
        int head = row / shape.rows();
        return new IllegalArgumentException(rule + ", got " + found + " in row " + row % shape.rows() + " of head "
                + head % shape.heads() + " of batch item " + head / shape.heads());
    }

    @Override
    public String toString() {
        return "PartialAttention" + shape;
    }
}
