package dev.kdeformer.peers;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.Arrays;
import java.util.List;

/** The order of elements that the peers want, and direct buffers over it. */
final class Layout {
    private Layout() {
    }

    /**
     * The rows of a tensor in the order (batch, heads, rows), every head repeated until there are {@code heads}. The
     * tensor's own memory where it has that order already.
     *
     * @throws UnsupportedOperationException if the elements do not fit in a direct buffer
     */
    static FloatBuffer byHead(Arena arena, Tensor tensor, int heads) {
        Shape s = tensor.shape();
        boolean inOrder = tensor.columnStride() == 1 && tensor.rowStride() == s.columns()
                && (s.heads() == 1 || tensor.headStride() == (long) s.rows() * s.columns())
                && (s.batch() == 1 || tensor.batchStride() == (long) s.heads() * s.rows() * s.columns());
        if (inOrder && s.heads() == heads && tensor.segment().isNative()) {
            return buffer(tensor.segment(), s.elements());
        }
        return copy(arena, tensor, heads, (long) s.rows() * s.columns(), s.columns());
    }

    /**
     * The rows of a tensor in the order (batch, rows, heads), every head repeated until there are {@code heads}.
     *
     * @throws UnsupportedOperationException if the elements do not fit in a direct buffer
     */
    static FloatBuffer byRow(Arena arena, Tensor tensor, int heads) {
        int columns = tensor.shape().columns();
        return heads == 1 ? byHead(arena, tensor, heads) : copy(arena, tensor, heads, columns, (long) heads * columns);
    }

    private static FloatBuffer copy(Arena arena, Tensor tensor, int heads, long headStride, long rowStride) {
        Shape s = tensor.shape();
        long elements = (long) s.batch() * heads * s.rows() * s.columns();
        MemorySegment copy = allocate(arena, elements);
        float[] values = new float[s.columns()];
        for (int b = 0; b < s.batch(); b++) {
            for (int h = 0; h < heads; h++) {
                Matrix from = tensor.matrix(b, h / (heads / s.heads()));
                long at = (long) b * heads * s.rows() * s.columns() + h * headStride;
                for (int row = 0; row < s.rows(); row++) {
                    from.readRow(row, values, 0);
                    MemorySegment.copy(values, 0, copy, ValueLayout.JAVA_FLOAT, (at + row * rowStride) * Float.BYTES,
                            values.length);
                }
            }
        }
        return buffer(copy, elements);
    }

    /** New memory for the output, (batch, heads, n, d_v) floats in an order of the caller's choice. */
    static FloatBuffer output(Arena arena, AttentionInput input) {
        long elements = input.outputShape().elements();
        return buffer(allocate(arena, elements), elements);
    }

    /** Copies an output in the order (batch, heads, rows). */
    static void copyByHead(MemorySegment source, Tensor output) {
        Shape s = output.shape();
        copy(Tensor.of(source, s), output);
    }

    /** Copies an output in the order (batch, rows, heads). */
    static void copyByRow(MemorySegment source, Tensor output) {
        Shape s = output.shape();
        long row = (long) s.heads() * s.columns();
        copy(Tensor.of(source, s, row * s.rows(), s.columns(), row, 1), output);
    }

    private static void copy(Tensor from, Tensor to) {
        Shape s = to.shape();
        float[] values = new float[s.columns()];
        for (int b = 0; b < s.batch(); b++) {
            for (int h = 0; h < s.heads(); h++) {
                Matrix source = from.matrix(b, h);
                Matrix target = to.matrix(b, h);
                for (int row = 0; row < s.rows(); row++) {
                    source.readRow(row, values, 0);
                    target.writeRow(row, values, 0);
                }
            }
        }
    }

    /**
     * Biases per pair and mask as summands of the logits, (batch or 1, heads or 1, n, m): −∞ where a key is hidden.
     *
     * @throws UnsupportedOperationException if the elements do not fit in a direct buffer
     */
    static Feed summands(Arena arena, String name, AttentionInput input) {
        int n = input.queries();
        int m = input.keys();
        PairBias bias = input.pairBias();
        List<Tensor> tensors = bias == null ? List.of() : bias.tensors();
        // One tensor is the biases themselves, and says what they share; no kind of bias that is made is of few items.
        int batch = input.mask().hasKeyLengths() ? input.batch()
                : tensors.stream().mapToInt(tensor -> tensor.shape().batch()).max().orElse(1);
        int heads = bias == null ? 1 : tensors.size() == 1 ? tensors.get(0).shape().heads() : input.heads();
        long floats = (long) batch * heads * n * m;
        MemorySegment summands = allocate(arena, floats);
        float[] row = new float[m];
        for (long at = 0; at < (long) batch * heads * n; at++) {
            int b = (int) (at / n / heads);
            int i = (int) (at % n);
            Arrays.fill(row, 0);
            if (bias != null) {
                bias.fill(new PairBias.Piece(b, (int) (at / n % heads), i, 1, 0, m), row, m);
            }
            int end = input.mask().endKey(b, i, n, m);
            for (int j = 0; j < m; j++) {
                row[j] = j >= end || row[j] <= AttentionInput.HIDING_BIAS ? Float.NEGATIVE_INFINITY : row[j];
            }
            MemorySegment.copy(row, 0, summands, ValueLayout.JAVA_FLOAT, at * m * Float.BYTES, m);
        }
        return new Feed(name, buffer(summands, floats), batch, heads, n, m);
    }

    /** Whole numbers. */
    static IntBuffer numbers(Arena arena, int... numbers) {
        MemorySegment copy = arena.allocate((long) numbers.length * Integer.BYTES, 64);
        MemorySegment.copy(numbers, 0, copy, ValueLayout.JAVA_INT, 0, numbers.length);
        return copy.asByteBuffer().order(ByteOrder.nativeOrder()).asIntBuffer();
    }

    private static MemorySegment allocate(Arena arena, long floats) {
        checkSize(floats);
        return arena.allocate(floats * Float.BYTES, 64);
    }

    private static FloatBuffer buffer(MemorySegment segment, long floats) {
        checkSize(floats);
        return segment.asSlice(0, floats * Float.BYTES).asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer();
    }

    private static void checkSize(long floats) {
        if (floats > Integer.MAX_VALUE / Float.BYTES) {
            throw new UnsupportedOperationException("a tensor of " + floats
                    + " floats is more than the 2 GiB that fit in a Java buffer");
        }
    }
}
