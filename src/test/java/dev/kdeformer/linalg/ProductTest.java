package dev.kdeformer.linalg;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProductTest {
    @ParameterizedTest
    @CsvSource({"1, 1, 1", "3, 2, 5", "4, 7, 16", "5, 0, 3", "9, 33, 17", "13, 64, 70"})
    void addsTheProduct(int rows, int inner, int wanted) {
        int columns = Product.pad(wanted);
        SplittableRandom random = new SplittableRandom(rows);
        int stride = inner + 3;
        double[] a = random.doubles(2 + (long) rows * stride, -1, 1).toArray();
        double[] b = random.doubles((long) inner * columns, -1, 1).toArray();
        double[] c = random.doubles(5 + (long) (rows + 1) * columns, -1, 1).toArray();
        double[] before = c.clone();
        new Product(b, inner, columns).add(a, 2, stride, c, 5, rows);
        for (int at = 0; at < c.length; at++) {
            double expected = before[at];
            int i = Math.floorDiv(at - 5, columns);
            if (at >= 5 && i < rows) {
                for (int k = 0; k < inner; k++) {
                    expected += a[2 + i * stride + k] * b[k * columns + (at - 5) % columns];
                }
            }
            assertEquals(expected, c[at], 1e-13, "element " + at);
        }
    }
}
