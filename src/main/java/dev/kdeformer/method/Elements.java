package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The largest magnitudes of tensors' elements, and refusals of elements that are not finite. */
final class Elements {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int CHUNK = 1 << 16;
    private static final int IN_CACHE = 1 << 12;
    /** Bits of the least magnitude that is not finite. */
    private static final int INFINITY = 0x7f80_0000;

    private Elements() {
    }

    /**
     * The largest magnitude of a tensor's elements.
     *
     * @param lengths whose key lengths leave rows out, or null
     * @throws IllegalArgumentException naming the first element that is not finite
     */
    static double largest(Team team, String name, Tensor tensor, AttentionInput lengths) {
        Checks.numbers(name, tensor);
        Shape shape = tensor.shape();
        int chunkRows = Math.max(1, CHUNK / shape.columns());
        int chunks = Math.ceilDiv(shape.rows(), chunkRows);
        long count = (long) shape.batch() * shape.heads() * chunks;
        if (count > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(name + " is too large, got shape " + shape);
        }
        AtomicInteger top = new AtomicInteger();
        Team runner = shape.elements() < 4 * CHUNK ? team.alone(team.scratch()) : team;
        runner.forEach((int) count, (index, scratch) -> {
            int head = index / chunks;
            int batch = head / shape.heads();
            int from = index % chunks * chunkRows;
            int to = Math.min(rows(tensor, lengths, batch), from + chunkRows);
            if (from < to) {
                top.accumulateAndGet(scan(tensor.matrix(batch, head % shape.heads()), from, to,
                        scratch.keep(Buffer.class, Buffer::new)), Math::max);
            }
        });
        if (top.get() >= INFINITY) {
            throw notFinite(name, tensor, lengths);
        }
        return Float.intBitsToFloat(top.get());
    }

    private static int rows(Tensor tensor, AttentionInput lengths, int batch) {
        int rows = tensor.shape().rows();
        return lengths == null ? rows : lengths.mask().keyLength(batch, rows);
    }

    /** The largest magnitude as raw bits; not below those of infinity if an element is infinite or NaN. */
    private static int scan(Matrix matrix, int from, int to, Buffer buffer) {
        int columns = matrix.columns();
        int lanes = INTS.length();
        // So few rows at a time that the first cache holds them between the copy and the look at them.
        int step = Math.max(1, IN_CACHE / columns);
        float[] rows = buffer.room(step * columns + lanes);
        IntVector top = IntVector.zero(INTS);
        for (int row = from; row < to; row += step) {
            int end = Math.min(to, row + step);
            int length = (end - row) * columns;
            matrix.readRows(row, end, rows, 0, columns);
            Arrays.fill(rows, length, length + lanes, 0);
            for (int i = 0; i < length; i += lanes) {
                IntVector bits = FloatVector.fromArray(FLOATS, rows, i).reinterpretAsInts();
                top = top.max(bits.and(0x7fff_ffff));
            }
        }
        return top.reduceLanes(VectorOperators.MAX);
    }

