package dev.kdeformer.method;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.kernel.WarmUp;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Objects;

/**
 * The frame of every gradient: it checks all arguments, takes threads and scratch memory from the engine, and gives
 * them back whatever happens. A gradient supplies {@link #run} and the
 * function that it is of.
 */
public abstract class GradientBase implements AttentionGradient {
    @Override
    public final void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp,
            Tensor outputGradient, Tensor dQuery, Tensor dKey, Tensor dValue) {
        GradientChecks checks = new GradientChecks(input, output, logSumExp, outputGradient);
        checks.tensors(engine, dQuery, dKey, dValue);
        checkWindow(input);
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

    private void checkWindow(AttentionInput input) {
        if (input.mask().hasWindow() && !takesWindow()) {
            throw new IllegalArgumentException("only the gradient of exact attention takes a sliding window, got "
                    + input.mask());
        }
    }

    /** Whether the gradient takes masks with a sliding window. */
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

    @Override
    public final FixedFunction fixed(Engine engine, AttentionInput input) {
        Objects.requireNonNull(engine, "engine");
        Objects.requireNonNull(input, "input");
        Checks.usable("query", input.query(), engine);
        Checks.usable("key", input.key(), engine);
        Checks.usable("value", input.value(), engine);
        checkWindow(input);
        checkSupported(input);
        Crew crew = engine.begin();
        try (Arena arena = Arena.ofShared()) {
            Checks.elements(crew, input);
            // Choices are made by methods that think of an output, though none is written.
            return fixed(new Call(input, Tensor.allocate(arena, input.outputShape()), null, crew));
        } finally {
            engine.end(crew);
        }
    }

    /** The function with the choices held fixed; the call's output may be written to but not kept. */
    protected abstract FixedFunction fixed(Call call);

    /** Computes the gradients of a checked call. */
    protected abstract void run(GradientCall call);
}
