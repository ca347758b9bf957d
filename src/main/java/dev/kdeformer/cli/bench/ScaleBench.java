package dev.kdeformer.cli.bench;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.Mask;
import dev.kdeformer.cli.console.Failure;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.measure.ErrorReport;
import dev.kdeformer.measure.ExactSample;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** Runs methods on the first rows of an input, at one length after the other. */
public final class ScaleBench {
    /** The greatest length at which errors are measured on all rows. */
    public static final int ALL_ROWS = 16384;

    private final Engine engine;
    private final NamedInput longest;
    private final UnaryOperator<AttentionInput> refined;
    private final List<AttentionMethod> methods;
    private final Refusals refusals = new Refusals(null);
    private final List<String> labels;
    private final long seed;
    private final int errorRows;
    private final int exactUpTo;
    private double exactMs = Double.NaN;
    private int exactRows;

    /**
     * Prepares to run methods.
     *
     * @param longest   the input at its greatest length
     * @param refined   gives an input of any length the soft cap and the biases by distance that all of them get
     * @param methods   in the order of the report; exact attention, if any, first
     * @param errorRows exact rows of each head to measure errors on where not all are
     * @param exactUpTo the greatest length at which exact attention is timed
     * @throws IllegalArgumentException if exact attention or all others cannot do the input
     */
    public ScaleBench(Engine engine, NamedInput longest, UnaryOperator<AttentionInput> refined,
            List<AttentionMethod> methods, long seed, int errorRows, int exactUpTo) {
        this.engine = engine;
        this.longest = longest;
        this.refined = refined;
        this.methods = refusals.taking(methods, longest.input());
        refusals.check(this.methods);
        this.labels = labels(this.methods);
        this.seed = seed;
        this.errorRows = errorRows;
        this.exactUpTo = exactUpTo;
    }

    /** Judges an output. */
    private interface Judge {
        ErrorReport error(Tensor output);
    }

    /**
     * Runs all methods at all lengths.
     *
     * @param lengths ascending
     * @throws Failure if the memory does not suffice
     */
    public List<ScaleReport.Point> run(Progress progress, List<Integer> lengths, TurnsOptions turns) {
        List<ScaleReport.Point> points = new ArrayList<>();
        for (int n : lengths) {
            NamedInput input = cut(n);
            double needed = needed(input);
            Machine.requireMemory(needed, "n = " + n);
            try (Arena arena = Arena.ofShared()) {
                points.addAll(run(arena, progress, n, input, turns));
            } catch (OutOfMemoryError e) {
                throw new Failure("not enough memory: n = " + n + " needs about " + Sentences.bytes(needed)
                        + " outside the Java heap (" + e.getMessage() + ")", e);
            }
        }
        return points;
    }

    /** Why, by the name of each method that is left out. */
    public Map<String, String> leftOut() {
        return refusals.reasons();
    }

    private List<ScaleReport.Point> run(Arena arena, Progress progress, int n, NamedInput named,
            TurnsOptions turns) {
        AttentionInput input = named.input();
        String at = " at n = " + n;
        Tensor output = Tensor.allocate(arena, input.outputShape());
        progress.stage("exact rows" + at);
        int judged = n <= ALL_ROWS ? input.queries() : Math.min(errorRows, input.queries());
        Judge judge = judge(arena, input, judged);
        List<AttentionMethod> timed = methods.stream().filter(method -> !isExact(method) || n <= exactUpTo).toList();
        List<Statistics> statistics = new ArrayList<>();
        List<ErrorReport> errors = new ArrayList<>();
        for (AttentionMethod method : timed) {
            Statistics[] latest = new Statistics[1];
            progress.stage("warming up " + method.name() + at);
            Turns.warmUp(() -> latest[0] = method.apply(engine, input, output), turns.warmUpSeconds());
            statistics.add(latest[0]);
            progress.stage("judging " + method.name() + at);
            errors.add(judge.error(output));
        }
        List<Runnable> calls = new ArrayList<>();
        timed.forEach(method -> calls.add(() -> method.apply(engine, input, output)));
        List<Times> times = Turns.take(calls, turns.rounds(),
                index -> progress.stage("timing " + timed.get(index).name() + at));
        List<ScaleReport.Point> points = new ArrayList<>();
        for (int i = 0; i < timed.size(); i++) {
            if (isExact(timed.get(i))) {
                exactMs = times.get(i).medianMs();
                exactRows = n;
            }
        }
        double visible = Bench.visibleKeys(input);
        double exact = exactMs * ((double) n / exactRows) * ((double) n / exactRows);
        for (int i = 0, t = 0; i < methods.size(); i++) {
            AttentionMethod method = methods.get(i);
            boolean isTimed = timed.contains(method);
            Times time = isTimed ? times.get(t) : new Times(exact, exact);
            Report.Setting setting = new Report.Setting(method.name(), method.parameters(input), engine.threads(),
                    seed);
            Report.Spent spent = new Report.Spent(isTimed ? statistics.get(t).columns() : visible, visible, time,
                    exact / time.medianMs());
            points.add(new ScaleReport.Point(labels.get(i), n, judged, judged == input.queries(), !isTimed,
                    new Report.Run(setting, spent, isTimed ? errors.get(t) : null, null,
                            isTimed ? statistics.get(t).note() : "")));
            t += isTimed ? 1 : 0;
        }
        return points;
    }

    private Judge judge(Arena arena, AttentionInput input, int judged) {
        if (judged < input.queries()) {
            ExactSample sample = ExactSample.of(engine, arena, input, judged, seed);
            return output -> sample.error(engine, output);
        }
        Tensor exact = Tensor.allocate(arena, input.outputShape());
        Attention.exact().build().apply(engine, input, exact);
        return output -> ErrorReport.of(engine, output, exact);
    }

    private static boolean isExact(AttentionMethod method) {
        return method.name().equals(Methods.EXACT);
    }

    /** The first rows; where keys are padded, what is left of them. */
    private NamedInput cut(int n) {
        AttentionInput all = longest.input();
        AttentionInput input = longest.firstRows(n);
        Mask mask = all.mask();
        if (mask.hasKeyLengths()) {
            int[] lengths = new int[all.batch()];
            for (int b = 0; b < lengths.length; b++) {
                lengths[b] = Math.min(mask.keyLength(b, all.keys()), input.keys());
            }
            mask = mask.withKeyLengths(lengths);
        }
        return new NamedInput(longest.name(), longest.about(), longest.rank(),
                refined.apply(input.withScale(all.scale()).withMask(mask)));
    }

    private double needed(NamedInput input) {
        double scratch = methods.stream()
                .mapToDouble(method -> method.estimate(input.input(), engine.threads()).scratchBytes()).max().orElse(0);
        return longest.bytes() + 2.0 * input.input().outputShape().elements() * Float.BYTES + scratch;
    }

    /** Names that tell apart methods of the same name: by the options in which they differ. */
    static List<String> labels(List<AttentionMethod> methods) {
        List<String> labels = new ArrayList<>();
        for (AttentionMethod method : methods) {
            List<Map<String, Object>> others = methods.stream().filter(other -> other != method
                    && other.name().equals(method.name())).map(AttentionMethod::parameters).toList();
            String differences = method.parameters().entrySet().stream()
                    .filter(option -> others.stream().anyMatch(other -> !option.getValue().equals(other.get(
                            option.getKey()))))
                    .map(option -> " " + option.getKey() + "=" + option.getValue()).collect(Collectors.joining());
            labels.add(method.name() + differences);
        }
        return labels;
    }
}
