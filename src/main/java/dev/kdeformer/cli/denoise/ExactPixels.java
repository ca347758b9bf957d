package dev.kdeformer.cli.denoise;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.cli.bench.Turns;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/** Some pixels of a picture, or all, denoised exactly: what a method is held against. */
final class ExactPixels {
    private static final long PURPOSE = 0x706978656c73L; // "pixels"
    private static final int WARM_PIXELS = 256;
    /** The least error that exact attention is believed to leave, as a part of the noise's variance. */
    private static final double LEAST_LEFT = 0.01;

    private final int[] chosen;
    private final Pixels noisy;
    private final Pixels exact;
    private final double ownWeight;
    private final double ms;

    private ExactPixels(int[] chosen, Pixels noisy, Pixels exact, double ownWeight, double ms) {
        this.chosen = chosen;
        this.noisy = noisy;
        this.exact = exact;
        this.ownWeight = ownWeight;
        this.ms = ms;
    }

    /** Computes pixels drawn at random; of another number of them others. */
    static ExactPixels of(Engine engine, AttentionInput input, Pixels noisy, int count, long seed) {
        int[] chosen = CounterRandom.of(seed).stream(PURPOSE).sample(noisy.count(), count);
        try (Arena arena = Arena.ofShared()) {
            Tensor queries = Tensor.allocate(arena, Shape.of(count, input.d()));
            Tensor output = Tensor.allocate(arena, Shape.of(count, input.dv()));
            Tensor sums = Tensor.allocate(arena, Shape.of(count, 1));
            float[] row = new float[input.d()];
            for (int i = 0; i < count; i++) {
                input.query().matrix(0, 0).readRow(chosen[i], row, 0);
                queries.matrix(0, 0).writeRow(i, row, 0);
            }
            int few = Math.min(count, WARM_PIXELS);
            exact(engine, input, queries.rows(0, few), output.rows(0, few), sums.rows(0, few));
            double ms = Turns.take(List.of(() -> exact(engine, input, queries, output, sums)), 1, index -> { }).get(0)
                    .medianMs();
            float[] all = noisy.values().clone();
            Matrix result = output.matrix(0, 0);
            double ownWeight = 0;
            for (int i = 0; i < count; i++) {
                result.readRow(i, all, chosen[i] * input.dv());
                queries.matrix(0, 0).readRow(i, row, 0);
                ownWeight += Math.exp(ownLogit(input, row, chosen[i]) - sums.matrix(0, 0).get(i, 0)) / count;
            }
            return new ExactPixels(chosen, noisy, noisy.with(all), ownWeight, ms);
        }
    }

    private static void exact(Engine engine, AttentionInput all, Tensor queries, Tensor output, Tensor sums) {
        Attention.exact().build().apply(engine, AttentionInput.of(queries, all.key(), all.value())
                .withScale(all.scale()).withKeyBias(all.keyBias()), output, sums);
    }

    private static double ownLogit(AttentionInput input, float[] row, int pixel) {
        double square = 0;
        for (float x : row) {
            square += (double) x * x;
        }
        return input.scale() * square + input.keyBias().matrix(0, 0).get(0, pixel);
    }

    /** How many. */
    int count() {
        return chosen.length;
    }

    /** Whether these are not all pixels. */
    boolean isSample() {
        return chosen.length < noisy.count();
    }

    /** Milliseconds that all pixels would take, in proportion. */
    double msOfAll() {
        return ms * ((double) noisy.count() / chosen.length);
    }

    /** A picture's report beside these pixels. */
    DenoiseReport.Exact report(Pixels denoised, Pixels original) {
        return new DenoiseReport.Exact(count(), msOfAll(), isSample(), exact.psnr(original, chosen),
                denoised.psnr(original, chosen), denoised.psnr(exact, chosen));
    }

    /**
     * How much worse a method's picture is than the exact one, in decibels of the error against the clean picture.
     * Where the clean picture is not known, the error of the exact one is estimated (Stein 1981, "Estimation of the
     * mean of a multivariate normal distribution"; a pixel's own weight stands for the derivative of its result), and
     * what the method's differs by is taken as independent of it. To the mean over the pixels one standard error is
     * added.
     *
     * @param original the clean picture, or null
     * @param level    standard deviation of the noise
     */
    double loss(Pixels denoised, Pixels original, double level) {
        int channels = noisy.channels();
        double left = 0;
        double sum = 0;
        double squares = 0;
        for (int pixel : chosen) {
            double added = 0;
            for (int at = pixel * channels; at < (pixel + 1) * channels; at++) {
                double target = original == null ? exact.values()[at] : original.values()[at];
                double difference = denoised.values()[at] - target;
                double rest = exact.values()[at] - (original == null ? noisy.values()[at] : target);
                added += difference * difference - (original == null ? 0 : rest * rest);
                left += rest * rest;
            }
            sum += added;
            squares += added * added;
        }
        double count = chosen.length;
        double mean = sum / count;
        double error = isSample() ? Math.sqrt(Math.max(0, squares / count - mean * mean) / count) : 0;
        double variance = level * level * channels;
        double remaining = original != null ? left / count
                : Math.max(LEAST_LEFT * variance, left / count - variance + 2 * variance * ownWeight);
        double worse = Math.max(0, mean + error);
        return worse == 0 ? 0 : 10 * Math.log10(1 + worse / remaining);
    }
}
