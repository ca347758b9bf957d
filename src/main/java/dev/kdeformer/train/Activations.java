package dev.kdeformer.train;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** What a layer's forward pass leaves for its backward pass. */
final class Activations {
    /** Normalised rows, queries, keys, values, the stream between attention and MLP, and gates with values. */
    static final class Inner {
        final float[] firstInverse;
        final float[] query;
        final float[] key;
        final float[] value;
        final float[] middle;
        final float[] secondInverse;
        final float[] gateUp;

        Inner(ModelShape shape, int rows) {
            firstInverse = new float[rows];
            query = floats(rows, shape.queryColumns());
            key = floats(rows, shape.keyColumns());
            value = floats(rows, shape.keyColumns());
            middle = floats(rows, shape.width());
            secondInverse = new float[rows];
            gateUp = floats(rows, 2 * shape.hidden());
        }

        static double floatsPerRow(ModelShape shape) {
            return 2 + shape.queryColumns() + 2.0 * shape.keyColumns() + shape.width() + 2.0 * shape.hidden();
        }
    }

    /** The layer's input. */
    final float[] input;
    /** The output of attention, which is kept when the rest is computed again: it costs the square of the length. */
    final float[] attended;
    final float[] logSumExp;
    final Inner inner;

    /**
     * What a layer keeps of so many rows.
     *
     * @param inner what layers that are computed again share
     */
    Activations(ModelShape shape, int rows, Inner inner) {
        this.input = floats(rows, shape.width());
        this.attended = floats(rows, shape.queryColumns());
        this.logSumExp = floats(rows, shape.heads());
        this.inner = inner;
    }

    static double floatsPerRow(ModelShape shape) {
        return shape.width() + (double) shape.queryColumns() + shape.heads();
    }

    static float[] floats(int rows, int columns) {
        try {
            return new float[Math.multiplyExact(rows, columns)];
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("at most " + Integer.MAX_VALUE / columns
                    + " tokens fit into a step, got "
                    + rows, e);
        }
    }

    /** Rows of activations, heads side by side, as a tensor (sequences, heads, length, features). */
    static Tensor heads(float[] x, int sequences, int length, int heads, int features) {
        long row = (long) heads * features;
        return Tensor.of(MemorySegment.ofArray(x), Shape.of(sequences, heads, length, features), length * row, features,
                row, 1);
    }

    AttentionInput attentionInput(ModelShape shape, int sequences, int length, Mask mask) {
        return AttentionInput.of(heads(inner.query, sequences, length, shape.heads(), shape.headFeatures()),
                heads(inner.key, sequences, length, shape.kvHeads(), shape.headFeatures()),
                heads(inner.value, sequences, length, shape.kvHeads(), shape.headFeatures())).withMask(mask);
    }

    Tensor attended(ModelShape shape, int sequences, int length) {
        return heads(attended, sequences, length, shape.heads(), shape.headFeatures());
    }

    /** The log-sum-exp, head by head. */
    Tensor logSumExp(ModelShape shape, int sequences, int length) {
        return Tensor.of(MemorySegment.ofArray(logSumExp), Shape.of(sequences, shape.heads(), length, 1));
    }
}
