package dev.kdeformer.rivals;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/** Packs a selection of a head's keys, or rows of a method's own, for the kernels. */
final class Selection {
    private Selection() {
    }

    /** Keys, values and biases of {@code rows}, the keys centred, in {@code scratch}. */
    static PackedKeys pack(KeyHead head, int[] rows, float scale, float[] centre, Scratch scratch) {
        int d = head.key().columns();
        PackedKeys packed = new PackedKeys(scratch, rows.length, d, head.value().columns(), LogitScale.of(scale));
        long order = scratch.ints(rows, 0, rows.length);
        scratch.keep(Packer.class, Packer::new).pack(packed, 0, rows.length,
                head.source(order, Centring.of(centre)));
        return packed;
    }

    /** Rows of a method's own as keys, values and biases. */
    static PackedKeys pack(float[] keys, float[] values, float[] bias, int count, float scale, Scratch scratch) {
        int d = keys.length / count;
        int dv = values.length / count;
        PackedKeys packed = new PackedKeys(scratch, count, d, dv, LogitScale.of(scale));
        scratch.keep(Packer.class, Packer::new).pack(packed, 0, count,
                new KeySource(matrix(keys, count), matrix(values, count), matrix(bias, 1), 0, Centring.NONE));
        return packed;
    }

    /** An array as a matrix, without copying. */
    static Matrix matrix(float[] elements, int rows) {
        return Tensor.of(MemorySegment.ofArray(elements), Shape.of(rows, elements.length / rows)).matrix(0, 0);
    }

    /** The elements of {@code from} at the given positions. */
    static int[] at(int[] from, int[] positions) {
        int[] result = new int[positions.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = from[positions[i]];
        }
        return result;
    }

    /** Checks an option. */
    static int atLeast(String name, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(name + " must be at least " + least + ", got " + value);
        }
        return value;
    }

    /** A number of an option that must lie in [least, most]. */
    static int between(String name, int value, int least, int most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(name + " must be between " + least + " and " + most + ", got " + value);
        }
        return value;
    }
}
