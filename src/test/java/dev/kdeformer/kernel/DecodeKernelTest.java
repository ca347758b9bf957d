package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernels of decoding against their scalar references. */
class DecodeKernelTest {
    private final Scratch scratch = new Scratch();
    private final SplittableRandom random = new SplittableRandom(8);

    @AfterEach
    void free() {
        scratch.close();
    }

    private float[] random(int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    private long memory(int count) {
        long address = scratch.floats(count);
        for (int i = 0; i < count; i++) {
            Memory.putFloat(address + i * 4L, (float) random.nextGaussian());
        }
        return address;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 64, 101, 300})
    void logits(int d) {
        long keys = memory(d * GROUP);
        for (int rows = 1; rows < 11; rows++) {
            float[] q = random(rows * (d + 1));
            float[] expected = random(3 + rows * STRIDE);
            float[] actual = expected.clone();
            DecodeKernel.logitsScalar(q, d + 1, rows, d, keys, expected, 3);
            DecodeKernel.logits(q, d + 1, rows, d, keys, actual, 3);
            assertArrayEquals(expected, actual, 1e-4f);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 7, 9})
    void values(int vectors) {
        long rows = memory(GROUP * vectors * LANES);
        for (int keys = 0; keys <= GROUP; keys += 5) {
            float[] p = random(2 + GROUP);
            float[] expected = random(vectors * LANES + 5);
            float[] actual = expected.clone();
            DecodeKernel.valuesScalar(p, 2, keys, rows, vectors, expected, 5);
            DecodeKernel.values(p, 2, keys, rows, vectors, actual, 5);
            assertArrayEquals(expected, actual, 1e-4f);
        }
    }
}
