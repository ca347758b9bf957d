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
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

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
    private final boolean withSinks;
    /** Gives the rows that a call has written; null where it writes all. */
    private final Supplier<int[][]> written;

    private MethodFrame(AttentionMethod method, Function<Call, Statistics> run, Consumer<AttentionInput> refusal,
            boolean trusting, boolean inPieces, boolean withSinks, Supplier<int[][]> written) {
        this.method = method;
        this.run = run;
        this.refusal = refusal;
        this.trusting = trusting;
        this.inPieces = inPieces;
        this.withSinks = withSinks;
        this.written = written;
    }

    /**
     * The frame of a method that refuses what is not among {@link AttentionMethod#takes}. The calls that it is given
     * have no sinks: these are applied to its output and log-sum-exp.
     *
     * @param run computes the output of a checked call
     */
    public static MethodFrame of(AttentionMethod method, Function<Call, Statistics> run) {
        return new MethodFrame(method, run, input -> { }, false, false, false, null);
    }

    /**
     * The same frame for a method that refuses some other input as well.
     *
     * @param check throws an {@link IllegalArgumentException} with the reason
     */
    public MethodFrame refusing(Consumer<AttentionInput> check) {
        return new MethodFrame(method, run, check, trusting, inPieces, withSinks, written);
    }

    /**
     * The same frame for a method that is given calls without packed sequences and padded queries: {@link Pieces} of
     * inputs that have them, one after the other.
     */
    public MethodFrame inPieces() {
        return new MethodFrame(method, run, refusal, trusting, true, withSinks, written);
    }

    /** The same frame for input whose elements have been checked before. */
    public MethodFrame trusting() {
        return new MethodFrame(method, run, refusal, true, inPieces, withSinks, written);
    }

    /** The same frame for a method that applies sinks itself. */
    public MethodFrame withSinks() {
        return new MethodFrame(method, run, refusal, trusting, inPieces, true, written);
    }

    /**
     * The same frame for a method that writes some rows and leaves the others as they are.
     *
     * @param rows gives the rows that were written, when they have been: for each query head of each batch item, in
     *             this order
     */
    public MethodFrame writing(Supplier<int[][]> rows) {
        return new MethodFrame(method, run, refusal, trusting, inPieces, withSinks, rows);
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
            return input.isEmpty() ? null : work.apply(call(input, null, null, team));
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
            if (withSinks || !input.hasSinks()) {
                return run(call(input, output, logSumExp, team));
            }
            try (Arena arena = Arena.ofShared()) {
                Tensor sums = logSumExp != null ? logSumExp
                        : Tensor.allocate(arena, input.outputShape().withColumns(1));
                Statistics done = run(call(input, output, sums, team));
                Sinks.of(input).apply(output, sums, written == null ? null : written.get(), team);
                return done;
            }
        } finally {
            Crews.end(engine, team);
        }
    }

    private Call call(AttentionInput input, Tensor output, Tensor logSumExp, Team team) {
        return withSinks ? new Call(input.withHiddenKeys(), output, logSumExp, team)
                : Call.withoutSinks(input, output, logSumExp, team);
    }

    private Statistics run(Call call) {
        return inPieces && !Pieces.isWhole(call.input().mask()) ? Pieces.run(call, run) : run.apply(call);
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
