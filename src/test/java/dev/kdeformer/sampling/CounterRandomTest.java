package dev.kdeformer.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CounterRandomTest {
    /** How far a chi-square statistic lies from its mean in standard deviations; 6 is beyond any fair chance. */
    static double chiSquareScore(long[] counts, double[] probabilities) {
        long draws = Arrays.stream(counts).sum();
        double statistic = 0;
        int cells = 0;
        for (int i = 0; i < counts.length; i++) {
            double expected = draws * probabilities[i];
            if (expected == 0) {
                assertEquals(0, counts[i], "draws of cell " + i + " of probability 0");
                continue;
            }
            cells++;
            statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        return Math.abs(statistic - (cells - 1)) / Math.sqrt(2.0 * Math.max(1, cells - 1));
    }

    private static double[] equal(int cells) {
        double[] probabilities = new double[cells];
        Arrays.fill(probabilities, 1.0 / cells);
        return probabilities;
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0, 0, ca00a0459843d731, 66c24222c9a845b5",
        "ffffffffffffffff, ffffffffffffffff, ffffffffffffffff, 65b021d60cd8310f, 4d02f3222f86df20",
        "243f6a8885a308d3, 13198a2e03707344, a4093822299f31d0, 0a5e742c2997341c, b0f883d38000de5d"})
    void givesThePublishedPhiloxVectors(String x0, String x1, String key, String first, String second) {
        long a = Long.parseUnsignedLong(x0, 16);
        long b = Long.parseUnsignedLong(x1, 16);
        long k = Long.parseUnsignedLong(key, 16);
        assertEquals(Long.parseUnsignedLong(first, 16), CounterRandom.first(a, b, k));
        assertEquals(Long.parseUnsignedLong(second, 16), CounterRandom.second(a, b, k));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 100, 255, 1000, 65_537})
    void numbersBelowABoundAreUniform(int bound) {
        CounterRandom random = CounterRandom.of(5).stream(bound);
        long[] counts = new long[bound];
        for (int i = 0; i < 20 * bound + 100_000; i++) {
            counts[random.below(i, bound)]++;
        }
        assertTrue(chiSquareScore(counts, equal(bound)) < 6);
    }

    @Test
    void everyByteOfTheBitsIsUniform() {
        CounterRandom random = CounterRandom.of(-1).stream(3);
        long[][] counts = new long[8][256];
        for (int i = 0; i < 200_000; i++) {
            for (int b = 0; b < 8; b++) {
                counts[b][(int) (random.bits(i) >>> 8 * b) & 255]++;
            }
        }
        for (long[] each : counts) {
            assertTrue(chiSquareScore(each, equal(256)) < 6);
        }
    }

    @Test
    void uniformNumbersFillTheUnitInterval() {
        CounterRandom random = CounterRandom.of(11);
        long[] counts = new long[500];
        for (int i = 0; i < 300_000; i++) {
            double u = random.uniform(i);
            assertTrue(u >= 0 && u < 1);
            counts[(int) (u * counts.length)]++;
        }
        assertTrue(chiSquareScore(counts, equal(counts.length)) < 6);
    }

    @Test
    void gaussianNumbersFollowTheNormalDistribution() {
        CounterRandom random = CounterRandom.of(12);
        // The normal distribution's deciles.
        double[] edges = {-1.2815515655446004, -0.8416212335729143, -0.5244005127080407, -0.2533471031357997, 0,
            0.2533471031357997, 0.5244005127080407, 0.8416212335729143, 1.2815515655446004};
        long[] counts = new long[10];
        int n = 400_000;
        double[] moment = new double[5];
        for (int i = 0; i < n; i++) {
            double g = random.gaussian(i);
            counts[(int) Arrays.stream(edges).filter(edge -> g > edge).count()]++;
            for (int p = 1; p <= 4; p++) {
                moment[p] += Math.pow(g, p) / n;
            }
        }
        assertTrue(chiSquareScore(counts, equal(10)) < 6);
        double[] expected = {0, 0, 1, 0, 3};
        double[] variance = {0, 1, 2, 15, 96};
        for (int p = 1; p <= 4; p++) {
            assertEquals(expected[p], moment[p], 5 * Math.sqrt(variance[p] / n), "moment " + p);
        }
    }

    @Test
    void pairsOfNeighboursAndOfStreamsAreIndependent() {
        CounterRandom random = CounterRandom.of(1);
        CounterRandom next = CounterRandom.of(2);
        CounterRandom left = random.stream(0, 1);
        CounterRandom right = random.stream(1, 0);
        assertIndependent(i -> random.bits(2 * i), i -> random.bits(2 * i + 1));
        assertIndependent(random::bits, next::bits);
        assertIndependent(left::bits, right::bits);
        assertIndependent(left::bits, random::bits);
        assertIndependent(i -> random.stream(i).bits(0), i -> random.stream(i + 1).bits(0));
    }

    /** The leading four bits of both, counted as pairs, and the correlation of the whole. */
    private static void assertIndependent(LongUnaryOperator a, LongUnaryOperator b) {
        long[] counts = new long[256];
        int n = 100_000;
        double sum = 0;
        for (int i = 0; i < n; i++) {
            long x = a.applyAsLong(i);
            long y = b.applyAsLong(i);
            counts[(int) (x >>> 60 << 4 | y >>> 60)]++;
            sum += 0x1p-63 * x * 0x1p-63 * y * 3;
        }
        assertTrue(chiSquareScore(counts, equal(256)) < 6);
        assertTrue(Math.abs(sum) < 5 * Math.sqrt(n), "correlation " + sum / n);
    }

    @Test
    void noValueComesTwiceInOrAcrossStreams() {
        Set<Long> seen = new HashSet<>();
        CounterRandom random = CounterRandom.of(99);
        int added = 0;
        for (int head = 0; head < 20; head++) {
            for (int purpose = 0; purpose < 20; purpose++) {
                CounterRandom stream = random.stream(head, purpose);
                for (int i = 0; i < 250; i++) {
                    seen.add(stream.bits(i));
                    added++;
                }
            }
        }
        assertEquals(added, seen.size());
    }

    @Test
    void aStreamIsAFunctionOfItsPath() {
        CounterRandom random = CounterRandom.of(4);
        assertEquals(random.stream(7, 8).bits(3), CounterRandom.of(4).stream(7).stream(8).bits(3));
        assertEquals(random.bits(3), random.stream().bits(3));
        assertNotEquals(random.stream(7, 8).bits(3), random.stream(8, 7).bits(3));
        assertNotEquals(random.stream(7).bits(3), random.stream(7, 0).bits(3));
    }

    @Test
    void samplesAreEquallyLikelySets() {
        long[] counts = new long[35];
        int[] index = new int[128];
        int next = 0;
        for (int set = 0; set < 128; set++) {
            if (Integer.bitCount(set) == 3) {
                index[set] = next++;
            }
        }
        for (int i = 0; i < 70_000; i++) {
            int set = 0;
            for (int member : CounterRandom.of(21).stream(i).sample(7, 3)) {
                set |= 1 << member;
            }
            assertEquals(3, Integer.bitCount(set));
            counts[index[set]]++;
        }
        assertTrue(chiSquareScore(counts, equal(35)) < 6);
    }

    @Test
    void samplesAreSortedDistinctAndInRange() {
        for (int k : new int[] {0, 1, 2, 499, 997}) {
            int[] sample = CounterRandom.of(k).sample(997, k);
            assertArrayEquals(IntStream.of(sample).distinct().sorted().toArray(), sample);
            assertEquals(k, sample.length);
            assertTrue(k == 0 || sample[0] >= 0 && sample[k - 1] < 997);
        }
    }

    @Test
    void rejectsWhatCannotBeDrawn() {
        CounterRandom random = CounterRandom.of(0);
        assertThrows(IllegalArgumentException.class, () -> random.below(0, 0));
        assertThrows(IllegalArgumentException.class, () -> random.below(0, -3));
        assertThrows(IllegalArgumentException.class, () -> random.sample(3, 4));
        assertThrows(IllegalArgumentException.class, () -> random.sample(3, -1));
    }
}
