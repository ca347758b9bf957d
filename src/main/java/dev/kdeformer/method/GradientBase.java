package dev.kdeformer.method;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.kernel.WarmUp;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.tensor.Tensor;

/**
 * The frame of every gradient: it checks all arguments, takes threads and scratch memory from the engine, and gives
 * them back whatever happens. A gradient only supplies {@link #run}.
 */
public abstract class GradientBase implements AttentionGradient {
    @Override
    public final void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp,
            Tensor outputGradient, Tensor dQuery, Tensor dKey, Tensor dValue) {
        GradientChecks checks = new GradientChecks(input, output, logSumExp, outputGradient);
        checks.tensors(engine, dQuery, dKey, dValue);
        checkSupported(input);
        WarmUp.before(input.outputShape().elements(), input.keys());
        Crew crew = engine.begin();
        try {
            checks.elements(crew);
            run(new GradientCall(new Call(input, output, logSumExp, crew), outputGradient, dQuery, dKey, dValue));
        } finally {
            engine.end(crew);
        }
    }

    /**
     * Refuses input that the method cannot do.
     *
     * @throws IllegalArgumentException with the reason
     */
    protected void checkSupported(AttentionInput input) {
    }

    /** Computes the gradients of a checked call. */
    protected abstract void run(GradientCall call);
}
