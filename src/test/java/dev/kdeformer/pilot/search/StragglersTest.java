package dev.kdeformer.pilot.search;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class StragglersTest {
    private static double[] leverage(int n, double others, int... far) {
        double[] parts = new double[n];
        Arrays.fill(parts, others);
        for (int i : far) {
            parts[i] = 1;
        }
        double sum = Arrays.stream(parts).sum();
        return Arrays.stream(parts).map(each -> each / sum).toArray();
    }

    @Test
    void areThoseFarBeyondTheMean() {
        double[] leverage = leverage(1000, 0.01, 3, 500, 999);
        Stragglers found = Stragglers.of(leverage, 30);
        assertArrayEquals(new int[] {3, 500, 999}, found.positions());
        assertEquals(997, Arrays.stream(found.rest(leverage)).filter(each -> each > 0).count());
        assertEquals(1, Arrays.stream(found.rest(leverage)).sum(), 1e-12);
        assertEquals(0, found.rest(leverage)[500]);
    }

    @Test
    void areNoMoreThanWanted() {
        assertArrayEquals(new int[] {3, 500}, Stragglers.of(leverage(1000, 0.01, 3, 500, 999), 2).positions());
        assertEquals(0, Stragglers.of(leverage(1000, 0.01, 3, 500, 999), 0).positions().length);
    }

    @Test
    void areLeftAloneWhereTheyHoldLittleOrAllAreAlike() {
        double[] alike = leverage(1000, 0.3);
        assertEquals(0, Stragglers.of(alike, 30).positions().length);
        assertArrayEquals(alike, Stragglers.of(alike, 30).rest(alike), 1e-15);
        assertEquals(0, Stragglers.of(leverage(1000, 0.14, 7), 30).positions().length);
    }
}
