package dev.kdeformer.cli.denoise;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.Turns;
import dev.kdeformer.cli.console.Machine;
import dev.kdeformer.cli.console.Progress;
import dev.kdeformer.cli.input.NamedInput;
import dev.kdeformer.cli.report.Report;
import dev.kdeformer.cli.report.Times;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
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

    /**
     * What pilot attention does here unless told otherwise: little for most pixels, and more for those that are alone.
     */
    public static final String PILOT_DEFAULTS = "near=64, candidates=2, tile=512, peaked=8192";

    /** The same by method and name. */
    public static final Map<String, Map<String, String>> DEFAULTS = Map.of("pilot",
            Arrays.stream(PILOT_DEFAULTS.split(", "))
            .map(option -> option.split("=")).collect(Collectors.toMap(pair -> pair[0], pair -> pair[1])));

    private static final long PURPOSE = 0x706978656c73L; // "pixels"
    private static final int WARM_PIXELS = 256;

    /** How long calls must have stopped getting faster: some calls for a large picture. */
    private static final double WARM_SECONDS = 2;

    private final Engine engine;
    private final NamedInput named;
    private final Pixels original;
    private final Pixels noisy;
    private final AttentionMethod method;
    private final long seed;

    public DenoiseBench(Engine engine, NamedInput named, Pixels original, Pixels noisy, AttentionMethod method,
            long seed) {
        this.engine = engine;
        this.named = named;
        this.original = original;
        this.noisy = noisy;
        this.method = method;
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

    /**
     * Runs the method, and exact attention for some pixels.
     *
     * @param repeat      timed runs; before several the method is warmed up
     * @param exactPixels how many, at most; 0 for none
     * @throws dev.kdeformer.cli.console.Failure if the memory does not suffice
     */
    public DenoiseReport run(Progress progress, int repeat, int exactPixels) {
        AttentionInput input = named.input();
        Machine.requireMemory(named.bytes() + (double) input.outputShape().elements() * Float.BYTES
                + method.estimate(input, engine.threads()).scratchBytes(), "this run");
        try (Arena arena = Arena.ofShared()) {
            Tensor output = Tensor.allocate(arena, input.outputShape());
            Statistics[] statistics = new Statistics[1];
            Runnable call = () -> statistics[0] = method.apply(engine, input, output);
            if (repeat > 1) {
                progress.stage("warming up " + method.name());
                Turns.warmUp(call, WARM_SECONDS);
            }
            Times times = Turns.take(List.of(call), repeat,
                    index -> progress.stage("denoising with " + method.name())).get(0);
            Pixels denoised = new Pixels(noisy.width(), noisy.height(), noisy.channels(), output.toArray());
            Report.Run run = new Report.Run(method.name(), method.parameters(input), statistics[0].columns(),
                    engine.threads(), seed, times, Double.NaN, null, null, statistics[0].note());
            DenoiseReport.Exact exact = exactPixels == 0 ? null
                    : exact(progress, Math.min(exactPixels, noisy.count()), denoised);
            return new DenoiseReport(named, run, null, noisy.psnr(original, null), denoised.psnr(original, null),
                    denoised, exact);
        }
    }

    private DenoiseReport.Exact exact(Progress progress, int count, Pixels denoised) {
        AttentionInput input = named.input();
        int[] chosen = CounterRandom.of(seed).stream(PURPOSE).sample(noisy.count(), count);
        try (Arena arena = Arena.ofShared()) {
            Tensor queries = Tensor.allocate(arena, Shape.of(count, input.d()));
            Matrix from = input.query().matrix(0, 0);
            Matrix to = queries.matrix(0, 0);
            float[] row = new float[input.d()];
            for (int i = 0; i < count; i++) {
                from.readRow(chosen[i], row, 0);
                to.writeRow(i, row, 0);
            }
            Tensor output = Tensor.allocate(arena, Shape.of(count, input.dv()));
            progress.stage("computing " + count + " pixels exactly");
            int few = Math.min(count, WARM_PIXELS);
            exact(input, queries.rows(0, few), output.rows(0, few));
            double ms = Turns.take(List.of(() -> exact(input, queries, output)), 1, index -> { }).get(0).medianMs();
            float[] all = noisy.values().clone();
            Matrix result = output.matrix(0, 0);
            for (int i = 0; i < count; i++) {
                result.readRow(i, all, chosen[i] * input.dv());
            }
            Pixels exact = new Pixels(noisy.width(), noisy.height(), noisy.channels(), all);
            return new DenoiseReport.Exact(count, ms * ((double) noisy.count() / count), count < noisy.count(),
                    exact.psnr(original, chosen), denoised.psnr(original, chosen), denoised.psnr(exact, chosen));
        }
    }

    private void exact(AttentionInput all, Tensor queries, Tensor output) {
        Attention.exact().build().apply(engine, AttentionInput.of(queries, all.key(), all.value())
                .withScale(all.scale()).withKeyBias(all.keyBias()), output);
    }
}
