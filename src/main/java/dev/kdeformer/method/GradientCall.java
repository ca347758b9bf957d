package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.InputGradients;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Tensor;

/**
 * A checked call for gradients.
 *
 * @param forward        the input, with the saved output and log-sum-exp
 * @param outputGradient gradient of the loss by the output
 * @param gradients      receives the gradients by queries, keys and values
 * @param biases         receives gradients by biases
 */
public record GradientCall(Call forward, Tensor outputGradient, InputGradients gradients, BiasGradients biases) {
    /** The same call without the sinks of its input, which the saved output and log-sum-exp have nevertheless. */
    public GradientCall leavingSinks() {
        return new GradientCall(forward.leavingSinks(), outputGradient, gradients, biases);
    }

    /** What the output was computed from. */
    public AttentionInput input() {
        return forward.input();
    }

    /** What receives the gradient by the queries. */
    public Tensor dQuery() {
        return gradients.dQuery();
    }

    /** What receives the gradient by the keys. */
    public Tensor dKey() {
        return gradients.dKey();
    }

    /** What receives the gradient by the values. */
    public Tensor dValue() {
        return gradients.dValue();
    }

    /** The threads of the call. */
    public Team team() {
        return forward.team();
    }
}
