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
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Supplier;

/** Runs every method over several seeds on one input after the other. */
public final class PaperBench {
    private final Supplier<Engine> engines;
    private final List<MethodEntry<?>> methods;
    private final long firstSeed;
    private final int seeds;

    /**
     * Prepares to run methods.
     *
     * @param engines makes an engine for each method, so that scratch memory is that method's own
     */
    public PaperBench(Supplier<Engine> engines, List<MethodEntry<?>> methods, long firstSeed, int seeds) {
        this.engines = engines;
        this.methods = methods;
        this.firstSeed = firstSeed;
        this.seeds = seeds;
    }

    /**
     * Runs all methods on an input.
     *
     * @param features numbers of features f to run each method at, where it takes a budget
     */
    public List<PaperRow> run(String experiment, NamedInput named, List<Integer> features, Progress progress) {
        AttentionInput input = named.input();
        List<PaperRow> rows = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            Tensor exact = Tensor.allocate(arena, input.outputShape());
            Tensor output = Tensor.allocate(arena, input.outputShape());
            String where = named.name() + ", n = " + input.queries();
            progress.stage(where + ": exact");
            double exactMs;
            try (Engine engine = engines.get()) {
                AttentionMethod method = Attention.exact().build();
                method.apply(engine, input, exact);
                exactMs = Turns.take(List.of(() -> method.apply(engine, input, exact)), 3, index -> { }).get(0)
                        .medianMs();
            }
            for (MethodEntry<?> entry : methods) {
                for (int f : takesFeatures(entry) ? features : List.of(0)) {
                    progress.stage(where + ": " + entry.name() + (f == 0 ? "" : ", " + f + " features"));
                    rows.add(run(experiment, named, entry, f, output, exact, exactMs));
                }
            }
        }
        return rows;
    }

    /** Whether the number of features changes what a method does. */
    private static boolean takesFeatures(MethodEntry<?> entry) {
        return entry.takesColumns() || entry.has("samples");
    }

    /**
     * A method of f features. KDEformer's f features are f draws and blocks of f/2 keys, as in the authors'
     * experiments, and HyperAttention gets the same; every other method gets as many key evaluations as these, 3f/2.
     */
    private static AttentionMethod make(MethodEntry<?> entry, int f, long seed) {
        Map<String, String> options = new LinkedHashMap<>();
        OptionalInt columns = OptionalInt.empty();
        if (f > 0 && entry.has("block-size") && entry.has("samples")) {
            options.put("block-size", String.valueOf(Math.max(1, f / 2)));
            options.put("samples", String.valueOf(f));
        } else if (f > 0 && entry.takesColumns()) {
            columns = OptionalInt.of(Math.max(1, f * 3 / 2));
        } else if (f > 0) {
            options.put("samples", String.valueOf(Math.max(1, f * 3 / 2)));
        }
        return entry.make(columns, OptionalDouble.empty(), seed, options);
    }

    private PaperRow run(String experiment, NamedInput named, MethodEntry<?> entry, int f, Tensor output, Tensor exact,
            double exactMs) {
        int runs = entry.takesSeed() ? seeds : 1;
        double[] spectral = new double[runs];
        double[] centred = new double[runs];
        double[] columns = new double[1];
        List<Runnable> calls = new ArrayList<>();
        try (Engine engine = engines.get()) {
            for (int s = 0; s < runs; s++) {
                AttentionMethod method = make(entry, f, firstSeed + s);
                Runnable call = () -> columns[0] = method.apply(engine, named.input(), output).columns();
                call.run();
                ErrorReport error = ErrorReport.of(engine, output, exact);
                spectral[s] = error.mean().spectral();
                centred[s] = error.mean().spectralCentred();
                calls.add(call);
            }
            double[] ms = Turns.take(calls, 1, index -> { }).stream().mapToDouble(Times::medianMs).sorted()
                    .toArray();
            // After all others, because code that is not compiled yet makes garbage that it does not make later.
            long heap = PeakMemory.of(calls.get(0));
            double median = (ms[(ms.length - 1) / 2] + ms[ms.length / 2]) / 2;
            return new PaperRow(experiment, named, entry.name(), f, columns[0], runs, PaperRow.Spread.of(spectral),
                    PaperRow.Spread.of(centred), median, exactMs / median, engine.scratchBytes(), heap, "");
        } catch (IllegalArgumentException | UsageError e) {
            return PaperRow.refused(experiment, named, entry.name(), f, Sentences.oneLine(Sentences.of(e)));
        }
    }
}
