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
    /** Output elements times keys above which a first call takes longer than compiling the kernels. */
    private static final double WARM_UP_WORK = 1L << 28;

    @Override
    public final Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        Checks.outputs(engine, input, output, logSumExp);
        checkSupported(input);
        if (input.outputShape().elements() * (double) input.keys() > WARM_UP_WORK) {
            WarmUp.once();
        }
        Crew crew = engine.begin();
        try {
            Checks.elements(crew, input);
            return run(new Call(input, output, logSumExp, crew));
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

    /** Computes the output of a checked call. */
    protected abstract Statistics run(Call call);
}
