package dev.kdeformer.linalg;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SymmetricEigenTest {
    private static double[] random(int n, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] a = new double[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = i; j < n; j++) {
                a[i * n + j] = random.nextGaussian();
                a[j * n + i] = a[i * n + j];
            }
        }
        return a;
    }

    /** Checks that A = Σ λ·v·vᵀ with orthonormal v and descending λ, to rounding. */
    private static void assertDecomposed(double[] a, int n) {
        SymmetricEigen eigen = new SymmetricEigen(n);
        double[] values = eigen.decompose(a).clone();
        double[] v = eigen.vectors();
        double norm = Math.max(Math.abs(values[0]), Math.abs(values[n - 1]));
        double tolerance = 1e-15 * n * 10;
        for (int i = 0; i < n; i++) {
            assertTrue(i == 0 || values[i] <= values[i - 1], "values must descend");
            for (int j = i; j < n; j++) {
                double element = 0;
                double product = 0;
                for (int k = 0; k < n; k++) {
                    element += v[k * n + i] * values[k] * v[k * n + j];
                    product += v[i * n + k] * v[j * n + k];
                }
                assertEquals(a[i * n + j], element, tolerance * norm, "element " + i + ", " + j);
                assertEquals(i == j ? 1 : 0, product, tolerance, "vectors " + i + ", " + j);
            }
        }
        assertArrayEquals(values, eigen.values(a), tolerance * norm);
        assertEquals(values[0], SymmetricEigen.largest(a, n), tolerance * norm);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 17, 64, 97})
    void decomposesRandomMatrices(int n) {
        for (int seed = 0; seed < (n < 10 ? 50 : 2); seed++) {
            assertDecomposed(random(n, seed), n);
        }
    }

    @Test
    void findsKnownEigenvalues() {
        int n = 40;
        double[] a = new double[n * n];
        for (int i = 0; i < n; i++) {
            a[i * n + i] = 2;
            if (i > 0) {
                a[i * n + i - 1] = -1;
                a[(i - 1) * n + i] = -1;
            }
        }
        double[] values = new SymmetricEigen(n).values(a);
        for (int i = 0; i < n; i++) {
            assertEquals(2 - 2 * Math.cos((n - i) * Math.PI / (n + 1)), values[i], 1e-14);
        }
    }

    @Test
    void takesSpecialMatrices() {
        int n = 23;
        double[] zero = new double[n * n];
        assertDecomposed(zero, n);
        double[] ones = new double[n * n];
        Arrays.fill(ones, 1);
        assertDecomposed(ones, n);
        assertEquals(n, SymmetricEigen.largest(ones, n), 1e-13);
        double[] diagonal = new double[n * n];
        double[] graded = new double[n * n];
        double[] repeated = new double[n * n];
        double[] weak = new double[n * n];
        double[] base = random(n, 3);
        for (int i = 0; i < n; i++) {
            diagonal[i * n + i] = i % 5 - 2;
            for (int j = 0; j < n; j++) {
                graded[i * n + j] = base[i * n + j] * Math.pow(10, -i - j);
                repeated[i * n + j] = (i == j ? 3 : 0) + 0.1;
                weak[i * n + j] = i == j ? i : base[i * n + j] * 1e-9;
            }
        }
        assertDecomposed(diagonal, n);
        assertDecomposed(graded, n);
        assertDecomposed(repeated, n);
        assertDecomposed(weak, n);
    }

    /** Elements beside the diagonal far below it still move eigenvalues: λ of [[1, ε, 0], [ε, 1, ε], [0, ε, 1]]. */
    @Test
    void keepsSmallCouplings() {
        double e = 3e-9;
        double[] values = new SymmetricEigen(3).values(new double[] {1, e, e, e, 1, 0, e, 0, 1});
        assertEquals(1 + Math.sqrt(2) * e, values[0], 1e-15);
        assertEquals(1 - Math.sqrt(2) * e, values[2], 1e-15);
    }

    @Test
    void scalesWithoutOverflow() {
        for (double scale : new double[] {1e-300, 1e-150, 1e150, 1e300}) {
            double[] a = random(13, 5);
            double plain = SymmetricEigen.largest(a, 13);
            for (int i = 0; i < a.length; i++) {
                a[i] *= scale;
            }
            assertEquals(plain, SymmetricEigen.largest(a, 13) / scale, 1e-13 * plain);
        }
    }

    /** Squares of some elements underflow, the elements themselves do not. */
    @Test
    void settlesWhereElementsAreFarApart() {
        double[] values = new SymmetricEigen(3)
                .values(new double[] {1, 1e-200, 0, 1e-200, 1e-210, 1e-200, 0, 1e-200, 1e-210});
        assertEquals(1, values[0], 1e-15);
        assertEquals(0, values[1], 1e-199);
        assertEquals(0, values[2], 1e-199);
    }

    @Test
    void rejectsWhatHasNoEigenvalues() {
        assertThrows(IllegalArgumentException.class, () -> new SymmetricEigen(0));
        assertThrows(IllegalArgumentException.class, () -> SymmetricEigen.largest(new double[5], 2));
        assertThrows(IllegalArgumentException.class,
                () -> SymmetricEigen.largest(new double[] {1, Double.NaN, Double.NaN, 1}, 2));
        assertThrows(IllegalArgumentException.class,
                () -> SymmetricEigen.largest(new double[] {Double.POSITIVE_INFINITY}, 1));
    }
}
