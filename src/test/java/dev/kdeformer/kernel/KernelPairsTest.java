package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import java.util.SplittableRandom;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every kernel against its scalar reference. */
class KernelPairsTest {
    private static final int ROWS = QueryTile.ROWS;

    private final Scratch scratch = new Scratch();
    private final SplittableRandom random = new SplittableRandom(5);

    @AfterEach
    void free() {
        scratch.close();
    }

    private float[] tile() {
        float[] tile = new float[ROWS * STRIDE];
        for (int i = 0; i < tile.length; i++) {
            tile[i] = (float) random.nextGaussian();
        }
        return tile;
    }

    private long memory(int floats) {
        long address = scratch.floats(floats);
        for (int i = 0; i < floats; i++) {
            Memory.putFloat(address + i * 4L, (float) random.nextGaussian());
        }
        return address;
    }

    private static void assertClose(float[] expected, float[] actual, int rows, int stride, int from, int columns,
            double tolerance) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                int i = from + r * stride + c;
                assertEquals(expected[i], actual[i], tolerance * (1 + Math.abs(expected[i])), "row " + r + " column "
                        + c);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 16})
    void dotProductsAreThoseOfPlainLoops(int vectors) {
        int count = vectors * LANES;
        float[] x = tile();
        float[] y = tile();
        long address = memory(count);
        double ofArrays = 0;
        double ofMemory = 0;
        for (int i = 0; i < count; i++) {
            ofArrays += (double) x[3 + i] * y[STRIDE + i];
            ofMemory += (double) Memory.getFloat(address + i * 4L) * x[3 + i];
        }
        assertEquals(ofArrays, Lanes.dot(x, 3, y, STRIDE, count), 1e-6 * count);
        assertEquals(ofMemory, Lanes.dot(address, x, 3, count), 1e-6 * count);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 31, 64, 100, 256})
    void logits(int d) {
        float[] q = tile();
        long keys = memory(d * PANEL);
        long bias = memory(PANEL);
        for (int rows : new int[] {1, 5, 6, 7, 96}) {
            float[] expected = new float[ROWS * STRIDE];
            float[] actual = new float[ROWS * STRIDE];
            LogitKernel.logitsScalar(q, rows, d, keys, bias, expected, 7);
            LogitKernel.logits(q, rows, d, keys, bias, actual, 7);
            assertClose(expected, actual, rows, STRIDE, 7, PANEL, 1e-6 * d);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 64, 251})
    void values(int keys) {
        float[] p = tile();
        for (int vectors = 1; vectors <= ValueKernel.WIDEST; vectors++) {
            int stride = vectors * LANES + LANES;
            long rowBytes = (vectors + 1L) * Lanes.VECTOR_BYTES;
            long values = memory(keys * (vectors + 1) * LANES);
            for (int rows : new int[] {1, 11, 24, 95}) {
                float[] expected = new float[ROWS * stride];
                float[] actual = new float[ROWS * stride];
                ValueKernel.addScalar(p, 3, rows, keys, values, rowBytes, vectors, expected, LANES, stride);
                int tall = Math.min(rows, ROWS - 12);
                ValueKernel.add(p, 3, tall, keys, values, rowBytes, vectors, actual, LANES, stride);
                assertClose(expected, actual, tall, stride, LANES, vectors * LANES, 1e-6 * keys);
            }
        }
    }

    @Test
    void expIsWithinTwoUlpAndZeroBelowTheSmallest() {
        float[] s = new float[ROWS * STRIDE];
        float[] max = new float[ROWS];
        double worst = 0;
        for (int round = 0; round < 200; round++) {
            double span = round % 4 == 0 ? 2 : 126;
            float[] x = new float[ROWS * STRIDE];
            for (int i = 0; i < s.length; i++) {
                x[i] = s[i] = (float) (-span * random.nextDouble() + (round % 5 == 0 ? 16 : 0));
            }
            ExpKernel.exp(s, 0, ROWS, 1, max, new float[ROWS * LANES]);
            for (int r = 0; r < ROWS; r++) {
                for (int c = 0; c < ExpKernel.COLUMNS; c++) {
                    int i = r * STRIDE + c;
                    double exact = Math.pow(2, x[i]);
                    worst = Math.max(worst, Math.abs(s[i] - exact) / Math.ulp((float) exact));
                }
            }
        }
        assertTrue(worst <= 2, "error of " + worst + " ulp");
        float[] hidden = {-126.1f, -127, -150, -1e4f, -1e30f, Float.NEGATIVE_INFINITY, 0, -126};
        System.arraycopy(hidden, 0, s, 0, hidden.length);
        ExpKernel.exp(s, 0, 1, 1, max, new float[LANES]);
        for (int i = 0; i < 6; i++) {
            assertEquals(0, Float.floatToRawIntBits(s[i]), "2^" + hidden[i]);
        }
        assertEquals(1, s[6]);
        assertEquals(0x1p-126f, s[7]);
    }

    @Test
    void expSumsRowsAndWatchesTheLargestExponent() {
        float[] x = tile();
        float[] max = new float[ROWS];
        for (int r = 0; r < ROWS; r++) {
            max[r] = r % 7 - 3;
        }
        x[5 * STRIDE + 20] = Float.NEGATIVE_INFINITY;
        for (int rows : new int[] {1, 6, 96}) {
            float[] expected = x.clone();
            float[] actual = x.clone();
            float[] expectedSums = new float[ROWS * LANES];
            float[] sums = new float[ROWS * LANES];
            float expectedTop = ExpKernel.expScalar(expected, 16, rows, 1.25f, max, expectedSums);
            float top = ExpKernel.exp(actual, 16, rows, 1.25f, max, sums);
            assertClose(expected, actual, rows, STRIDE, 16, ExpKernel.COLUMNS, 3e-7);
            assertClose(expectedSums, sums, rows, LANES, 0, LANES, 1e-6);
            assertEquals(expectedTop, top);
        }
    }

    @Test
    void laneSums() {
        float[] x = tile();
        for (int at = 0; at < 50 * LANES; at += LANES) {
            double expected = 0;
            for (int i = at; i < at + LANES; i++) {
                expected += x[i];
            }
            assertEquals(expected, Lanes.sum(x, at), 1e-5);
            assertEquals(expected, Lanes.sum(FloatVector.fromArray(Lanes.FLOATS, x, at)), 1e-5);
        }
    }

    @Test
    void rowMaximum() {
        float[] s = tile();
        float[] expected = new float[ROWS];
        float[] actual = new float[ROWS];
        ExpKernel.rowMaxScalar(s, 3, ROWS, ExpKernel.COLUMNS, expected);
        ExpKernel.rowMax(s, 3, ROWS, ExpKernel.COLUMNS, actual);
        assertClose(expected, actual, ROWS, 1, 0, 1, 0);
    }

    @Test
    void exponentsAreRelatedToReferencesOfAnySize() {
        float factor = 1.4142135f;
        for (float size : new float[] {1, 1e5f, 1e9f, 1e20f, 1e35f}) {
            float[] expected = tile();
            float[] high = new float[ROWS];
            float[] low = new float[ROWS];
            for (int r = 0; r < ROWS; r++) {
                float logit = size * (1 + random.nextFloat());
                double reference = (double) logit * factor;
                high[r] = (float) reference;
                low[r] = (float) (reference - high[r]);
                for (int c = 0; c < ExpKernel.COLUMNS; c++) {
                    expected[7 + r * STRIDE + c] = c == 0 ? logit : logit - (c % 5) * Math.ulp(logit);
                }
            }
            float[] actual = expected.clone();
            ExpKernel.relateScalar(expected, 7, 0, ROWS, factor, high, low);
            ExpKernel.relate(actual, 7, 0, ROWS, factor, high, low);
            assertClose(expected, actual, ROWS, STRIDE, 7, ExpKernel.COLUMNS, 1e-6);
            assertEquals(0, actual[7]);
        }
    }

    @Test
    void exponentsAreRelatedToRowsAndColumns() {
        float[] expected = tile();
        float[] rowBias = new float[ROWS];
        for (int r = 0; r < ROWS; r++) {
            rowBias[r] = r % 9 == 3 ? Float.NEGATIVE_INFINITY : r - 40;
        }
        long bias = memory(ExpKernel.COLUMNS);
        long rest = memory(ExpKernel.COLUMNS);
        float[] actual = expected.clone();
        ExpKernel.relateScalar(expected, ROWS, ExpKernel.COLUMNS, 1.7f, bias, rest, rowBias);
        ExpKernel.relate(actual, ROWS, ExpKernel.COLUMNS, 1.7f, bias, rest, rowBias);
        assertClose(expected, actual, ROWS, STRIDE, 0, ExpKernel.COLUMNS, 1e-5);
    }

    @Test
    void causalMask() {
        for (int last = -ROWS - 3; last < ExpKernel.COLUMNS + 3; last += 5) {
            float[] expected = tile();
            float[] actual = expected.clone();
            MaskKernel.hideAfterScalar(expected, 2, ROWS, ExpKernel.COLUMNS, last);
            MaskKernel.hideAfter(actual, 2, ROWS, ExpKernel.COLUMNS, last);
            for (int r = 0; r < ROWS; r++) {
                for (int c = 0; c < STRIDE - 2; c++) {
                    assertEquals(expected[2 + r * STRIDE + c], actual[2 + r * STRIDE + c], last + ": " + r + ", " + c);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 37, 64})
    void projection(int d) {
        float[] x = tile();
        for (int columns : new int[] {1, 7, LANES, LANES + 1, 3 * LANES}) {
            int padded = ProjectionKernel.pad(columns);
            float[] table = Arrays.copyOf(tile(), padded * d);
            float[] starts = Arrays.copyOf(tile(), padded);
            float[] expected = new float[ProjectionKernel.ROWS * padded];
            float[] actual = new float[ProjectionKernel.ROWS * padded];
            ProjectionKernel.projectScalar(x, 3, d, table, starts, expected);
            ProjectionKernel.project(x, 3, d, table, starts, actual);
            assertArrayEquals(expected, actual);
        }
    }

    @Test
    void maskBefore() {
        for (int first = -ROWS - 3; first < ExpKernel.COLUMNS + 3; first += 5) {
            float[] expected = tile();
            float[] actual = expected.clone();
            MaskKernel.hideBeforeScalar(expected, 2, ROWS, ExpKernel.COLUMNS, first);
            MaskKernel.hideBefore(actual, 2, ROWS, ExpKernel.COLUMNS, first);
            for (int r = 0; r < ROWS; r++) {
                for (int c = 0; c < STRIDE - 2; c++) {
                    assertEquals(expected[2 + r * STRIDE + c], actual[2 + r * STRIDE + c], first + ": " + r + ", " + c);
                }
            }
        }
    }

    @Test
    void softCaps() {
        for (float cap : new float[] {0.01f, 1, 30}) {
            float[] expected = tile();
            expected[20] = Float.NEGATIVE_INFINITY;
            expected[21] = 1e30f;
            float[] actual = expected.clone();
            float[] expectedSlopes = new float[expected.length];
            float[] slopes = new float[expected.length];
            TermKernel.bendScalar(expected, 16, ROWS - 1, ExpKernel.COLUMNS, cap, expectedSlopes);
            TermKernel.bend(actual, 16, ROWS - 1, ExpKernel.COLUMNS, cap, slopes);
            assertClose(expected, actual, ROWS - 1, STRIDE, 16, ExpKernel.COLUMNS, 4e-7);
            assertClose(expectedSlopes, slopes, ROWS - 1, STRIDE, 16, ExpKernel.COLUMNS, 4e-7);
        }
    }

    /** From denormals to infinity, on both sides: to a few units in the last place, and never beyond the cap. */
    @Test
    void softCapsHoldAllDigits() {
        int count = 50_000;
        int perRow = ExpKernel.COLUMNS;
        float[] s = new float[STRIDE];
        float[] reference = new float[STRIDE];
        float[] slopes = new float[STRIDE];
        float[] expectedSlopes = new float[STRIDE];
        for (float cap : new float[] {0.3f, 1, 50}) {
            for (int from = 0; from < count; from += perRow) {
                for (int c = 0; c < perRow; c++) {
                    int i = from + c;
                    double x = i % 2 == 0 ? 20.0 * i / count : Math.scalb(1 + 0.37 * (i % 3), i % 290 - 149);
                    s[c] = (float) (x * cap) * (i % 4 < 2 ? 1 : -1);
                }
                s[perRow - 1] = Float.NEGATIVE_INFINITY;
                s[perRow - 2] = Float.POSITIVE_INFINITY;
                s[perRow - 3] = -Float.MAX_VALUE;
                s[perRow - 4] = -0f;
                System.arraycopy(s, 0, reference, 0, perRow);
                float[] logits = s.clone();
                TermKernel.bendScalar(reference, 0, 1, perRow, cap, expectedSlopes);
                float[] careful = s.clone();
                TermKernel.bend(s, 0, 1, perRow, cap, null);
                TermKernel.bend(careful, 0, 1, perRow, cap, slopes);
                for (int c = 0; c < perRow; c++) {
                    // The smallest denormal, times what a quotient by the cap is multiplied by again.
                    double tolerance = 6e-7 * Math.abs(reference[c]) + Float.MIN_VALUE * (1.0 + cap);
                    assertEquals(reference[c], careful[c], tolerance, "logit " + logits[c]);
                    assertEquals(reference[c], s[c], tolerance, "logit " + logits[c]);
                    assertTrue(Math.abs(s[c]) <= cap * (1 + 3e-7), "logit " + logits[c] + " became " + s[c]);
                    assertEquals(expectedSlopes[c], slopes[c], 4e-7, "slope at " + logits[c]);
                }
            }
        }
    }

    @Test
    void biasesAreAdded() {
        float[] expected = tile();
        float[] bias = new float[ROWS * (ExpKernel.COLUMNS + 3) + 64];
        for (int i = 0; i < bias.length; i++) {
            float hidden = i % 2 == 0 ? Float.NEGATIVE_INFINITY : -Float.MAX_VALUE;
            bias[i] = i % 5 == 0 ? hidden : (float) random.nextGaussian();
        }
        float[] actual = expected.clone();
        BiasRows rows = new BiasRows(bias, 2, ExpKernel.COLUMNS + 3);
        TermKernel.addScalar(expected, 5, ROWS - 1, ExpKernel.COLUMNS, rows, 1.3f);
        TermKernel.add(actual, 5, ROWS - 1, ExpKernel.COLUMNS, rows, 1.3f);
        assertClose(expected, actual, ROWS - 1, STRIDE, 5, ExpKernel.COLUMNS, 1e-6);
        long columns = memory(ExpKernel.COLUMNS);
        TermKernel.addColumnsScalar(expected, 5, ROWS - 1, ExpKernel.COLUMNS, columns);
        TermKernel.addColumns(actual, 5, ROWS - 1, ExpKernel.COLUMNS, columns);
        assertClose(expected, actual, ROWS - 1, STRIDE, 5, ExpKernel.COLUMNS, 1e-6);
    }

    @Test
    void biasesSlide() {
        float[] expected = tile();
        float[] bias = new float[ROWS + ExpKernel.COLUMNS];
        for (int i = 0; i < bias.length; i++) {
            float hidden = i % 2 == 0 ? Float.NEGATIVE_INFINITY : -Float.MAX_VALUE;
            bias[i] = i % 5 == 0 ? hidden : (float) random.nextGaussian();
        }
        float[] scaled = bias.clone();
        TermKernel.scale(scaled, bias.length - 1, 1.3f);
        for (int i = 0; i < bias.length - 1; i++) {
            assertEquals(i % 5 == 0 ? Float.NEGATIVE_INFINITY : bias[i] * 1.3f, scaled[i]);
        }
        assertEquals(bias[bias.length - 1], scaled[bias.length - 1]);
        float[] actual = expected.clone();
        TermKernel.addSlidingScalar(expected, 5, ROWS - 1, ExpKernel.COLUMNS, scaled, ROWS - 2);
        TermKernel.addSliding(actual, 5, ROWS - 1, ExpKernel.COLUMNS, scaled, ROWS - 2);
        assertArrayEquals(expected, actual);
    }

    @Test
    void biasesOverGrids() {
        GridPass places = new GridPass();
        for (int width : new int[] {1, 2, 3, 7, LANES - 1, LANES, LANES + 1, 3 * LANES, 250, 300}) {
            places.begin(width);
            for (int key = 0; key < 2 * width + 5; key += 1 + random.nextInt(9)) {
                places.move(key, 0, key / width);
                float[] rowParts = new float[ROWS * (ExpKernel.COLUMNS + LANES + 3)];
                float[] columnParts = new float[ROWS * (320 + LANES)];
                for (int i = 0; i < columnParts.length; i++) {
                    columnParts[i] = i % 11 == 0 ? Float.NEGATIVE_INFINITY : (float) random.nextGaussian();
                }
                for (int i = 0; i < rowParts.length; i++) {
                    rowParts[i] = i % 31 == 0 ? -Float.MAX_VALUE : (float) random.nextGaussian();
                }
                float[] expected = tile();
                float[] actual = expected.clone();
                GridParts parts = new GridParts(rowParts, ExpKernel.COLUMNS + LANES + 3, columnParts, 320 + LANES);
                TermKernel.addGridScalar(expected, 5, 0, ROWS - 1, 1.3f, parts, places);
                TermKernel.addGrid(actual, 5, 0, ROWS - 1, 1.3f, parts, places);
                assertClose(expected, actual, ROWS - 1, STRIDE, 5, ExpKernel.COLUMNS, 1e-6);
                for (int c = 0; c < ExpKernel.COLUMNS; c++) {
                    assertEquals((key + c) / width - key / width,
                            places.row(c / LANES) + places.lanes(c / LANES).laneSource(c % LANES));
                    if (width <= Lanes.STEP) {
                        assertEquals((key + c) % width, (places.column(c / LANES) + c % LANES) % width);
                    }
                }
            }
        }
    }

    @Test
    void whatLiesOutsideOfRangesIsHidden() {
        float[] expected = tile();
        int[] first = random.ints(ExpKernel.COLUMNS, 0, 150).toArray();
        int[] end = random.ints(ExpKernel.COLUMNS, 0, 200).toArray();
        float[] actual = expected.clone();
        MaskKernel.hideOutsideScalar(expected, ROWS, ExpKernel.COLUMNS, 40, first, end);
        MaskKernel.hideOutside(actual, ROWS, ExpKernel.COLUMNS, 40, first, end);
        assertArrayEquals(expected, actual);
    }
}
