package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.kernel.WarmUp;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The frame of every method: it checks all arguments, takes threads and scratch memory from the engine, and gives them
 * back whatever happens. A method has a frame and does not inherit from it, because what a method shows to embedders
 * is its options and nothing of this package.
 */
public final class MethodFrame {
    private final AttentionMethod method;
    private final Function<Call, Statistics> run;
    private final Consumer<AttentionInput> refusal;
    private final boolean trusting;
    private final boolean inPieces;

    private MethodFrame(AttentionMethod method, Function<Call, Statistics> run, Consumer<AttentionInput> refusal,
            boolean trusting, boolean inPieces) {
        this.method = method;
        this.run = run;
        this.refusal = refusal;
        this.trusting = trusting;
        this.inPieces = inPieces;
    }

    /**
     * The frame of a method that refuses what is not among {@link AttentionMethod#takes}.
     *
     * @param run computes the output of a checked call
     */
    public static MethodFrame of(AttentionMethod method, Function<Call, Statistics> run) {
        return new MethodFrame(method, run, input -> { }, false, false);
    }

    /**
     * The same frame for a method that refuses some other input as well.
     *
     * @param check throws an {@link IllegalArgumentException} with the reason
     */
    public MethodFrame refusing(Consumer<AttentionInput> check) {
        return new MethodFrame(method, run, check, trusting, inPieces);
    }

    /**
     * The same frame for a method that is given calls without packed sequences and padded queries: {@link Pieces} of
     * inputs that have them, one after the other.
     */
    public MethodFrame inPieces() {
        return new MethodFrame(method, run, refusal, trusting, true);
    }

    /** The same frame for input whose elements have been checked before. */
    public MethodFrame trusting() {
        return new MethodFrame(method, run, refusal, true, inPieces);
    }

    /**
     * Does something with an input that writes no output, in a call that has none.
     *
     * @param work is given the call, unless the input is empty
     * @return what it gives; null for an empty input
     */
    public <T> T prepare(Engine engine, AttentionInput input, Function<Call, T> work) {
        Checks.inputs(engine, input);
        refuse(input);
        Team team = Crews.begin(engine);
        try {
            Checks.elements(team, input);
            return input.isEmpty() ? null : work.apply(new Call(input.withHiddenKeys(), null, null, team));
        } finally {
            Crews.end(engine, team);
        }
    }

    private void refuse(AttentionInput input) {
        Checks.taken("method " + method.name(), method.takes(), input, "method exact does");
        (inPieces ? Pieces.of(input) : List.of(input)).forEach(refusal);
    }

    /** Does what {@link AttentionMethod#apply(Engine, AttentionInput, Tensor, Tensor)} says. */
    public Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        Checks.outputs(engine, input, output, logSumExp);
        refuse(input);
        WarmUp.before(input.outputShape().elements(), input.keys());
        Team team = Crews.begin(engine);
        try {
            if (!trusting) {
                Checks.elements(team, input);
            }
            if (input.isEmpty()) {
                return nothing(input, output, logSumExp);
            }
            if (inPieces && !Pieces.isWhole(input.mask())) {
                return Pieces.run(input, output, logSumExp, team, run);
            }
            return run.apply(new Call(input.withHiddenKeys(), output, logSumExp, team));
        } finally {
            Crews.end(engine, team);
        }
    }

    /** Writes what queries without a key get; of no queries, nothing. */
    private static Statistics nothing(AttentionInput input, Tensor output, Tensor logSumExp) {
        unseeing(input, output, logSumExp);
        return new Statistics(0, input.queries() == 0 ? "no queries" : "no keys");
    }

    /**
     * Writes all rows of queries that see no key.
     *
     * @param output    rows of the input's output, of all its heads
     * @param logSumExp the same rows of its log-sum-exp; may be null
     */
    static void unseeing(AttentionInput input, Tensor output, Tensor logSumExp) {
        zero(output);
        for (int b = 0; b < input.batch() && logSumExp != null; b++) {
            for (int h = 0; h < input.heads(); h++) {
                for (int i = 0; i < logSumExp.shape().rows(); i++) {
                    logSumExp.matrix(b, h).set(i, 0, input.sink(h));
                }
            }
        }
    }

    /** Sets all elements to zero. */
    public static void zero(Tensor tensor) {
        Shape shape = tensor.shape();
        float[] zeros = new float[shape.columns()];
        for (int b = 0; b < shape.batch(); b++) {
            for (int h = 0; h < shape.heads(); h++) {
                for (int i = 0; i < shape.rows(); i++) {
                    tensor.matrix(b, h).writeRow(i, zeros, 0);
                }
            }
        }
    }
}
