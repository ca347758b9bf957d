package dev.kdeformer.exact;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.Engine;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.InputGradients;
import dev.kdeformer.exact.tiled.TiledGradient;
import dev.kdeformer.method.GradientFrame;
import dev.kdeformer.tensor.Tensor;

/**
 * Gradients of exact attention from its saved output and log-sum-exp (Dao 2023, FlashAttention-2, the backward pass):
 * time 2·n·m·(3d + 2d_v), memory linear in n and m. Every mask, bias, grouping and shape that exact attention takes.
 *
 * <p>With weights P = softmax(scale · Q Kᵀ + bias + mask), the gradient dO of some loss by the output, and
 * D the row sums of dO ∘ O:
 * <pre>
 *   dV = Pᵀ dO        S = P ∘ (dO Vᵀ − D)        dQ = scale · S K        dK = scale · Sᵀ Q
 * </pre>
 * Query heads that share a key head add up in dK and dV. A query that sees no key gets a gradient of zeros, and so do
 * keys and values that no query sees, padding included.
 */
public final class ExactGradient implements AttentionGradient {
    private final GradientFrame frame = new GradientFrame(new TiledGradient());

    private ExactGradient() {
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    public void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            InputGradients gradients) {
        frame.apply(engine, input, output, logSumExp, outputGradient, gradients);
    }

    /**
     * The same with gradients by biases per pair, by their parameters, by the parts of a grid and by sinks: the
     * derivative by the bias of a pair is S of the class comment, that by a sink −p · D with p its weight. Where more
     * than sinks is wanted, heads are computed one after the other, each by all threads.
     *
     * @param biases receives them
     * @throws IllegalArgumentException if what receives them does not fit; otherwise as above
     * @see #apply(Engine, AttentionInput, Tensor, Tensor, Tensor, InputGradients)
     */
    @Override
    public void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            InputGradients gradients, BiasGradients biases) {
        frame.apply(engine, input, output, logSumExp, outputGradient, gradients, biases);
    }

    @Override
    public FixedFunction fixed(Engine engine, AttentionInput input) {
        return frame.fixed(engine, input);
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        return frame.estimate(input, threads);
    }

    /** Options of the gradient; there are none. */
    public static final class Builder {
        private Builder() {
        }

        /** The gradient. */
        public ExactGradient build() {
            return new ExactGradient();
        }
    }
}