    private static IllegalArgumentException notFinite(String name, Tensor tensor, AttentionInput lengths) {
        Shape shape = tensor.shape();
        for (int batch = 0; batch < shape.batch(); batch++) {
            int rows = rows(tensor, lengths, batch);
            for (int head = 0; head < shape.heads(); head++) {
                Matrix matrix = tensor.matrix(batch, head);
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < matrix.columns(); c++) {
                        if (!Float.isFinite(matrix.get(r, c))) {
                            return new IllegalArgumentException(name + " must be finite, got " + matrix.get(r, c)
                                    + " at (batch " + batch + ", head " + head + ", row " + r + ", column " + c + ")");
                        }
                    }
                }
            }
        }
        return new IllegalArgumentException(name + " must be finite and must not change during the call");
    }

    /**
     * The largest magnitude of biases of pairs that do not hide.
     *
     * @throws IllegalArgumentException naming the first row with a bias that is NaN or +∞
     */
    static double largestOfPairs(Team team, Tensor tensor) {
        Shape shape = tensor.shape();
        if (shape.elements() == 0) {
            return 0;
        }
        int chunkRows = Math.max(1, CHUNK / shape.columns());
        int chunks = Math.ceilDiv(shape.rows(), chunkRows);
        AtomicInteger top = new AtomicInteger();
        team.forEach(Math.multiplyExact(Math.multiplyExact(shape.batch(), shape.heads()), chunks), (index, scratch) -> {
            Matrix matrix = tensor.matrix(index / chunks / shape.heads(), index / chunks % shape.heads());
            int from = index % chunks * chunkRows;
            int largest = scanPairs(matrix, from, Math.min(shape.rows(), from + chunkRows),
                    scratch.keep(Buffer.class, Buffer::new));
            top.accumulateAndGet(largest, Math::max);
        });
        if (top.get() >= INFINITY) {
            throw notFinitePair(tensor);
        }
        return Float.intBitsToFloat(top.get());
    }

    /** The largest magnitude of biases that do not hide, as raw bits like those of {@link #scan}. */
    private static int scanPairs(Matrix matrix, int from, int to, Buffer buffer) {
        int columns = matrix.columns();
        float[] piece = buffer.room(IN_CACHE + INTS.length());
        int top = 0;
        for (int row = from; row < to; row++) {
            for (int column = 0; column < columns; column += IN_CACHE) {
                int count = Math.min(IN_CACHE, columns - column);
                matrix.readPart(row, column, count, piece, 0);
                Arrays.fill(piece, count, count + INTS.length(), 0);
                top = Math.max(top, largestShown(piece, count));
            }
        }
        return top;
    }

    private static int largestShown(float[] biases, int count) {
        FloatVector hiding = FloatVector.broadcast(FLOATS, AttentionInput.HIDING_BIAS);
        FloatVector zero = FloatVector.zero(FLOATS);
        IntVector top = IntVector.zero(INTS);
        for (int i = 0; i < count; i += FLOATS.length()) {
            FloatVector x = FloatVector.fromArray(FLOATS, biases, i);
            x = x.blend(zero, x.compare(VectorOperators.LE, hiding));
            top = top.max(x.reinterpretAsInts().and(0x7fff_ffff));
        }
        return top.reduceLanes(VectorOperators.MAX);
    }

    private static IllegalArgumentException notFinitePair(Tensor tensor) {
        Shape shape = tensor.shape();
        for (int batch = 0; batch < shape.batch(); batch++) {
            for (int head = 0; head < shape.heads(); head++) {
                Matrix matrix = tensor.matrix(batch, head);
                for (int r = 0; r < shape.rows(); r++) {
                    for (int c = 0; c < shape.columns(); c++) {
                        float bias = matrix.get(r, c);
                        if (Float.isNaN(bias) || bias == Float.POSITIVE_INFINITY) {
                            return new IllegalArgumentException("pair bias must be finite or -Infinity, got " + bias
                                    + " at (batch " + batch + ", head " + head + ", row " + r + ", column " + c + ")");
                        }
                    }
                }
            }
        }
        return new IllegalArgumentException("pair bias must be finite or -Infinity and must not change during the "
                + "call");
    }

    /** The largest magnitude of biases of keys that do not hide. */
    static double largestOfKeys(AttentionInput input) {
        Checks.numbers("key bias", input.keyBias());
        Shape shape = input.keyBias().shape();
        float largest = 0;
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                Matrix bias = input.keyBias().matrix(b, h);
                for (int j = 0; j < shape.columns(); j++) {
                    float x = bias.get(0, j);
                    if (Float.isNaN(x) || x == Float.POSITIVE_INFINITY) {
                        throw new IllegalArgumentException("key bias must be finite or -Infinity, got " + x
                                + " at (batch " + b + ", head " + h + ", key " + j + ")");
                    }
                    if (x > AttentionInput.HIDING_BIAS) {
                        largest = Math.max(largest, Math.abs(x));
                    }
                }
            }
        }
        return largest;
    }

    /** A thread's buffer for rows. */
    private static final class Buffer {
        private float[] floats = new float[0];

        float[] room(int length) {
            if (floats.length < length) {
                floats = new float[length];
            }
            return floats;
        }
    }
}
