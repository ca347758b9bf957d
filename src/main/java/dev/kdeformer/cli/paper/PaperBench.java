package dev.kdeformer.cli.paper;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.Turns;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.console.UsageError;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Runs every method over several seeds on one input after the other. Errors and memory are measured method by method,
 * then all methods take turns to be timed, exact attention among them.
 */
public final class PaperBench {
    /** Timed calls of a method, at least, whatever the number of its seeds. */
    private static final int LEAST_CALLS = 5;

    private final Supplier<Engine> engines;
    private final List<MethodEntry<?>> methods;
    private final long firstSeed;
    private final int seeds;
    private final double warmUpSeconds;

    /**
     * Prepares to run methods.
     *
     * @param engines       makes an engine for each method, so that scratch memory is that method's own
     * @param methods       what to run; exact attention is run in any case
     * @param warmUpSeconds how long calls must not have become faster before they are timed
     */
    public PaperBench(Supplier<Engine> engines, List<MethodEntry<?>> methods, long firstSeed, int seeds,
            double warmUpSeconds) {
        this.engines = engines;
        this.methods = Methods.afterExact(methods);
        this.firstSeed = firstSeed;
        this.seeds = seeds;
        this.warmUpSeconds = warmUpSeconds;
    }

    /** A method at one setting: what was found of it but for its time, and what is called to time it. */
    private record Judged(PaperRow row, List<AttentionMethod> calls) {
    }

    /**
     * Runs all methods on an input.
     *
     * @param features numbers of features f to run each method at, where it takes a budget
     */
    public List<PaperRow> run(String experiment, NamedInput named, List<Integer> features, Progress progress) {
        AttentionInput input = named.input();
        String where = named.name() + ", n = " + input.queries() + ": ";
        try (Arena arena = Arena.ofShared()) {
            Tensor exact = Tensor.allocate(arena, input.outputShape());
            Tensor output = Tensor.allocate(arena, input.outputShape());
            progress.stage(where + "exact");
            try (Engine engine = engines.get()) {
                Attention.exact().build().apply(engine, input, exact);
            }
            List<Judged> all = new ArrayList<>();
            for (MethodEntry<?> entry : methods) {
                for (int f : takesFeatures(entry) ? features : List.of(0)) {
                    progress.stage(where + entry.name() + (f == 0 ? "" : ", " + f + " features"));
                    all.add(judge(experiment, named, entry, f, output, exact));
                }
            }
            progress.stage(where + "timing all in turns");
            return timed(all, input, output);
        }
    }

    /** Whether the number of features changes what a method does. */
    private static boolean takesFeatures(MethodEntry<?> entry) {
        return entry.takesEvaluations() || entry.has("samples");
    }

    /** Whether f features are f draws and blocks of f/2 keys, as in the experiments of KDEformer's authors. */
    private static boolean drawsAndBlocks(MethodEntry<?> entry) {
        return entry.has("block-size") && entry.has("samples");
    }

    /** The key evaluations that a method of f features is given, as many as KDEformer has; 0 where it is given none. */
    private static int budget(MethodEntry<?> entry, int f) {
        return f == 0 || drawsAndBlocks(entry) ? 0 : Math.max(1, f * 3 / 2);
    }

    private static AttentionMethod make(MethodEntry<?> entry, int f, long seed) {
        Map<String, String> options = new LinkedHashMap<>();
        Allowance allowed = Allowance.NONE;
        int budget = budget(entry, f);
        if (f > 0 && drawsAndBlocks(entry)) {
            options.put("block-size", String.valueOf(Math.max(1, f / 2)));
            options.put("samples", String.valueOf(f));
        } else if (budget > 0 && entry.takesEvaluations()) {
            allowed = Allowance.evaluations(budget);
        } else if (budget > 0) {
            options.put("samples", String.valueOf(budget));
        }
        return entry.make(allowed, seed, options);
    }

    private Judged judge(String experiment, NamedInput named, MethodEntry<?> entry, int f, Tensor output,
            Tensor exact) {
        int runs = entry.takesSeed() ? seeds : 1;
        double[] spectral = new double[runs];
        double[] centred = new double[runs];
        double evaluations = 0;
        List<AttentionMethod> calls = new ArrayList<>();
        try (Engine engine = engines.get()) {
            for (int s = 0; s < runs; s++) {
                AttentionMethod method = make(entry, f, firstSeed + s);
                evaluations += method.apply(engine, named.input(), output).columns() / runs;
                ErrorReport error = ErrorReport.of(engine, output, exact);
                spectral[s] = error.mean().spectral();
                centred[s] = error.mean().spectralCentred();
                calls.add(method);
            }
            Runnable first = () -> calls.get(0).apply(engine, named.input(), output);
            Turns.warmUp(first, warmUpSeconds);
            // After all others, because code that is not compiled yet makes garbage that it does not make later.
            long heap = PeakMemory.of(first);
            return new Judged(new PaperRow(
                    new PaperRow.Setting(experiment, named, entry.name(), f, budget(entry, f), runs),
                    new PaperRow.Errors(PaperRow.Spread.of(spectral), PaperRow.Spread.of(centred)),
                    PaperRow.Spent.untimed(evaluations, engine.scratchBytes(), heap), ""), calls);
        } catch (IllegalArgumentException | UsageError e) {
            return new Judged(PaperRow.refused(experiment, named, entry.name(), f,
                    Sentences.oneLine(Sentences.of(e))), List.of());
        }
    }

    /** The rows with their times: in a turn, every method is called once with each of its seeds. */
    private List<PaperRow> timed(List<Judged> all, AttentionInput input, Tensor output) {
        List<Judged> run = all.stream().filter(each -> each.row().isRun()).toList();
        Map<Judged, Times> times = new LinkedHashMap<>();
        try (Engine engine = engines.get()) {
            List<Runnable> calls = new ArrayList<>();
            run.forEach(each -> {
                int[] turn = {0};
                calls.add(() -> each.calls().get(turn[0]++ % each.calls().size()).apply(engine, input, output));
            });
            calls.forEach(Runnable::run); // this engine's scratch memory has not been touched yet
            List<Times> taken = Turns.take(calls, Math.max(LEAST_CALLS, seeds), index -> { });
            for (int i = 0; i < run.size(); i++) {
                times.put(run.get(i), taken.get(i));
            }
        }
        double exactMs = times.get(run.get(0)).medianMs();
        return all.stream().map(each -> each.row().isRun()
                ? each.row().withTime(times.get(each).medianMs(), exactMs) : each.row()).toList();
    }
}
