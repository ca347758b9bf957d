package dev.kdeformer.linalg;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CholeskyTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 17, 64})
    void factorsAndSolves(int n) {
        SplittableRandom random = new SplittableRandom(n);
        Gram gram = new Gram(n);
        for (int r = 0; r < 3 * n; r++) {
            System.arraycopy(random.doubles(n, -1, 1).toArray(), 0, gram.next(), 0, n);
            gram.add();
        }
        double[] a = gram.matrix();
        double[] factor = a.clone();
        assertTrue(Cholesky.factor(factor, n));
        double[] x = random.doubles(n, -1, 1).toArray();
        double[] b = new double[n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                b[i] += a[i * n + j] * x[j];
                double product = 0;
                for (int k = 0; k < n; k++) {
                    product += factor[i * n + k] * factor[j * n + k];
                }
                assertEquals(a[i * n + j], product, 1e-12);
                assertTrue(j <= i || factor[i * n + j] == 0);
            }
        }
        Cholesky.solve(factor, n, b);
        assertArrayEquals(x, b, 1e-10);
    }

    @Test
    void saysWhatIsNotPositiveDefinite() {
        assertFalse(Cholesky.factor(new double[] {0}, 1));
        assertFalse(Cholesky.factor(new double[] {1, 2, 2, 1}, 2));
        assertFalse(Cholesky.factor(new double[] {1, 0, Double.NaN, 1}, 2));
        assertFalse(Cholesky.factor(new double[] {Double.POSITIVE_INFINITY}, 1));
        assertThrows(IllegalArgumentException.class, () -> Cholesky.factor(new double[3], 2));
    }
}
