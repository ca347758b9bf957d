package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The largest magnitudes of several tensors, found by all threads at once: on short sequences the threads' coming
 * together for each tensor by itself would take longer than the look at it.
 */
final class Magnitudes {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int CHUNK = 1 << 16;
    private static final int IN_CACHE = 1 << 12;
    /** Bits of the least magnitude that is not finite. */
    private static final int INFINITY = 0x7f80_0000;

    /**
     * A tensor.
     *
     * @param name    for messages
     * @param tensor  the elements
     * @param lengths whose key lengths leave rows out, or null
     */
    record Named(String name, Tensor tensor, AttentionInput lengths) {
        private int chunkRows() {
            return Math.max(1, CHUNK / tensor.shape().columns());
        }

        private int chunks() {
            return Math.ceilDiv(tensor.shape().rows(), chunkRows());
        }

        private long tasks() {
            return (long) tensor.shape().batch() * tensor.shape().heads() * chunks();
        }

        private int rows(int batch) {
            int rows = tensor.shape().rows();
            return lengths == null ? rows : lengths.mask().keyLength(batch, rows);
        }
    }

    private Magnitudes() {
    }

    /** Queries, keys and values. */
    static Named[] named(AttentionInput input) {
        return new Named[] {new Named("query", input.query(), null), new Named("key", input.key(), input),
            new Named("value", input.value(), input)};
    }

    /**
     * The largest magnitude of each tensor's elements.
     *
     * @throws IllegalArgumentException naming the first element of the first tensor that is not finite
     */
    static double[] of(Team team, Named... tensors) {
        int[] first = new int[tensors.length];
        long count = 0;
        long elements = 0;
        for (int t = 0; t < tensors.length; t++) {
            Checks.numbers(tensors[t].name, tensors[t].tensor);
            first[t] = (int) count;
            count += tensors[t].tasks();
            elements += tensors[t].tensor.shape().elements();
            if (count > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(tensors[t].name + " is too large, got shape "
                        + tensors[t].tensor.shape());
            }
        }
        AtomicIntegerArray top = new AtomicIntegerArray(tensors.length);
        Team runner = elements < 4 * CHUNK ? team.alone(team.scratch()) : team;
        runner.forEach((int) count, (index, scratch) -> {
            int t = tensors.length - 1;
            while (index < first[t]) {
                t--;
            }
            int bits = chunk(tensors[t], index - first[t], scratch.keep(RowBuffer.class, RowBuffer::new));
            top.accumulateAndGet(t, bits, Math::max);
        });
        double[] largest = new double[tensors.length];
        for (int t = 0; t < tensors.length; t++) {
            if (top.get(t) >= INFINITY) {
                throw notFinite(tensors[t]);
            }
            largest[t] = Float.intBitsToFloat(top.get(t));
        }
        return largest;
    }

    private static int chunk(Named named, int index, RowBuffer buffer) {
        int chunks = named.chunks();
        int heads = named.tensor.shape().heads();
        int batch = index / chunks / heads;
        int from = index % chunks * named.chunkRows();
        int to = Math.min(named.rows(batch), from + named.chunkRows());
        return from < to ? scan(named.tensor.matrix(batch, index / chunks % heads), from, to, buffer) : 0;
    }

    /** The largest magnitude as raw bits; not below those of infinity if an element is infinite or NaN. */
    private static int scan(Matrix matrix, int from, int to, RowBuffer buffer) {
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

    private static IllegalArgumentException notFinite(Named named) {
        Shape shape = named.tensor.shape();
        for (int batch = 0; batch < shape.batch(); batch++) {
            for (int head = 0; head < shape.heads(); head++) {
                Matrix matrix = named.tensor.matrix(batch, head);
                for (int r = 0; r < named.rows(batch); r++) {
                    for (int c = 0; c < matrix.columns(); c++) {
                        if (!Float.isFinite(matrix.get(r, c))) {
                            return new IllegalArgumentException(named.name + " must be finite, got " + matrix.get(r, c)
                                    + " at (batch " + batch + ", head " + head + ", row " + r + ", column " + c + ")");
                        }
                    }
                }
            }
        }
        return new IllegalArgumentException(named.name + " must be finite and must not change during the call");
    }
}
