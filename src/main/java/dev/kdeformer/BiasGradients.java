package dev.kdeformer;

import dev.kdeformer.tensor.Tensor;
import java.util.Objects;

/**
 * Where gradients by what is added to logits go, for those who want them beside the gradients by queries, keys and
 * values. An immutable value; what it receives is overwritten.
 */
public final class BiasGradients {
    private static final BiasGradients NONE = new BiasGradients(null, null, null);

    private final Tensor pairs;
    private final float[] parameters;
    private final float[] sinks;

    private BiasGradients(Tensor pairs, float[] parameters, float[] sinks) {
        this.pairs = pairs;
        this.parameters = parameters;
        this.sinks = sinks;
    }

    /** Nothing is wanted. */
    public static BiasGradients none() {
        return NONE;
    }

    /**
     * Returns the same with the gradient by a bias of every pair of a query and a key, whether the input has such a
     * bias or not, summed where a size is 1: the gradient by a dense bias of that shape.
     *
     * @param target receives (batch or 1, heads or 1, n or 1, m), float32
     */
    public BiasGradients withPairs(Tensor target) {
        return new BiasGradients(Objects.requireNonNull(target, "target"), parameters, sinks);
    }

    /**
     * Returns the same with the gradient by the {@link PairBias#parameters parameters} of the input's bias per pair,
     * such as the entries of a table of distances, head by head.
     *
     * @param target receives a number for each parameter
     */
    public BiasGradients withParameters(float[] target) {
        return new BiasGradients(pairs, Objects.requireNonNull(target, "target"), sinks);
    }

    /**
     * Returns the same with the gradient by the input's sinks.
     *
     * @param target receives a number for each query head
     */
    public BiasGradients withSinks(float[] target) {
        return new BiasGradients(pairs, parameters, Objects.requireNonNull(target, "target"));
    }

    /** Receives the gradient by pairs, or null. */
    public Tensor pairs() {
        return pairs;
    }

    /** Receives the gradient by parameters, or null. */
    public float[] parameters() {
        return parameters;
    }

    /** Receives the gradient by sinks, or null. */
    public float[] sinks() {
        return sinks;
    }
}
