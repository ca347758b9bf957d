package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.kernel.WarmUp;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.tensor.Tensor;

/**
 * The frame of every method: it checks all arguments, takes threads and scratch memory from the engine, and gives them
 * back whatever happens. A method only supplies {@link #run}.
 */
public abstract class MethodBase implements AttentionMethod {
    @Override
    public final Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        Checks.outputs(engine, input, output, logSumExp);
        if (input.mask().hasWindow() && !takesWindow()) {
            throw new IllegalArgumentException("method " + name() + " takes no sliding window, got " + input.mask()
                    + "; method exact does");
        }
        checkSupported(input);
        WarmUp.before(input.outputShape().elements(), input.keys());
        Crew crew = engine.begin();
        try {
            Checks.elements(crew, input);
            return run(new Call(input, output, logSumExp, crew));
        } finally {
            engine.end(crew);
        }
    }

    /** Whether the method takes masks with a sliding window. */
    protected boolean takesWindow() {
        return false;
    }

    /**
     * Refuses input that the method cannot do.
     *
     * @throws IllegalArgumentException with the reason
     */
    protected void checkSupported(AttentionInput input) {
    }

    /** Computes the output of a checked call. */
    protected abstract Statistics run(Call call);
}
