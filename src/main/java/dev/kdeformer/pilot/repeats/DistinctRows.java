package dev.kdeformer.pilot.repeats;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.longs.Long2IntOpenHashMap;
import it.unimi.dsi.fastutil.longs.LongOpenHashSet;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The distinct rows among some of a matrix, those that differ in a bit.
 *
 * @param first  for every distinct row where it stands first, an index of the matrix
 * @param number for every row that was asked for the number of its distinct row
 */
record DistinctRows(int[] first, int[] number) {
    /** Rows drawn for a guess, over the root of their number: rows that come in pairs give some 8 pairs then. */
    private static final int DRAWN = 4;

    /** Features that a guess looks at. */
    private static final int FEATURES = 8;

    /** Rows that one thread takes at a time. */
    private static final int CHUNK = 1024;

    /** 2⁶⁴ over the golden ratio, and a factor that mixes what multiplying by it leaves in the high bits. */
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;
    private static final long MIX = 0xD6E8FEB86659FD93L;

    /**
     * Guesses how many distinct rows there are, from the first features of a few that are spread evenly: few where many
     * of them are the same.
     */
    static double guess(Matrix matrix, int[] rows) {
        int drawn = (int) Math.min(rows.length, DRAWN * Math.ceil(Math.sqrt(rows.length)));
        LongOpenHashSet seen = new LongOpenHashSet(drawn);
        float[] row = new float[Math.min(FEATURES, matrix.columns())];
        for (int i = 0; i < drawn; i++) {
            matrix.readPart(rows[(int) ((long) i * rows.length / drawn)], 0, row.length, row, 0);
            seen.add(hash(row));
        }
        return drawn == rows.length ? seen.size() : population(seen.size(), drawn, rows.length);
    }

    /** Of how many equally frequent ones {@code drawn} rows would show {@code seen}: u (1 − e^{−drawn/u}) of u. */
    private static double population(int seen, int drawn, double most) {
        double low = seen;
        double high = most;
        while (high - low > 0.01 * high) {
            double middle = (low + high) / 2;
            if (-middle * Math.expm1(-drawn / middle) < seen) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return high;
    }

    /**
     * Finds the distinct rows.
     *
     * @return null where different rows have the same hash, which happens to made rows alone
     */
    static DistinctRows of(Matrix matrix, int[] rows, Team team) {
        long[] hashes = new long[rows.length];
        team.forRanges(rows.length, CHUNK, (from, to, scratch) -> {
            float[] row = new float[matrix.columns()];
            for (int i = from; i < to; i++) {
                matrix.readRow(rows[i], row, 0);
                hashes[i] = hash(row);
            }
        });
        Long2IntOpenHashMap numbers = new Long2IntOpenHashMap();
        numbers.defaultReturnValue(-1);
        IntArrayList first = new IntArrayList();
        int[] number = new int[rows.length];
        for (int i = 0; i < rows.length; i++) {
            int known = numbers.putIfAbsent(hashes[i], first.size());
            number[i] = known < 0 ? first.size() : known;
            if (known < 0) {
                first.add(rows[i]);
            }
        }
        DistinctRows found = new DistinctRows(first.toIntArray(), number);
        return found.holdsFor(matrix, rows, team) ? found : null;
    }

    private boolean holdsFor(Matrix matrix, int[] rows, Team team) {
        AtomicBoolean same = new AtomicBoolean(true);
        team.forRanges(rows.length, CHUNK, (from, to, scratch) -> {
            float[] row = new float[matrix.columns()];
            float[] other = new float[matrix.columns()];
            for (int i = from; i < to; i++) {
                matrix.readRow(rows[i], row, 0);
                matrix.readRow(first[number[i]], other, 0);
                if (!Arrays.equals(row, other)) {
                    same.set(false);
                }
            }
        });
        return same.get();
    }

    private static long hash(float[] row) {
        long hash = 0;
        for (float x : row) {
            hash = (hash ^ Float.floatToRawIntBits(x)) * GOLDEN;
            hash ^= hash >>> Integer.SIZE;
        }
        return hash * MIX;
    }

    /** Number of distinct rows. */
    int count() {
        return first.length;
    }
}
