package dev.kdeformer.sampling;

import java.util.BitSet;

/**
 * Random numbers as a function of (seed, stream, counter), without state: any thread can compute any draw, so what is
 * drawn does not depend on who draws or in what order. The function is Philox2x64 with ten rounds (Salmon, Moraes,
 * Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3): rounds of a keyed 64-bit
 * multiplication over the pair (counter, stream), keyed by the seed. Not for cryptography.
 *
 * <p>An instance is immutable and stands for one stream of 2⁶⁴ values. Give every purpose its own stream,
 * {@code CounterRandom.of(seed).stream(head, purpose)}, and count upwards from 0 in it. {@link #bits},
 * {@link #below}, {@link #uniform} and {@link #gaussian} of the same counter are not independent of each other.
 */
public final class CounterRandom {
    private static final long MULTIPLIER = 0xD2B74407B1CE6E93L;
    private static final long KEY_STEP = 0x9E3779B97F4A7C15L;
    private static final int ROUNDS = 10;
    private static final double ULP = 0x1p-53;

    private final long seed;
    private final long stream;

    private CounterRandom(long seed, long stream) {
        this.seed = seed;
        this.stream = stream;
    }

    /** The first stream of a seed. */
    public static CounterRandom of(long seed) {
        return new CounterRandom(seed, 0);
    }

    /**
     * The stream that this one has for a path of numbers, such as (batch item, head, purpose). Different paths, and
     * the same path from different streams, give streams that are independent for all practical purposes; among k
     * streams of a seed the chance that two are the same is about k² · 2⁻⁶⁵. The empty path gives this stream.
     */
    public CounterRandom stream(long... path) {
        long derived = stream;
        for (long step : path) {
            derived = second(step, derived, seed ^ KEY_STEP);
        }
        return new CounterRandom(seed, derived);
    }

    /** 64 random bits. */
    public long bits(long counter) {
        return first(counter, stream, seed);
    }

    /**
     * A whole number in [0, bound). The high half of a 64 × 64 bit product: each number's probability is off by less
     * than 2⁻⁶⁴, which no experiment can see.
     *
     * @param bound at least 1
     * @throws IllegalArgumentException if {@code bound} is not positive
     */
    public int below(long counter, int bound) {
        if (bound < 1) {
            throw new IllegalArgumentException("bound must be at least 1, got " + bound);
        }
        return (int) Math.unsignedMultiplyHigh(bits(counter), bound);
    }

    /** A multiple of 2⁻⁵³ in [0, 1). */
    public double uniform(long counter) {
        return (bits(counter) >>> 11) * ULP;
    }

    /**
     * A standard normal number, by Box and Muller's polar form ("A note on the generation of random normal deviates",
     * 1958); at most 8.6 in size. The same bits on every machine.
     */
    public double gaussian(long counter) {
        double radius = ((first(counter, stream, seed) >>> 11) + 1) * ULP;
        double angle = (second(counter, stream, seed) >>> 11) * ULP;
        return StrictMath.sqrt(-2 * StrictMath.log(radius)) * StrictMath.cos(2 * Math.PI * angle);
    }

    /**
     * A set of k different numbers from 0 to n − 1 in ascending order, all sets equally likely, by k draws and
     * n bits of memory (Floyd; Bentley, "Programming pearls: a sample of brilliance", 1987).
     *
     * @throws IllegalArgumentException if {@code k} is negative or above {@code n}
     */
    public int[] sample(int n, int k) {
        if (k < 0 || k > n) {
            throw new IllegalArgumentException("k must be between 0 and n = " + n + ", got " + k);
        }
        BitSet chosen = new BitSet(n);
        for (int last = n - k; last < n; last++) {
            int value = below(last, last + 1);
            chosen.set(chosen.get(value) ? last : value);
        }
        return chosen.stream().toArray();
    }

    /** The first word of the Philox block of (x0, x1) under a key. */
    static long first(long x0, long x1, long key) {
        return rounds(ROUNDS, x0, x1, key);
    }

    /** The second word: the low half of the last round's product, of which only the left word is needed. */
    static long second(long x0, long x1, long key) {
        return rounds(ROUNDS - 1, x0, x1, key) * MULTIPLIER;
    }

    private static long rounds(int count, long x0, long x1, long key) {
        long left = x0;
        long right = x1;
        long roundKey = key;
        for (int round = 0; round < count; round++) {
            long product = left * MULTIPLIER;
            left = Math.unsignedMultiplyHigh(left, MULTIPLIER) ^ roundKey ^ right;
            right = product;
            roundKey += KEY_STEP;
        }
        return left;
    }
}
