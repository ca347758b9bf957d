package dev.kdeformer.pilot.tile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.kernel.Lanes;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DrawnKeysTest {
    private final DrawnKeys drawn = new DrawnKeys();

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 1", "17, 5", "1009, 64", "1009, 1008", "5000, 512"})
    void sumsOfSmoothFunctionsAreKept(int count, int wanted) {
        float[] weights = new float[count + Lanes.LANES];
        SplittableRandom random = new SplittableRandom(count);
        double total = 0;
        double moment = 0;
        for (int j = 0; j < count; j++) {
            weights[j] = (float) Math.exp(3 * random.nextDouble() + 1e-3 * j);
            total += weights[j];
            moment += weights[j] * smooth(j, count);
        }
        drawn.draw(numbers(count), weights, count, count, wanted);
        assertTrue(drawn.count() <= wanted, drawn.count() + " of " + wanted);
        double sum = 0;
        double drawnMoment = 0;
        int before = -1;
        for (int i = 0; i < drawn.count(); i++) {
            assertTrue(drawn.key(i) > before, "in order, each once");
            before = drawn.key(i);
            sum += drawn.weight(i);
            drawnMoment += drawn.weight(i) * smooth(drawn.key(i), count);
        }
        assertEquals(total, sum, total * (1e-5 + 0.5 / wanted));
        assertEquals(moment / total, drawnMoment / sum, 4.0 / wanted);
    }

    @Test
    void heavyKeysKeepTheirWeights() {
        float[] weights = new float[1000 + Lanes.LANES];
        Arrays.fill(weights, 0, 1000, 1e-3f);
        weights[3] = 5;
        weights[700] = 1e30f;
        drawn.draw(numbers(1000), weights, 1000, 1000, 16);
        assertEquals(1e30f, weight(700));
        weights[700] = 7;
        drawn.draw(numbers(1000), weights, 1000, 1000, 16);
        assertEquals(5, weight(3));
        assertEquals(7, weight(700));
        assertTrue(drawn.count() > 2 && drawn.count() <= 16, "" + drawn.count());
    }

    @Test
    void allAreTakenWhereFewAreThere() {
        float[] weights = new float[4 + Lanes.LANES];
        Arrays.fill(weights, 0, 4, Float.MIN_VALUE);
        weights[1] = 0;
        drawn.draw(new int[] {4, 7, 8, 9}, weights, 4, 3, 3);
        assertEquals(3, drawn.count());
        assertEquals(8, drawn.key(1));
        assertEquals(9, drawn.key(2));
        assertEquals(Float.MIN_VALUE, drawn.weight(2));
        // The same weights, of which half are wanted: too small for their steps to be told apart.
        drawn.draw(new int[] {4, 7, 8, 9}, weights, 4, 3, 1);
        assertTrue(drawn.count() <= 1, "" + drawn.count());
    }

    private static double smooth(int j, int count) {
        return Math.sin(2.0 * j / count);
    }

    private float weight(int key) {
        for (int i = 0; i < drawn.count(); i++) {
            if (drawn.key(i) == key) {
                return drawn.weight(i);
            }
        }
        return 0;
    }

    private static int[] numbers(int count) {
        int[] numbers = new int[count];
        Arrays.setAll(numbers, j -> j);
        return numbers;
    }
}
