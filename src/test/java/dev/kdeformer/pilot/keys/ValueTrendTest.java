package dev.kdeformer.pilot.keys;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.runtime.Scratch;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ValueTrendTest {
    /** Values are a part of the first features of the keys, plus noise. */
    @ParameterizedTest
    @CsvSource({"3000, 24, 17, 0, false", "3000, 24, 17, 0.8, true", "700, 64, 64, 0, false", "700, 64, 64, 0.9, true",
        "5000, 100, 3, 0, false", "5000, 100, 3, 0.7, true", "1, 8, 8, 1, false"})
    void isFoundWhereValuesMoveWithKeys(int m, int d, int dv, double part, boolean expected) {
        try (Scratch scratch = new Scratch()) {
            Random random = new Random(m + d);
            Rows keys = Rows.allocate(scratch, m, d);
            Rows values = Rows.allocate(scratch, m, dv);
            float[] key = new float[Math.max(d, dv)];
            float[] value = new float[dv];
            for (int j = 0; j < m; j++) {
                for (int c = 0; c < d; c++) {
                    key[c] = (float) (random.nextGaussian() + 3);
                }
                for (int c = 0; c < dv; c++) {
                    value[c] = (float) (part * key[c] + (1 - part) * random.nextGaussian() - 5);
                }
                keys.write(j, key, 0);
                values.write(j, value, 0);
            }
            assertEquals(expected, ValueTrend.exists(keys, values));
        }
    }
}
