///usr/bin/env jbang "$0" "$@" ; exit $?
//JAVA 22+
//REPOS mavenlocal,mavencentral
//DEPS dev.kdeformer:kdeformer:0.1.0
//RUNTIME_OPTIONS --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;

/**
 * Denoising by non-local means (Buades, Coll and Morel 2005): every pixel becomes a mean of all pixels, weighted by how
 * alike the patches round them are. Queries and keys are patches, values pixels, logits -|x - y|² / h².
 */
public class Denoise {
    private static final int PATCH = 5;
    private static final double NOISE = 0.1;

    /** A picture of stripes and discs, from 0 to 1. */
    private static float[] picture(int size) {
        float[] pixels = new float[size * size];
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                boolean disc = Math.hypot(x % 48 - 24, y % 48 - 24) < 15;
                pixels[y * size + x] = disc ? 0.85f : 0.25f + 0.2f * ((x + y) / 12 % 2);
            }
        }
        return pixels;
    }

    public static void main(String[] args) {
        int size = args.length > 0 ? Integer.parseInt(args[0]) : 96;
        int features = PATCH * PATCH;
        float h = (float) (0.62 * Math.sqrt(features) * NOISE);   // two patches of the same content differ by 2 d σ²
        Random random = new Random(1);
        float[] original = picture(size);
        float[] noisy = original.clone();
        for (int i = 0; i < noisy.length; i++) {
            noisy[i] += (float) (NOISE * random.nextGaussian());
        }
        float[] patches = new float[noisy.length * features];
        float[] bias = new float[noisy.length];
        for (int i = 0; i < noisy.length; i++) {
            for (int c = 0; c < features; c++) {
                int x = Math.min(size - 1, Math.max(0, i % size + c % PATCH - PATCH / 2));
                int y = Math.min(size - 1, Math.max(0, i / size + c / PATCH - PATCH / 2));
                float pixel = patches[i * features + c] = noisy[y * size + x];
                bias[i] -= pixel * pixel / (h * h);
            }
        }
        try (Engine engine = Engine.create(); Arena arena = Arena.ofShared()) {
            Tensor patch = Tensor.copyOf(arena, Shape.of(noisy.length, features), patches);
            AttentionInput input = AttentionInput.of(patch, patch,
                    Tensor.copyOf(arena, Shape.of(noisy.length, 1), noisy))
                    .withScale(2 / (h * h)).withKeyBias(Tensor.copyOf(arena, Shape.of(1, noisy.length), bias));
            Tensor denoised = Tensor.allocate(arena, input.outputShape());
            Attention.exact().build().apply(engine, input, denoised);
            System.out.printf("noisy    %.2f dB%n", psnr(noisy, original));
            System.out.printf("denoised %.2f dB%n", psnr(denoised.toArray(), original));
        }
    }

    private static double psnr(float[] pixels, float[] original) {
        double squares = 0;
        for (int i = 0; i < pixels.length; i++) {
            squares += Math.pow(pixels[i] - original[i], 2);
        }
        return -10 * Math.log10(squares / pixels.length);
    }
}
