package dev.kdeformer.cli.denoise;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.Turns;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.console.Sentences;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.methods.Allowance;
import dev.kdeformer.cli.methods.MethodEntry;
import dev.kdeformer.cli.methods.Methods;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Denoises a picture with a method, and some or all of its pixels exactly. */
public final class DenoiseBench {
    /**
     * The factor of the bandwidth: near the best for exact attention on photographs, with patches of 5 and 7 pixels and
     * noise of 0.05 to 0.2. Below, a pixel's own noise outweighs all others; above, edges are blurred.
     */
    public static final double FACTOR = 0.62;

    /** The method that is tried first. */
    public static final String FIRST = "pilot";

    /** What it does here unless told otherwise: little for most pixels, more for those that are alone. */
    public static final String OPTIONS = "near=64, candidates=2, tile=512, peaked=8192";

    /** The same by name. */
    public static final Map<String, String> FIRST_OPTIONS = options(OPTIONS);

    /** A picture is as good as the exact one if it has at most so many decibels less. */
    public static final double LIMIT = 0.1;

    /** Pixels that are computed exactly to see whether it is. */
    private static final int SAMPLE = 2048;

    /**
     * Exact attention of more floating-point operations is not run without being asked for: some minutes on two cores,
     * enough for 512 x 512 pixels of colour. Work and not time decides, so that the result is the same on a busy day.
     */
    private static final double MOST_WORK = 3e13;

    private final Engine engine;
    private final NamedInput named;
    private final Pixels original;
    private final Pixels noisy;
    private final List<AttentionMethod> methods;
    private final long seed;

    private static Map<String, String> options(String text) {
        return Arrays.stream(text.split(", ")).map(option -> option.split("="))
                .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
    }

    /** What is tried where no method is named: the next one where one is not as good as exact attention. */
    public static List<AttentionMethod> defaults(long seed) {
        MethodEntry<?> pilot = Methods.find(FIRST);
        return List.of(pilot.make(Allowance.NONE, seed, FIRST_OPTIONS),
                Attention.exact().build());
    }

    /**
     * Prepares to denoise.
     *
     * @param original the clean picture, or the noisy one where there is none
     * @param noisy    the noisy picture
     * @param methods  what to try, one after the other, until one is as good as exact attention
     */
    public DenoiseBench(Engine engine, NamedInput named, Pixels original, Pixels noisy, List<AttentionMethod> methods,
            long seed) {
        this.engine = engine;
        this.named = named;
        this.original = original;
        this.noisy = noisy;
        this.methods = methods;
        this.seed = seed;
    }

    /**
     * Refuses pictures whose patches this machine cannot hold.
     *
     * @throws dev.kdeformer.cli.console.Failure if it cannot
     */
    public static void requireMemory(Pixels picture, Patches patches) {
        Machine.requireMemory((patches.width() + 2.0 * picture.channels() + 1) * picture.count() * Float.BYTES,
                "a picture of " + picture.count() + " pixels");
    }

    /** A method's picture. */
    private record Try(AttentionMethod method, Statistics statistics, Times times, Pixels denoised, double loss) {
    }

    /**
     * Runs methods until one is as good as exact attention on pixels that are computed exactly; where none is, the
     * last. Exact attention of all pixels is only run if that is a matter of minutes or it is the only method.
     *
     * @param settings    what was asked for
     * @param repeat      timed runs; before several the method is warmed up
     * @param exactPixels how many pixels to compute exactly, or 0 for as many as it takes to judge
     * @throws dev.kdeformer.cli.console.Failure if the memory does not suffice
     */
    public DenoiseReport run(Progress progress, DenoiseReport.Settings settings, int repeat, double warmUpSeconds,
            int exactPixels) {
        AttentionInput input = named.input();
        double scratch = methods.stream().mapToDouble(each -> each.estimate(input, engine.threads()).scratchBytes())
                .max().orElse(0);
        Machine.requireMemory(named.bytes() + (double) input.outputShape().elements() * Float.BYTES + scratch,
                "this run");
        int count = Math.min(exactPixels > 0 ? exactPixels : SAMPLE, noisy.count());
        progress.stage("computing " + count + " pixels exactly");
        boolean onlyExact = isExact(methods.get(0));
        ExactPixels exact = onlyExact && exactPixels == 0 ? null : ExactPixels.of(engine, input, noisy, count, seed);
        List<String> notes = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Try best = null;
            for (AttentionMethod method : methods) {
                if (best != null && isExact(method)
                        && method.estimate(input, engine.threads()).operations() > MOST_WORK) {
                    continue;
                }
                Try now = attempt(progress, method, output, exact, settings, repeat, warmUpSeconds);
                if (best != null) {
                    notes.add(label(best.method()) + " would have been " + Sentences.digits(best.loss())
                            + " dB worse than exact attention, so that " + label(method) + " was taken");
                }
                best = now;
                if (best.loss() <= LIMIT) {
                    break;
                }
            }
            if (best.loss() > LIMIT) {
                notes.add("this picture is up to " + Sentences.digits(best.loss()) + " dB worse than that of exact "
                        + "attention, which takes about " + Sentences.digits(exact.msOfAll() / 1000)
                        + " s: --method exact");
            }
            String note = best.statistics().note();
            if (!note.isEmpty()) {
                notes.add(note);
            }
            Report.Run run = new Report.Run(
                    new Report.Setting(best.method().name(), best.method().parameters(input), engine.threads(), seed),
                    new Report.Spent(best.statistics().columns(), Double.NaN, best.times(), Double.NaN), null, null,
                    String.join("; ", notes));
            return new DenoiseReport(named, run, settings, best.denoised(), new DenoiseReport.Quality(
                    noisy.psnr(original, null), best.denoised().psnr(original, null), best.loss()),
                    exact == null ? null : exact.report(best.denoised(), original));
        }
    }

    private Try attempt(Progress progress, AttentionMethod method, Tensor output, ExactPixels exact,
            DenoiseReport.Settings settings, int repeat, double warmUpSeconds) {
        Statistics[] statistics = new Statistics[1];
        Runnable call = () -> statistics[0] = method.apply(engine, named.input(), output);
        if (repeat > 1) {
            progress.stage("warming up " + method.name());
            Turns.warmUp(call, warmUpSeconds);
        }
        Times times = Turns.take(List.of(call), repeat,
                index -> progress.stage("denoising with " + method.name())).get(0);
        Pixels denoised = noisy.with(output.toArray());
        double loss = isExact(method) ? 0
                : exact.loss(denoised, settings.noise() > 0 ? original : null, settings.level());
        return new Try(method, statistics[0], times, denoised, loss);
    }

    private static boolean isExact(AttentionMethod method) {
        return method.name().equals(Methods.EXACT);
    }

    private String label(AttentionMethod method) {
        return method.name() + (isExact(method) ? "" : " " + method.parameters(named.input()));
    }
}
