package dev.kdeformer.exact;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.Engine;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientChecks;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.tensor.Tensor;

/**
 * Gradients of exact attention from its saved output and log-sum-exp (Dao 2023, FlashAttention-2, the backward pass):
 * time 2·n·m·(3d + 2d_v), memory linear in n and m. Every mask, bias, grouping and shape that exact attention takes.
 * An immutable value that may be used from many threads at once; results do not depend on the number of threads.
 *
 * <p>With weights P = softmax(scale · Q Kᵀ + bias + mask), the gradient dO of some loss by the output, and
 * D the row sums of dO ∘ O:
 * <pre>
 *   dV = Pᵀ dO        S = P ∘ (dO Vᵀ − D)        dQ = scale · S K        dK = scale · Sᵀ Q
 * </pre>
 * Query heads that share a key head add up in dK and dV. A query that sees no key gets a gradient of zeros, and so do
 * keys and values that no query sees, padding included.
 */
public final class ExactGradient {
    private ExactGradient() {
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Computes the gradients by queries, keys and values.
     *
     * @param engine         threads and scratch memory
     * @param input          what the output was computed from
     * @param output         the saved output, (batch, heads, n, d_v)
     * @param logSumExp      the saved log-sum-exp, (batch, heads, n, 1), natural logarithm; gradients mean nothing if
     *                       it is not that of {@code input}
     * @param outputGradient gradient of the loss by the output, (batch, heads, n, d_v)
     * @param dQuery         receives (batch, heads, n, d)
     * @param dKey           receives (batch, kvHeads, m, d)
     * @param dValue         receives (batch, kvHeads, m, d_v)
     * @throws IllegalArgumentException if a shape does not fit, memory that is written overlaps other memory, an
     *                                  element is not finite, or gradients might leave float32; nothing is written then
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted; the gradients are
     *                                  undefined then and the interrupt flag stays set
     */
    public void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            Tensor dQuery, Tensor dKey, Tensor dValue) {
        GradientChecks checks = new GradientChecks(input, output, logSumExp, outputGradient);
        checks.tensors(engine, dQuery, dKey, dValue);
        Crew crew = engine.begin();
        try {
            checks.elements(crew);
            Call call = new Call(input, output, logSumExp, crew);
            HeadGradient.Tensors tensors = new HeadGradient.Tensors(outputGradient, dQuery, dKey, dValue);
            int units = call.keyHeads();
            crew.expect((long) units * HeadGradient.steps(input));
            if (units >= 4 * crew.threads()) {
                crew.forEach(units,
                        (unit, scratch) -> new HeadGradient(call, unit, tensors).run(crew.alone(scratch)));
            } else {
                for (int unit = 0; unit < units; unit++) {
                    new HeadGradient(call, unit, tensors).run(crew);
                }
            }
        } finally {
            engine.end(crew);
        }
    }

    /**
     * What a call would need.
     *
     * @param threads number of threads that the engine would use
     */
    public Estimate estimate(AttentionInput input, int threads) {
        int units = input.batch() * input.kvHeads();
        int atOnce = units >= 4 * threads ? threads : 1;
        double pairs = (double) input.batch() * input.heads() * input.queries() * ExactAttention.meanVisibleKeys(input);
        return new Estimate(atOnce * HeadGradient.bytes(input), 2 * pairs * (3.0 * input.d() + 2.0 * input.dv()));
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
