package dev.kdeformer.kdeformer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.sampling.CounterRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class KeySampleTest {
    private static final int SIZE = 23;
    private final Scratch scratch = new Scratch();
    private final long order = scratch.ints(SIZE);
    private final long weights = scratch.floats(SIZE + 5);

    @AfterEach
    void free() {
        scratch.close();
    }

    /** Sorted position p holds key 27 − p; its weight is that of the position. */
    private void weights(double... byPosition) {
        for (int p = 0; p < SIZE; p++) {
            Memory.putInt(order + p * 4L, 27 - p);
            Memory.putFloat(weights + (27 - p) * 4L, (float) byPosition[p % byPosition.length]);
        }
    }

    private KeySample draw(Draws draws, int samples, long seed) {
        return KeySample.draw(scratch, draws, samples, CounterRandom.of(seed), order, SIZE, weights);
    }

    @ParameterizedTest
    @EnumSource
    void everyKeyCountsOnceOnAverage(Draws draws) {
        weights(1, 0.3, 0, 2.5, 0.01, 9, 1);
        int rounds = 20_000;
        double[] sum = new double[SIZE];
        double[] squares = new double[SIZE];
        for (int seed = 0; seed < rounds; seed++) {
            long mark = scratch.mark();
            KeySample sample = draw(draws, 9, seed);
            for (int entry = 0; entry < sample.count(); entry++) {
                double weight = Math.exp(sample.logWeight(entry));
                sum[sample.position(entry)] += weight;
                squares[sample.position(entry)] += weight * weight;
            }
            scratch.release(mark);
        }
        for (int p = 0; p < SIZE; p++) {
            double mean = sum[p] / rounds;
            double error = Math.sqrt((squares[p] / rounds - mean * mean) / rounds);
            assertEquals(p % 7 == 2 ? 0 : 1, mean, 5 * error + 1e-6, "position " + p);
        }
    }

    @ParameterizedTest
    @EnumSource
    void entriesAscendAndCanBeSearched(Draws draws) {
        weights(1, 0.3, 0, 2.5, 0.01, 9, 1);
        for (int seed = 0; seed < 50; seed++) {
            KeySample sample = draw(draws, 12, seed);
            assertTrue(sample.count() >= 1 && sample.count() <= 12);
            for (int entry = 1; entry < sample.count(); entry++) {
                assertTrue(sample.position(entry - 1) < sample.position(entry));
            }
            for (int position = 0; position <= SIZE; position++) {
                int first = sample.firstFrom(position);
                assertTrue(first == sample.count() || sample.position(first) >= position);
                assertTrue(first == 0 || sample.position(first - 1) < position);
            }
        }
    }

    @Test
    void strataDrawExactlyAsManyKeysAsAskedAndHeavyOnesAlways() {
        weights(1, 1, 1, 1, 50, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1e-3);
        for (int seed = 0; seed < 200; seed++) {
            KeySample sample = draw(Draws.STRATIFIED, 8, seed);
            assertEquals(8, sample.count());
            int heavy = sample.firstFrom(4);
            assertEquals(4, sample.position(heavy));
            assertEquals(0, sample.logWeight(heavy));
        }
    }

    @Test
    void strataSpreadOverTheOrder() {
        weights(1);
        for (int seed = 0; seed < 200; seed++) {
            KeySample sample = draw(Draws.STRATIFIED, 5, seed);
            for (int stratum = 0; stratum < 5; stratum++) {
                // Points lie in [4.6 s, 4.6 (s + 1)); the key at a border belongs to both sides.
                assertTrue(sample.position(stratum) >= Math.floor(4.6 * stratum)
                        && sample.position(stratum) < 4.6 * (stratum + 1));
            }
        }
    }

    @Test
    void strataTakeEveryKeyWhereThereAreNoMore() {
        weights(1, 0.2, 0, 3);
        KeySample sample = draw(Draws.STRATIFIED, SIZE, 1);
        assertEquals(17, sample.count());
        for (int entry = 0; entry < sample.count(); entry++) {
            assertEquals(0, sample.logWeight(entry));
        }
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsDrawnWhereAllKeysAreHidden(Draws draws) {
        weights(0);
        assertEquals(0, draw(draws, 4, 1).count());
    }

    @ParameterizedTest
    @EnumSource
    void aSingleVisibleKeyCountsOnce(Draws draws) {
        double[] one = new double[SIZE];
        one[17] = 1e-20;
        weights(one);
        KeySample sample = draw(draws, 4, 1);
        assertEquals(1, sample.count());
        assertEquals(17, sample.position(0));
        assertEquals(0, sample.logWeight(0), 1e-6);
    }
}
