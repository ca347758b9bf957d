package dev.kdeformer.train;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.DifferentiableMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputGradients;
import dev.kdeformer.tensor.Tensor;
import java.util.Collections;
import java.util.List;
import java.util.Objects;

/**
 * The attention of every layer of a model, with gradients where there are any, and the time that it takes. Made for one
 * thread.
 */
public class ModelAttention {
    private final Engine engine;
    private final List<AttentionMethod> methods;
    private final AttentionGradient[] gradients;
    private double columns;
    private long calls;
    private long forwardNanos;
    private long backwardNanos;

    /** Attention with a method for each layer. */
    public ModelAttention(Engine engine, List<AttentionMethod> methods) {
        this.engine = Objects.requireNonNull(engine, "engine");
        this.methods = List.copyOf(methods);
        this.gradients = new AttentionGradient[methods.size()];
    }

    /** Attention with the same method in all layers. */
    public static ModelAttention same(Engine engine, AttentionMethod method, int layers) {
        return new ModelAttention(engine, Collections.nCopies(layers, method));
    }

    private AttentionGradient gradient(int layer) {
        if (gradients[layer] == null) {
            if (!(methods.get(layer) instanceof DifferentiableMethod differentiable)) {
                throw new IllegalStateException("method " + methods.get(layer).name() + " has no gradients");
            }
            gradients[layer] = differentiable.gradient();
        }
        return gradients[layer];
    }

    /** The method of a layer. */
    public AttentionMethod method(int layer) {
        return methods.get(layer);
    }

    /** Computes a layer's attention. */
    protected void forward(int layer, AttentionInput input, Tensor output, Tensor logSumExp) {
        long start = System.nanoTime();
        columns += methods.get(layer).apply(engine, input, output, logSumExp).columns();
        forwardNanos += System.nanoTime() - start;
        calls++;
    }

    /**
     * Computes a layer's gradients.
     *
     * @param into receives them
     * @throws IllegalStateException if the layer's method has none
     */
    void backward(int layer, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            InputGradients into) {
        AttentionGradient gradient = gradient(layer);
        long start = System.nanoTime();
        gradient.apply(engine, input, output, logSumExp, outputGradient, into);
        backwardNanos += System.nanoTime() - start;
    }

    /** Key evaluations per query, mean over all calls. */
    public double columns() {
        return columns / calls;
    }

    /** Nanoseconds spent in attention, forward. */
    public long forwardNanos() {
        return forwardNanos;
    }

    /** Nanoseconds spent in the gradients of attention. */
    public long backwardNanos() {
        return backwardNanos;
    }
}
