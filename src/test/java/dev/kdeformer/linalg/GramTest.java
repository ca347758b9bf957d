package dev.kdeformer.linalg;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GramTest {
    @ParameterizedTest
    @CsvSource({"0, 3", "1, 1", "1, 5", "3, 2", "4, 7", "5, 7", "101, 13"})
    void sumsTheProductsOfAllRows(int rows, int columns) {
        SplittableRandom random = new SplittableRandom(rows);
        Gram all = new Gram(columns);
        Gram first = new Gram(columns);
        Gram second = new Gram(columns);
        double[] expected = new double[columns * columns];
        double squares = 0;
        for (int r = 0; r < rows; r++) {
            double[] row = random.doubles(columns, -1, 1).toArray();
            for (Gram gram : new Gram[] {all, r < rows / 3 ? first : second}) {
                System.arraycopy(row, 0, gram.next(), 0, columns);
                gram.add();
            }
            for (int i = 0; i < columns; i++) {
                squares += row[i] * row[i];
                for (int j = 0; j < columns; j++) {
                    expected[i * columns + j] += row[i] * row[j];
                }
            }
        }
        assertArrayEquals(expected, all.matrix(), 1e-13);
        assertEquals(squares, all.trace(), 1e-12);
        first.add(second);
        assertArrayEquals(expected, first.matrix(), 1e-13);
    }
}
