package dev.kdeformer.cli.input;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;

/** Queries, keys and values of independent standard normal elements, for when only speed matters. */
public final class RandomInput {
    private RandomInput() {
    }

    /**
     * Draws an input.
     *
     * @param arena owns the tensors
     * @param shape of queries, keys and values alike, a batch of 1
     */
    public static NamedInput of(Arena arena, Shape shape, long seed) {
        return of(arena, shape, shape, shape, seed);
    }

    /** Draws an input of queries, keys and values of these shapes. */
    public static NamedInput of(Arena arena, Shape query, Shape key, Shape value, long seed) {
        AttentionInput input = AttentionInput.of(normal(arena, query, seed, 0), normal(arena, key, seed, 1),
                normal(arena, value, seed, 2));
        return new NamedInput("random", "independent standard normal elements", 4, input);
    }

    private static Tensor normal(Arena arena, Shape shape, long seed, int which) {
        Tensor tensor = Tensor.allocate(arena, shape);
        CounterRandom random = CounterRandom.of(seed).stream(which);
        float[] row = new float[shape.columns()];
        long at = 0;
        for (int h = 0; h < shape.heads(); h++) {
            Matrix head = tensor.matrix(0, h);
            for (int i = 0; i < shape.rows(); i++) {
                for (int c = 0; c < row.length; c++) {
                    row[c] = (float) random.gaussian(at++);
                }
                head.writeRow(i, row, 0);
            }
        }
        return tensor;
    }
}
