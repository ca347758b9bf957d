package dev.kdeformer;

import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;

/**
 * Where the gradients by queries, keys and values go. What the tensors held before is overwritten.
 *
 * @param dQuery receives (batch, heads, n, d)
 * @param dKey   receives (batch, kvHeads, m, d)
 * @param dValue receives (batch, kvHeads, m, d_v)
 */
public record InputGradients(Tensor dQuery, Tensor dKey, Tensor dValue) {
    /**
     * Names three tensors. Whether their shapes fit is checked by the call that writes them.
     *
     * @throws NullPointerException if one is null
     */
    public InputGradients {
        Objects.requireNonNull(dQuery, "dQuery");
        Objects.requireNonNull(dKey, "dKey");
        Objects.requireNonNull(dValue, "dValue");
    }

    /** Returns the three in the order of their names. */
    public List<Tensor> tensors() {
        return List.of(dQuery, dKey, dValue);
    }

    /**
     * Allocates tensors of float32, all zeros, in the shapes that {@code input} asks for.
     *
     * @throws NullPointerException  if the arena or the input is null
     * @throws IllegalStateException if the arena is closed
     */
    public static InputGradients allocate(Arena arena, AttentionInput input) {
        return new InputGradients(Tensor.allocate(arena, input.query().shape()),
                Tensor.allocate(arena, input.key().shape()), Tensor.allocate(arena, input.value().shape()));
    }
}
