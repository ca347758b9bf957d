package dev.kdeformer.cli.denoise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.Attention;
import dev.kdeformer.AttentionInput;
import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PatchesTest {
    private static Pixels picture(int channels) {
        Random random = new Random(7);
        float[] values = new float[9 * 6 * channels];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat();
        }
        return new Pixels(9, 6, channels, values);
    }

    @Test
    void mirrorsAtTheBorders() {
        assertArrayEquals(new int[] {2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1},
                IntStream.rangeClosed(-4, 7).map(i -> Patches.mirror(i, 4)).toArray());
        assertEquals(0, Patches.mirror(-3, 1));
        assertArrayEquals(new int[] {1, 0, 1, 0}, IntStream.range(-1, 3).map(i -> Patches.mirror(i, 2)).toArray());
    }

    /** Attention to the patches is the mean that non-local means is defined by, written out. */
    @Test
    void attentionIsNonLocalMeans() {
        for (int channels : new int[] {1, 3}) {
            Pixels picture = picture(channels);
            double h = 3;
            float[] expected = nonLocalMeans(picture, 3, h);
            for (int features : new int[] {0, 9 * channels}) { // all principal components keep all distances
                try (Arena arena = Arena.ofShared(); Engine engine = Engine.create(1)) {
                    AttentionInput input = new Patches(picture, 3, features).input(arena, h);
                    Tensor output = Tensor.allocate(arena, input.outputShape());
                    Attention.exact().build().apply(engine, input, output);
                    assertArrayEquals(expected, output.toArray(), 2e-5f);
                }
            }
        }
    }

    private static float[] nonLocalMeans(Pixels picture, int size, double h) {
        int n = picture.count();
        int channels = picture.channels();
        double deviation = picture.moments()[1];
        float[] result = new float[n * channels];
        for (int i = 0; i < n; i++) {
            double sum = 0;
            double[] mean = new double[channels];
            for (int j = 0; j < n; j++) {
                double square = 0;
                for (int dy = -size / 2; dy <= size / 2; dy++) {
                    for (int dx = -size / 2; dx <= size / 2; dx++) {
                        for (int c = 0; c < channels; c++) {
                            double difference = at(picture, i, dx, dy, c) - at(picture, j, dx, dy, c);
                            square += difference * difference;
                        }
                    }
                }
                double weight = Math.exp(-square / (deviation * deviation * h * h));
                sum += weight;
                for (int c = 0; c < channels; c++) {
                    mean[c] += weight * picture.values()[j * channels + c];
                }
            }
            for (int c = 0; c < channels; c++) {
                result[i * channels + c] = (float) (mean[c] / sum);
            }
        }
        return result;
    }

    private static double at(Pixels picture, int pixel, int dx, int dy, int channel) {
        int x = Math.abs(pixel % picture.width() + dx);
        int y = Math.abs(pixel / picture.width() + dy);
        x = x < picture.width() ? x : 2 * (picture.width() - 1) - x;
        y = y < picture.height() ? y : 2 * (picture.height() - 1) - y;
        return picture.values()[(y * picture.width() + x) * picture.channels() + channel];
    }

    @Test
    void theBandwidthFollowsNoiseAndPatch() {
        Pixels picture = picture(1);
        Patches patches = new Patches(picture, 5, 0);
        assertEquals(0.5 * 5 * 0.1 / picture.moments()[1], patches.bandwidth(0.1, 0.5), 1e-9);
        assertEquals(0.5 * 2 * 0.1 / picture.moments()[1], new Patches(picture, 5, 4).bandwidth(0.1, 0.5), 1e-9);
    }
}
