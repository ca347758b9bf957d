package dev.kdeformer.lsh;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CountingSortTest {
    private static int[] sort(int threads, int[] keys, int from, int to, int bits) {
        try (Engine engine = Engine.create(threads)) {
            Team crew = Crews.begin(engine);
            long address = crew.scratch().ints(keys.length);
            long order = crew.scratch().ints(Math.max(1, to - from));
            for (int i = 0; i < keys.length; i++) {
                Memory.putInt(address + i * 4L, keys[i]);
            }
            long mark = crew.scratch().mark();
            CountingSort.sort(crew, address, from, to, bits, order);
            assertEquals(mark, crew.scratch().mark());
            int[] sorted = new int[to - from];
            for (int i = 0; i < sorted.length; i++) {
                sorted[i] = Memory.getInt(order + i * 4L);
            }
            Crews.end(engine, crew);
            return sorted;
        }
    }

    private static int[] expected(int[] keys, int from, int to) {
        return IntStream.range(from, to).boxed().sorted(Comparator.comparingInt(i -> keys[i]))
                .mapToInt(Integer::intValue).toArray();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 8, 9, 16, 17, 25, 30, 31})
    void sortsStably(int bits) {
        SplittableRandom random = new SplittableRandom(bits);
        for (int n : new int[] {1, 2, 97, 5003, 70_001}) {
            int[] keys = random.ints(n, 0, (int) Math.min(Integer.MAX_VALUE, 1L << bits)).toArray();
            int[] expected = expected(keys, 0, n);
            assertArrayEquals(expected, sort(1, keys, 0, n, bits));
            assertArrayEquals(expected, sort(3, keys, 0, n, bits));
        }
    }

    @Test
    void sortsAPartByItsAbsoluteRows() {
        int[] keys = new SplittableRandom(1).ints(1000, 0, 16).toArray();
        assertArrayEquals(expected(keys, 123, 456), sort(2, keys, 123, 456, 4));
        assertArrayEquals(new int[0], sort(2, keys, 5, 5, 4));
    }
}
