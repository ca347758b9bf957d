package dev.kdeformer.pilot.keys;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ValueRangeTest {
    private final Engine engine = Engine.create(2);
    private final Team crew = Crews.begin(engine);

    @AfterEach
    void close() {
        Crews.end(engine, crew);
        engine.close();
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "70, 17", "9000, 40"})
    void isThatOfEveryFeatureAndClampsSumsToIt(int count, int dv) {
        Rows values = new RandomKeys(crew.scratch(), new SplittableRandom(count)).rows(count, dv);
        ValueRange range = ValueRange.of(values, crew);
        float[] sums = new float[2 * values.stride()];
        Arrays.fill(sums, 1e9f);
        for (int c = 0; c < dv; c++) {
            float least = Float.POSITIVE_INFINITY;
            float most = Float.NEGATIVE_INFINITY;
            for (int j = 0; j < count; j++) {
                least = Math.min(least, values.get(j, c));
                most = Math.max(most, values.get(j, c));
            }
            assertEquals(least, range.least()[c]);
            assertEquals(most, range.most()[c]);
            sums[values.stride() + c] = c % 3 == 0 ? -1e9f : c % 3 == 1 ? 1e9f : 0.25f * (least + most);
        }
        range.clamp(sums, values.stride(), 0.5f);
        for (int c = 0; c < dv; c++) {
            float expected = c % 3 == 0 ? 0.5f * range.least()[c]
                    : c % 3 == 1 ? 0.5f * range.most()[c] : 0.25f * (range.least()[c] + range.most()[c]);
            assertEquals(expected, sums[values.stride() + c]);
            assertEquals(1e9f, sums[c], "what lies before is left alone");
        }
    }
}
