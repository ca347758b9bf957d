package dev.kdeformer.lsh;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.kdeformer.reference.TestInputs;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SignHashTest {
    private final Scratch scratch = new Scratch();
    private final TestInputs make = TestInputs.of(4);

    @AfterEach
    void free() {
        scratch.close();
    }

    private int[] ranks(SignHash hash, Matrix rows, int from, int to) {
        long address = scratch.ints(rows.rows());
        hash.hash(rows, from, to, address, scratch);
        int[] ranks = new int[to - from];
        for (int i = from; i < to; i++) {
            ranks[i - from] = Memory.getInt(address + i * 4L);
        }
        return ranks;
    }

    @ParameterizedTest
    @CsvSource({"1,3", "1,1", "13,7", "64,16", "37,17", "5,30", "700,11", "5000,2"})
    void aRankIsThatOfTheRowsOwnSigns(int d, int bits) {
        int n = 101;
        Tensor rows = make.tensor(Shape.of(n, d), 1);
        SignHash hash = SignHash.of(CounterRandom.of(8).stream(1), d, bits);
        int[] ranks = ranks(hash, rows.matrix(0, 0), 0, n);
        for (int i = 0; i < n; i++) {
            assertEquals(hash.rankScalar(rows.matrix(0, 0), i), ranks[i], "row " + i);
        }
        assertArrayEquals(Arrays.copyOfRange(ranks, 5, 90), ranks(hash, rows.matrix(0, 0), 5, 90));
        assertArrayEquals(ranks, ranks(hash, make.strided(rows).matrix(0, 0), 0, n));
    }

    @Test
    void ranksThatFollowEachOtherDifferInOneSign() {
        boolean[] seen = new boolean[1 << 12];
        int[] codeOf = new int[1 << 12];
        for (int code = 0; code < seen.length; code++) {
            int rank = SignHash.grayRank(code);
            assertTrue(!seen[rank]);
            seen[rank] = true;
            codeOf[rank] = code;
        }
        for (int rank = 1; rank < seen.length; rank++) {
            assertEquals(1, Integer.bitCount(codeOf[rank] ^ codeOf[rank - 1]));
        }
        assertEquals((1 << 30) - 1, SignHash.grayRank(1 << 29));
    }

    @Test
    void signsAgreeAsOftenAsTheAngleSays() {
        // P(sign differs) = angle / π for Gaussian directions: 60 degrees here.
        int differing = 0;
        int draws = 400;
        Matrix rows = Tensor.copyOf(Arena.ofAuto(), Shape.of(2, 2), 1, 0, 0.5f, (float) Math.sqrt(0.75)).matrix(0, 0);
        for (int seed = 0; seed < draws; seed++) {
            int[] ranks = ranks(SignHash.of(CounterRandom.of(seed), 2, 30), rows, 0, 2);
            differing += Integer.bitCount(code(ranks[0]) ^ code(ranks[1]));
        }
        double n = draws * 30.0;
        assertEquals(1 / 3.0, differing / n, 4 * Math.sqrt(2 / 9.0 / n));
    }

    /** The codeword at a rank. */
    private static int code(int rank) {
        return rank ^ rank >>> 1;
    }

    @Test
    void refusesTooManyOrNoBits() {
        assertThrows(IllegalArgumentException.class, () -> SignHash.of(CounterRandom.of(1), 3, 0));
        assertThrows(IllegalArgumentException.class, () -> SignHash.of(CounterRandom.of(1), 3, 31));
    }
}
