package dev.kdeformer;

import dev.kdeformer.tensor.Tensor;

/**
 * The gradients of an {@link AttentionMethod} by queries, keys and values, from its saved output and log-sum-exp. An
 * immutable value that may be used from many threads at once; results do not depend on the number of threads, and
 * memory is linear in queries and keys.
 *
 * <p>A method that approximates chooses which keys each query meets from the queries, keys and values themselves, in
 * steps. Its gradient is that of the function with the choice held fixed; each method says what that means. The choice
 * is made again from the same input and options, never stored, so options and seed must be those of the forward call.
 */
public interface AttentionGradient {
    /**
     * Computes the gradients by queries, keys and values.
     *
     * @param engine         threads and scratch memory
     * @param input          what the output was computed from
     * @param output         the saved output, (batch, heads, n, d_v)
     * @param logSumExp      the saved log-sum-exp, (batch, heads, n, 1), natural logarithm; gradients mean nothing if
     *                       it is not what the method gave for {@code input}
     * @param outputGradient gradient of the loss by the output, (batch, heads, n, d_v)
     * @param gradients      receives the gradients, in the shapes of queries, keys and values
     * @throws IllegalArgumentException if a shape does not fit, memory that is written overlaps other memory, an
     *                                  element is not finite, gradients might leave float32, or the method cannot do
     *                                  the mask; nothing is written then
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted; the gradients are
     *                                  undefined then and the interrupt flag stays set
     */
    void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            InputGradients gradients);

    /**
     * The same with gradients by what is added to logits. Every gradient has those by sinks, −p · D summed over all
     * queries with p the weight of the sink and D = dO·O; that of exact attention has the others too.
     *
     * @param biases receives them
     * @throws IllegalArgumentException if what receives them does not fit, or the method has no gradient by something
     *                                  that is wanted; otherwise as above
     * @see #apply(Engine, AttentionInput, Tensor, Tensor, Tensor, InputGradients)
     */
    void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            InputGradients gradients, BiasGradients biases);

    /**
     * Returns the function that this is the gradient of, with the choices that the method makes for {@code input}.
     *
     * @throws IllegalArgumentException if the input holds NaN or infinity, or the method cannot do the mask
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     */
    FixedFunction fixed(Engine engine, AttentionInput input);

    /**
     * What a call would need.
     *
     * @param threads number of threads that the engine would use
     */
    AttentionMethod.Estimate estimate(AttentionInput input, int threads);
}
