package dev.kdeformer;

import dev.kdeformer.tensor.Tensor;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * Where gradients by what is added to logits go, for those who want them beside the gradients by queries, keys and
 * values. An immutable value; what it receives is overwritten.
 */
public final class BiasGradients {
    private static final BiasGradients NONE = new BiasGradients(null, null, null, null, null);

    private final Tensor pairs;
    private final float[] parameters;
    private final float[] sinks;
    private final Tensor rows;
    private final Tensor columns;

    private BiasGradients(Tensor pairs, float[] parameters, float[] sinks, Tensor rows, Tensor columns) {
        this.pairs = pairs;
        this.parameters = parameters;
        this.sinks = sinks;
        this.rows = rows;
        this.columns = columns;
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
        return new BiasGradients(Objects.requireNonNull(target, "target"), parameters, sinks, rows, columns);
    }

    /**
     * Returns the same with the gradient by the {@link PairBias#parameters parameters} of the input's bias per pair,
     * such as the entries of a table of distances, head by head.
     *
     * @param target receives a number for each parameter
     */
    public BiasGradients withParameters(float[] target) {
        return new BiasGradients(pairs, Objects.requireNonNull(target, "target"), sinks, rows, columns);
    }

    /**
     * Returns the same with the gradient by the input's sinks.
     *
     * @param target receives a number for each query head
     */
    public BiasGradients withSinks(float[] target) {
        return new BiasGradients(pairs, parameters, Objects.requireNonNull(target, "target"), rows, columns);
    }

    /**
     * Returns the same with the gradient by the two parts of a {@link PairBias#decomposed} bias over a grid of keys,
     * whether the input has such a bias or not, summed where a size is 1. Computing it takes memory for up to 16 times
     * 9,600 queries and height + width numbers.
     *
     * @param ofRows    receives (batch or 1, heads or 1, n, height), float32
     * @param ofColumns receives (batch or 1, heads or 1, n, width), float32; height · width are the keys
     */
    public BiasGradients withGrid(Tensor ofRows, Tensor ofColumns) {
        return new BiasGradients(pairs, parameters, sinks, Objects.requireNonNull(ofRows, "ofRows"),
                Objects.requireNonNull(ofColumns, "ofColumns"));
    }

    /** Receives the gradient by the rows' part of a bias over a grid, or null. */
    public Tensor rows() {
        return rows;
    }

    /** Receives the gradient by the columns' part of a bias over a grid, or null. */
    public Tensor columns() {
        return columns;
    }

    /** Returns the tensors among what receives gradients. */
    public List<Tensor> tensors() {
        return Stream.of(pairs, rows, columns).filter(Objects::nonNull).toList();
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
