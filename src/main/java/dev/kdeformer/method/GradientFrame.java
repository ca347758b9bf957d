package dev.kdeformer.method;

import dev.kdeformer.AttentionGradient;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.Engine;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.InputFeature;
import dev.kdeformer.InputGradients;
import dev.kdeformer.kernel.WarmUp;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * The frame of every gradient: it checks all arguments, takes threads and scratch memory from the engine, and gives
 * them back whatever happens. The gradient itself is the {@link Body}.
 */
public final class GradientFrame implements AttentionGradient {
    private final Body body;

    /** The gradient whose work a body does. */
    public GradientFrame(Body body) {
        this.body = body;
    }

    /** What a gradient supplies. */
    public interface Body {
        /** What the gradient takes besides queries, keys, values and scale; anything else is refused. */
        Set<InputFeature> takes();

        /**
         * Refuses input that the method cannot do.
         *
         * @throws IllegalArgumentException with the reason
         */
        default void checkSupported(AttentionInput input) {
        }

        /**
         * Whether it is given calls without packed sequences and padded queries alone: {@link Pieces} of inputs that
         * have them, one after the other.
         */
        default boolean inPieces() {
            return false;
        }

        /** The function with the choices held fixed; the call's output may be written to but not kept. */
        FixedFunction fixed(Call call);

        /** Computes the gradients of a checked call. */
        void run(GradientCall call);

        /** What a call would need; see {@link AttentionGradient#estimate}. */
        Estimate estimate(AttentionInput input, int threads);
    }

    @Override
    public void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            InputGradients gradients) {
        apply(engine, input, output, logSumExp, outputGradient, gradients, BiasGradients.none());
    }

    @Override
    public void apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp, Tensor outputGradient,
            InputGradients gradients, BiasGradients biases) {
        GradientChecks checks = new GradientChecks(input, output, logSumExp, outputGradient);
        Objects.requireNonNull(gradients, "gradients");
        checks.tensors(engine, gradients);
        checks.biases(engine, Objects.requireNonNull(biases, "biases"), gradients);
        checkInput(input);
        if (!body.takes().contains(InputFeature.PAIR_BIAS)
                && (!biases.tensors().isEmpty() || biases.parameters() != null)) {
            throw new IllegalArgumentException("this gradient has no gradient by a bias per pair; that of exact"
                    + " attention has");
        }
        WarmUp.before(input.outputShape().elements(), input.keys());
        Team team = Crews.begin(engine);
        try {
            checks.elements(team);
            if (input.isEmpty()) {
                gradients.tensors().forEach(MethodFrame::zero);
                zero(biases);
                return;
            }
            GradientCall call = new GradientCall(new Call(input.withHiddenKeys(), output, logSumExp, team),
                    outputGradient, gradients, biases);
            if (biases.sinks() != null) {
                SinkGradient.write(call, biases.sinks());
            }
            if (isWhole(input)) {
                body.run(call);
            } else {
                Pieces.gradients(call, body::run);
            }
        } finally {
            Crews.end(engine, team);
        }
    }

    private boolean isWhole(AttentionInput input) {
        return !body.inPieces() || Pieces.isWhole(input.mask());
    }

    private static void zero(BiasGradients biases) {
        biases.tensors().forEach(MethodFrame::zero);
        for (float[] each : new float[][] {biases.parameters(), biases.sinks()}) {
            Arrays.fill(each == null ? new float[0] : each, 0);
        }
    }

    private void checkInput(AttentionInput input) {
        Checks.taken("this gradient", body.takes(), input, "that of exact attention does");
        (isWhole(input) ? List.of(input) : Pieces.of(input)).forEach(body::checkSupported);
    }

    @Override
    public FixedFunction fixed(Engine engine, AttentionInput input) {
        Objects.requireNonNull(engine, "engine");
        Objects.requireNonNull(input, "input");
        Checks.usable("query", input.query(), engine);
        Checks.usable("key", input.key(), engine);
        Checks.usable("value", input.value(), engine);
        checkInput(input);
        if (input.isEmpty()) {
            return (unit, query, key, value) -> new double[input.groupSize()][input.queries() * input.dv()];
        }
        Team team = Crews.begin(engine);
        try (Arena arena = Arena.ofShared()) {
            Checks.elements(team, input);
            // Choices are made by methods that think of an output, though none is written.
            Call call = new Call(input.withHiddenKeys(), Tensor.allocate(arena, input.outputShape()), null, team);
            return isWhole(input) ? body.fixed(call) : Pieces.fixed(call, body::fixed);
        } finally {
            Crews.end(engine, team);
        }
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        if (input.isEmpty()) {
            return Estimate.NOTHING;
        }
        return isWhole(input) ? body.estimate(input, threads)
                : Pieces.estimate(input, one -> body.estimate(one, threads));
    }
}
