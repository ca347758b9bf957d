package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
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

    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void narrowProducts(int pack) {
        for (int size : new int[] {1, 2, 3, 5, 16, 33, 64, 100, 130}) {
            GroupLayout layout = new GroupLayout(pack, size, size);
            long keys = ints((int) layout.keyBytes() / 4, pack);
            long values = ints((int) layout.valueBytes() / 4, pack);
            int outputStride = Lanes.padColumns(size);
            for (int rows = 1; rows < 10; rows += 2) {
                int qStride = layout.queryStride();
                float[] q = random(rows * qStride);
                float[] expected = random(3 + rows * STRIDE);
                float[] actual = expected.clone();
                float[] p = random(2 + rows * STRIDE);
                float[] expectedSums = random(rows * outputStride);
                float[] actualSums = expectedSums.clone();
                int present = random.nextInt(GROUP + 1);
                if (pack == 2) {
                    NarrowNumbers.logitsScalar(2, q, qStride, rows, layout.keyInts(), keys, expected, 3);
                    Bfloat16Kernel.logits(q, qStride, rows, layout.keyInts(), keys, actual, 3);
                    NarrowNumbers.valuesScalar(2, p, 2, rows, present, values, layout.valueInts(), expectedSums,
                            outputStride);
                    Bfloat16Kernel.values(p, 2, rows, present, values, layout.valueInts(), actualSums, outputStride);
                } else {
                    NarrowNumbers.logitsScalar(4, q, qStride, rows, layout.keyInts(), keys, expected, 3);
                    ByteKernel.logits(inUnits(q), qStride, rows, layout.keyInts(), keys, actual, 3);
                    NarrowNumbers.valuesScalar(4, p, 2, rows, present, values, layout.valueInts(), expectedSums,
                            outputStride);
                    ByteKernel.values(inUnits(p), 2, rows, present, values, layout.valueInts(), actualSums,
                            outputStride);
                }
                assertArrayEquals(expected, actual, pack == 2 ? 1e-4f : 1e-2f);
                assertArrayEquals(expectedSums, actualSums, pack == 2 ? 1e-4f : 1e-2f);
            }
        }
    }

    private static float[] inUnits(float[] x) {
        float[] result = x.clone();
        for (int i = 0; i < x.length; i++) {
            result[i] *= ByteKernel.UNIT;
        }
        return result;
    }

    private long ints(int count, int pack) {
        long address = scratch.floats(count);
        for (int i = 0; i < count; i++) {
            Memory.putInt(address + i * 4L, pack == 4 ? random.nextInt()
                    : NarrowNumbers.pack(2, random(2), 0, 1, 2, 1));
        }
        return address;
    }

    @Test
    void rowsComeBackAsTheyWereRounded() {
        for (int pack : new int[] {1, 2, 4}) {
            for (int size : new int[] {1, 3, 15, 16, 17, 31, 33, 64, 70, 129}) {
                GroupLayout layout = new GroupLayout(pack, size, size);
                long keys = scratch.floats((int) layout.keyBytes() / 4);
                long values = scratch.floats((int) layout.valueBytes() / 4);
                long scales = scratch.floats(2 * GROUP);
                float[][] rows = new float[GROUP][];
                for (int j = 0; j < GROUP; j++) {
                    rows[j] = random(size);
                    rows[j][0] = j == 3 ? Float.MAX_VALUE : j == 4 ? Float.MIN_VALUE : j == 5 ? -0f : rows[j][0];
                    layout.putKey(rows[j], 0, keys, scales, j);
                    layout.putValue(rows[j], 0, values, scales, j);
                }
                for (int j = 0; j < GROUP; j++) {
                    float[] key = new float[size];
                    float[] value = new float[size];
                    layout.getKey(key, 0, keys, scales, j);
                    layout.getValue(value, 0, values, scales, j);
                    assertArrayEquals(key, value);
                    float largest = 0;
                    for (float x : rows[j]) {
                        largest = Math.max(largest, Math.abs(x));
                    }
                    for (int c = 0; c < size; c++) {
                        float x = rows[j][c];
                        double allowed = pack == 1 ? 0 : 1e-40 + (pack == 2 ? Math.abs(x) / 256.0 : largest / 253.9);
                        assertEquals(x, key[c], allowed);
                    }
                    layout.putKey(key, 0, keys, scales, j);
                    float[] again = new float[size];
                    layout.getKey(again, 0, keys, scales, j);
                    assertArrayEquals(key, again, pack == 4 ? largest * 1e-6f : 0);
                }
            }
        }
    }
}
