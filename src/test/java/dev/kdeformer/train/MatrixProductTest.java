package dev.kdeformer.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Crew;
import dev.kdeformer.runtime.Memory;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.concurrent.ForkJoinPool;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products and element-wise kernels against their scalar references. */
class MatrixProductTest {
    private final Crew team = new Crew(2, ForkJoinPool.commonPool());
    private final SplittableRandom random = new SplittableRandom(11);

    @AfterEach
    void free() {
        team.close();
    }

    private float[] floats(int count) {
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = (float) random.nextGaussian();
        }
        return x;
    }

    private static void assertClose(float[] expected, float[] actual, double tolerance) {
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], tolerance * (1 + Math.abs(expected[i])), "element " + i);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 32, 32", "95, 64, 96", "97, 288, 32", "200, 704, 160", "2100, 32, 64", "300, 96, 608"})
    void productsOfLinearLayers(int rows, int inner, int columns) {
        float[] x = floats(rows * inner);
        float[] w = floats(inner * columns);
        float[] y = floats(rows * columns);
        float[] expected = y.clone();
        MatrixProduct.multiplyAddScalar(x, rows, w, inner, columns, expected);
        float[] transposed = new float[w.length];
        for (int i = 0; i < inner; i++) {
            for (int c = 0; c < columns; c++) {
                transposed[c * inner + i] = w[i * columns + c];
            }
        }
        try (Arena arena = Arena.ofShared()) {
            Panels panels = Panels.allocate(arena, inner, columns);
            panels.pack(w, 0, 0, inner);
            float[] sum = y.clone();
            MatrixProduct.multiplyAdd(team, x, rows, panels, sum);
            assertClose(expected, sum, 1e-5 * Math.sqrt(inner));
            panels.packTransposed(transposed);
            MatrixProduct.multiplyAdd(team, x, rows, panels, y);
            assertClose(expected, y, 1e-5 * Math.sqrt(inner));
            float[] plain = new float[y.length];
            MatrixProduct.multiplyAddScalar(x, rows, w, inner, columns, plain);
            MatrixProduct.multiply(team, x, rows, panels, y);
            assertClose(plain, y, 1e-5 * Math.sqrt(inner));
        }
        float[] gradient = floats(inner * columns);
        float[] wanted = gradient.clone();
        MatrixProduct.addOuterScalar(x, inner, y, columns, rows, wanted);
        MatrixProduct.addOuter(team, x, inner, y, columns, rows, gradient);
        assertClose(wanted, gradient, 1e-4 * Math.sqrt((double) rows * inner));
    }

    @Test
    void outerProducts() {
        int inner = 37;
        int rows = 2 * OuterKernel.ROWS;
        float[] x = floats(inner * OuterKernel.STRIDE);
        long right = team.scratch().floats((long) inner * Panels.WIDTH);
        for (int i = 0; i < inner * Panels.WIDTH; i++) {
            Memory.putFloat(right + i * 4L, (float) random.nextGaussian());
        }
        float[] o = floats(rows * 70);
        float[] expected = o.clone();
        OuterKernel.addScalar(x, rows, inner, right, expected, 3, 70);
        OuterKernel.add(x, rows, inner, right, o, 3, 70);
        assertClose(expected, o, 1e-5);
    }

    @Test
    void gatesAndNorms() {
        int rows = 300;
        int width = 96;
        float[] x = floats(rows * 2 * width);
        x[0] = 200;
        x[1] = -200;
        float[] expected = new float[rows * width];
        float[] h = new float[rows * width];
        GatedUnit.forwardScalar(x, rows, width, expected);
        GatedUnit.forward(team, x, rows, width, h);
        assertClose(expected, h, 1e-5);
        float[] gain = floats(width);
        RowNorm.forwardScalar(h, rows, gain, expected);
        float[] y = new float[rows * width];
        RowNorm.forward(team, h, rows, gain, new float[rows], y);
        assertClose(expected, y, 1e-5);
    }

    @Test
    void exponentials() {
        for (float x = -86; x < 87; x += 0.37f) {
            double e = Exponential.of(FloatVector.broadcast(Lanes.FLOATS, x)).lane(0);
            assertEquals(1, e / Math.exp(x), 5e-7, "exp " + x);
        }
        assertEquals(0, Exponential.of(FloatVector.broadcast(Lanes.FLOATS, -1e9f)).lane(0), 1e-37);
    }
}
