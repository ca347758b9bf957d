package dev.kdeformer.method;

import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;

/** Copies of some rows of a head, as heads of their own. */
public final class Picked {
    private Picked() {
    }

    /**
     * Copies rows.
     *
     * @param rows of {@code source}, in any order
     * @return a tensor of one head, (1, 1, rows, columns)
     */
    public static Tensor rows(Arena arena, Matrix source, int... rows) {
        Tensor copy = Tensor.allocate(arena, Shape.of(rows.length, source.columns()));
        Matrix target = copy.matrix(0, 0);
        float[] row = new float[source.columns()];
        for (int i = 0; i < rows.length; i++) {
            source.readRow(rows[i], row, 0);
            target.writeRow(i, row, 0);
        }
        return copy;
    }
}
