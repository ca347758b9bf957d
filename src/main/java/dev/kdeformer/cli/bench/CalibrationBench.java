package dev.kdeformer.cli.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Calibration;
import dev.kdeformer.Engine;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.pilot.PilotAttention;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Calibrates on inputs, and times what the calibration is worth on each. */
public final class CalibrationBench {
    private final Engine engine;
    private final List<NamedInput> inputs;
    private final String method;
    private final long seed;

    /**
     * Prepares to calibrate.
     *
     * @param inputs at least one
     * @param method that is timed without and with the calibration
     * @throws UsageError if the inputs differ in their heads or kind of mask
     */
    public CalibrationBench(Engine engine, List<NamedInput> inputs, String method, long seed) {
        this.engine = engine;
        this.inputs = List.copyOf(inputs);
        this.method = method;
        this.seed = seed;
        NamedInput first = inputs.get(0);
        for (NamedInput other : inputs) {
            if (other.input().heads() != first.input().heads()
                    || other.input().mask().isCausal() != first.input().mask().isCausal()) {
                throw new UsageError("all inputs must have the same number of heads and kind of mask: " + words(first)
                        + " and " + words(other));
            }
        }
    }

    private static String words(NamedInput named) {
        return named.name() + " has " + Sentences.count(named.input().heads(), "head")
                + (named.input().mask().isCausal() ? " with" : " without") + " a causal mask";
    }

    /**
     * Finds the effort of every head, the highest that any of the inputs needs.
     *
     * @throws dev.kdeformer.cli.console.Failure if the memory does not suffice
     * @throws IllegalArgumentException          if pilot attention does not take an input
     */
    public Calibration calibrate(Progress progress, double budget) {
        PilotAttention pilot = PilotAttention.builder().budget(ErrorBudget.relativeSpectral(budget)).seed(seed).build();
        Calibration found = null;
        for (NamedInput named : inputs) {
            requireMemory(named, List.of(pilot));
            progress.stage("calibrating on " + named.name());
            Calibration own = pilot.calibrate(engine, named.input());
            found = found == null ? own : found.or(own);
        }
        return found;
    }

    private void requireMemory(NamedInput named, List<? extends AttentionMethod> methods) {
        double scratch = methods.stream()
                .mapToDouble(each -> each.estimate(named.input(), engine.threads()).scratchBytes()).max().orElse(0);
        Machine.requireMemory(named.bytes() + 2.0 * named.input().outputShape().elements() * Float.BYTES + scratch,
                "this run");
    }

    /**
     * Times exact attention, the method without and the method with a calibration in turns on every input.
     *
     * @throws dev.kdeformer.cli.console.Failure if the memory does not suffice
     */
    public CalibrationReport measure(Progress progress, Calibration calibration, TurnsOptions turns) {
        List<AttentionMethod> methods = List.of(Attention.exact().build(),
                Methods.find(method).make(Allowance.within(calibration.budget()), seed, Map.of()),
                Methods.find(method).make(Allowance.calibrated(calibration), seed, Map.of()));
        List<CalibrationReport.Line> lines = new ArrayList<>();
        for (NamedInput named : inputs) {
            requireMemory(named, methods);
            try (Arena arena = Arena.ofShared()) {
                lines.add(measure(arena, progress, named, methods, turns));
            }
        }
        return new CalibrationReport(calibration, method, engine.threads(), lines);
    }

    private CalibrationReport.Line measure(Arena arena, Progress progress, NamedInput named,
            List<AttentionMethod> methods, TurnsOptions turns) {
        AttentionInput input = named.input();
        Tensor truth = Tensor.allocate(arena, input.outputShape());
        Tensor output = Tensor.allocate(arena, input.outputShape());
        List<Statistics> statistics = new ArrayList<>();
        List<Double> errors = new ArrayList<>();
        for (AttentionMethod each : methods) {
            progress.stage("warming up " + each.name() + " on " + named.name());
            Statistics[] latest = new Statistics[1];
            Tensor target = errors.isEmpty() ? truth : output;
            Turns.warmUp(() -> latest[0] = each.apply(engine, input, target), turns.warmUpSeconds());
            statistics.add(latest[0]);
            errors.add(ErrorReport.of(engine, target, truth).max().spectral());
        }
        List<Runnable> calls = new ArrayList<>();
        methods.forEach(each -> calls.add(() -> each.apply(engine, input, output)));
        List<Times> times = Turns.take(calls, turns.rounds(),
                index -> progress.stage("timing " + methods.get(index).name() + " on " + named.name()));
        return new CalibrationReport.Line(named, times.get(0).medianMs(),
                new CalibrationReport.Way(times.get(1).medianMs(), errors.get(1), statistics.get(1).note()),
                new CalibrationReport.Way(times.get(2).medianMs(), errors.get(2), statistics.get(2).note()));
    }
}
