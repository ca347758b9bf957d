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
    /** Nothing is at most this. */
    private static final float NONE_HIDE = Float.NaN;

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
        return largest(team, name, tensor, lengths, NONE_HIDE);
    }

    /**
     * The largest magnitude of biases of pairs that do not hide.
     *
     * @throws IllegalArgumentException naming the first bias that is NaN or +∞
     */
    static double largestOfPairs(Team team, Tensor tensor) {
        return tensor.shape().elements() == 0 ? 0
                : largest(team, "pair bias", tensor, null, AttentionInput.HIDING_BIAS);
    }

    /**
     * The largest magnitude of elements that do not hide.
     *
     * @param hiding what an element of this or less does
     */
    private static double largest(Team team, String name, Tensor tensor, AttentionInput lengths, float hiding) {
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
                top.accumulateAndGet(scan(tensor.matrix(batch, head % shape.heads()), from, to, hiding,
                        scratch.keep(Buffer.class, Buffer::new)), Math::max);
            }
        });
        if (top.get() >= INFINITY) {
            throw notFinite(name, tensor, lengths, hiding);
        }
        return Float.intBitsToFloat(top.get());
    }

    private static int rows(Tensor tensor, AttentionInput lengths, int batch) {
        int rows = tensor.shape().rows();
        return lengths == null ? rows : lengths.mask().keyLength(batch, rows);
    }

    /** The largest magnitude shown, as raw bits; not below those of infinity if an element is infinite or NaN. */
    private static int scan(Matrix matrix, int from, int to, float hiding, Buffer buffer) {
        int columns = matrix.columns();
        int lanes = INTS.length();
        // So few rows at a time that the first cache holds them between the copy and the look at them.
        int step = Math.max(1, IN_CACHE / columns);
        float[] rows = buffer.room(step * columns + lanes);
        FloatVector hides = FloatVector.broadcast(FLOATS, hiding);
        IntVector top = IntVector.zero(INTS);
        for (int row = from; row < to; row += step) {
            int end = Math.min(to, row + step);
            int length = (end - row) * columns;
            matrix.readRows(row, end, rows, 0, columns);
            Arrays.fill(rows, length, length + lanes, 0);
            for (int i = 0; i < length; i += lanes) {
                FloatVector x = FloatVector.fromArray(FLOATS, rows, i);
                x = x.blend(0, x.compare(VectorOperators.LE, hides));
                top = top.max(x.reinterpretAsInts().and(0x7fff_ffff));
            }
        }
        return top.reduceLanes(VectorOperators.MAX);
    }

    private static IllegalArgumentException notFinite(String name, Tensor tensor, AttentionInput lengths,
            float hiding) {
        String words = name + " must be finite" + (Float.isNaN(hiding) ? "" : " or -Infinity");
        Shape shape = tensor.shape();
        for (int batch = 0; batch < shape.batch(); batch++) {
            int rows = rows(tensor, lengths, batch);
            for (int head = 0; head < shape.heads(); head++) {
                Matrix matrix = tensor.matrix(batch, head);
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < matrix.columns(); c++) {
                        float x = matrix.get(r, c);
                        if (!Float.isFinite(x) && !(x <= hiding)) {
                            return new IllegalArgumentException(words + ", got " + x + " at (batch " + batch
                                    + ", head " + head + ", row " + r + ", column " + c + ")");
                        }
                    }
                }
            }
        }
        return new IllegalArgumentException(words + " and must not change during the call");
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
