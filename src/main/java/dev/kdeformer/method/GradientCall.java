package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Tensor;

/**
 * A checked call for gradients.
 *
 * @param forward        the input, with the saved output and log-sum-exp
 * @param outputGradient gradient of the loss by the output
 * @param dQuery         receives the gradient by the queries
 * @param dKey           receives the gradient by the keys
 * @param dValue         receives the gradient by the values
 * @param biases         receives gradients by biases
 */
public record GradientCall(Call forward, Tensor outputGradient, Tensor dQuery, Tensor dKey, Tensor dValue,
        BiasGradients biases) {
    /** What the output was computed from. */
    public AttentionInput input() {
        return forward.input();
    }

    /** The threads of the call. */
    public Team team() {
        return forward.team();
    }
}
