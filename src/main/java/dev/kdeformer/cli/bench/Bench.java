package dev.kdeformer.cli.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.Certificate;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * Runs methods on one input and measures time and error. Each method is warmed up; the output of its last warm run is
 * compared with the exact one (a seed gives the same output every time); then all take turns to be timed.
 */
public final class Bench {
    /** Confidence of certificates. */
    static final double CONFIDENCE = 0.95;

    private final Engine engine;
    private final NamedInput named;
    private final AttentionInput input;
    private final List<AttentionMethod> methods;
    private final Function<AttentionMethod, OptionalInt> budgets;
    private final Refusals refusals;
    private final long seed;
    private final BenchOptions options;

    /**
     * Prepares to run methods.
     *
     * @param methods  in the order of the report; exact attention, if any, first
     * @param budgets  the key evaluations that a method may spend, if it was told
     * @param required the method whose refusal to do the input ends the run, or null
     * @throws IllegalArgumentException if that one, exact attention or all others cannot do the input
     */
    public Bench(Engine engine, NamedInput named, List<AttentionMethod> methods,
            Function<AttentionMethod, OptionalInt> budgets, String required, long seed, BenchOptions options) {
        this.engine = engine;
        this.named = named;
        this.input = named.input();
        this.budgets = budgets;
        this.refusals = new Refusals(required);
        this.methods = refusals.taking(methods, input);
        refusals.check(this.methods);
        this.seed = seed;
        this.options = options;
    }

    /** What was measured of a method besides its time. */
    private record Quality(Statistics statistics, ErrorReport error, Certificate certificate, String note) {
    }

    /** Receives a method's output, which is valid only during the call. */
    public interface OutputUser {
        /**
         * Uses the output of a method, which is overwritten afterwards.
         *
         * @throws IOException if the output cannot be written where it is wanted
         */
        void use(AttentionMethod method, Tensor output) throws IOException;
    }

    /**
     * Runs everything.
     *
     * @param user given the output of every method, in their order
     * @throws Failure     if the memory does not suffice
     * @throws IOException if the user of an output throws it
     */
    public Report run(Progress progress, OutputUser user) throws IOException {
        Machine.requireMemory(needed(), "this run");
        try (Arena arena = Arena.ofShared()) {
            return run(arena, progress, user);
        } catch (OutOfMemoryError e) {
            throw new Failure("not enough memory: this run needs about " + Sentences.bytes(needed())
                    + " outside the Java heap (" + e.getMessage() + "); --n takes fewer rows", e);
        }
    }

    private Report run(Arena arena, Progress progress, OutputUser user) throws IOException {
        Tensor output = Tensor.allocate(arena, input.outputShape());
        Tensor exact = null;
        List<Quality> qualities = new ArrayList<>();
        Budgets spending = new Budgets(engine, input);
        List<AttentionMethod> able = new ArrayList<>();
        for (AttentionMethod method : methods) {
            Statistics[] statistics = new Statistics[1];
            progress.stage("warming up " + method.name());
            if (!refusals.allows(method, () -> statistics[0] = method.apply(engine, input, output))) {
                continue;
            }
            able.add(method);
            if (options.warmUpSeconds() > 0) {
                Turns.warmUp(() -> method.apply(engine, input, output), options.warmUpSeconds());
            }
            if (method.name().equals(Methods.EXACT)) {
                exact = Tensor.allocate(arena, input.outputShape());
                exact.segment().copyFrom(output.segment());
            }
            user.use(method, output);
            progress.stage("judging " + method.name());
            ErrorReport error = exact == null ? null : ErrorReport.of(engine, output, exact);
            Certificate certificate = certificate(output);
            // Writes into the output, which nobody needs any more.
            String note = spending.note(output, method, budgets.apply(method), statistics[0]);
            qualities.add(new Quality(statistics[0], error, certificate, note));
        }
        refusals.check(able);
        List<Runnable> calls = new ArrayList<>();
        able.forEach(method -> calls.add(() -> method.apply(engine, input, output)));
        int[] done = {0};
        List<Times> times = Turns.take(calls, options.rounds(), index ->
                progress.stage("timing " + able.get(index).name() + ", round " + (done[0]++ / able.size() + 1)));
        return report(able, qualities, times);
    }

    private Certificate certificate(Tensor output) {
        return options.certificateRows() == 0 || input.queries() == 0 ? null
                : Certificate.of(engine, input, output, options.certificateRows(), seed, CONFIDENCE);
    }

    private Report report(List<AttentionMethod> able, List<Quality> qualities, List<Times> times) {
        double exactMs = Double.NaN;
        List<Report.Run> runs = new ArrayList<>();
        for (int i = 0; i < able.size(); i++) {
            AttentionMethod method = able.get(i);
            if (method.name().equals(Methods.EXACT)) {
                exactMs = times.get(i).medianMs();
            }
            Quality quality = qualities.get(i);
            runs.add(new Report.Run(new Report.Setting(method.name(), method.parameters(input), engine.threads(), seed),
                    new Report.Spent(quality.statistics().columns(), visibleKeys(input), times.get(i),
                            exactMs / times.get(i).medianMs()),
                    quality.error(), quality.certificate(), quality.note()));
        }
        return new Report(named, runs, refusals.reasons());
    }

    /** Keys that a query sees, the mean over all: exact attention takes 2 (d + d_v) operations for each. */
    static double visibleKeys(AttentionInput input) {
        double each = 2.0 * (input.d() + input.dv()) * input.batch() * input.heads() * input.queries();
        return Attention.exact().build().estimate(input, 1).operations() / each;
    }

    /** Bytes of input, outputs and the largest scratch memory. */
    private double needed() {
        return methods.stream().mapToDouble(this::needed).max().orElse(0);
    }

    private double needed(AttentionMethod method) {
        return (double) named.bytes() + outputBytes() + method.estimate(input, engine.threads()).scratchBytes();
    }

    private double outputBytes() {
        boolean two = methods.stream().anyMatch(method -> method.name().equals(Methods.EXACT)) && methods.size() > 1;
        return (two ? 2.0 : 1.0) * input.outputShape().elements() * Float.BYTES;
    }

    /** What a run would need, for each method. */
    public Estimates estimates() {
        double exact = Attention.exact().build().estimate(input, engine.threads()).operations();
        return new Estimates(named, engine.threads(), methods.stream().map(method -> {
            Estimate estimate = method.estimate(input, engine.threads());
            return new Estimates.Line(method.name(), method.parameters(), estimate.scratchBytes(), needed(method),
                    estimate.operations(), estimate.operations() / exact);
        }).toList());
    }
}
