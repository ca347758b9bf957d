package dev.kdeformer.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AliasTableTest {
    private static void assertFrequencies(double... weights) {
        try (Scratch scratch = new Scratch()) {
            AliasTable table = AliasTable.of(scratch, weights.length, i -> weights[i]);
            CounterRandom random = CounterRandom.of(weights.length);
            long[] counts = new long[weights.length];
            for (int i = 0; i < 200_000; i++) {
                counts[table.draw(random.bits(i))]++;
            }
            double total = Arrays.stream(weights).sum();
            assertEquals(total, table.total(), 1e-12 * total);
            double[] probabilities = Arrays.stream(weights).map(w -> w / total).toArray();
            assertTrue(CounterRandomTest.chiSquareScore(counts, probabilities) < 6);
        }
    }

    @Test
    void drawsInProportionToTheWeights() {
        assertFrequencies(1);
        assertFrequencies(1, 3);
        assertFrequencies(2, 2, 2, 2, 2);
        assertFrequencies(0.1, 0.7, 0.05, 0.1, 0.05, 0);
        assertFrequencies(0, 0, 0, 7, 0);
        assertFrequencies(1e-300, 3e-300, 2e-300);
        assertFrequencies(1e300, 3e300, 2e300);
        assertFrequencies(IntStream.range(0, 997).mapToDouble(i -> 1 + i % 17).toArray());
        assertFrequencies(IntStream.range(0, 997).mapToDouble(i -> i % 3 == 0 ? Math.sqrt(i) : 0).toArray());
    }

    /** With masses that do not come out even, every slot's two ends are tried. */
    @Test
    void neverDrawsWeightZero() {
        try (Scratch scratch = new Scratch()) {
            for (int size = 2; size < 400; size++) {
                int step = 2 + size % 5;
                AliasTable table = AliasTable.of(scratch, size, i -> i % step == 1 ? 1.0 / (3 + i) : 0);
                for (int slot = 0; slot < size; slot++) {
                    long width = Long.divideUnsigned(-1L, size);
                    assertEquals(1, table.draw(width * slot + size) % step);
                    assertEquals(1, table.draw(width * (slot + 1L) - size) % step);
                }
            }
        }
    }

    @Test
    void theTableIsAllThatStaysTaken() {
        try (Scratch scratch = new Scratch()) {
            scratch.allocate(64);
            long before = scratch.mark();
            AliasTable.of(scratch, 1000, i -> i);
            assertEquals(8000 + 4032, scratch.mark() - before);
            scratch.release(before);
            assertEquals(before, scratch.mark());
        }
    }

    @Test
    void rejectsWhatIsNoDistribution() {
        try (Scratch scratch = new Scratch()) {
            assertThrows(IllegalArgumentException.class, () -> AliasTable.of(scratch, 0, i -> 1));
            assertThrows(IllegalArgumentException.class, () -> AliasTable.of(scratch, 3, i -> 0));
            assertThrows(IllegalArgumentException.class, () -> AliasTable.of(scratch, 3, i -> i - 1));
            assertThrows(IllegalArgumentException.class, () -> AliasTable.of(scratch, 3, i -> Double.NaN));
            assertThrows(IllegalArgumentException.class, () -> AliasTable.of(scratch, 3, i -> Double.MAX_VALUE));
            assertThrows(IllegalArgumentException.class,
                    () -> AliasTable.of(scratch, 3, i -> Double.POSITIVE_INFINITY));
        }
    }
}
