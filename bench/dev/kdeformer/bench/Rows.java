package dev.kdeformer.bench;

import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/** Random inputs of the benchmarks. */
final class Rows {
    private Rows() {
    }

    /** A tensor of normal elements. */
    static Tensor normal(Arena arena, Shape shape, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[Math.toIntExact(shape.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return Tensor.copyOf(arena, shape, values);
    }
}
