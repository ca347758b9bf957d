package dev.kdeformer.lsh;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;

/**
 * A stable sort of rows by small non-negative keys: count, add up, distribute (Seward 1954), in one pass for keys of
 * up to 16 bits and least significant digits first beyond. Rows of equal key stay in the order of their indices,
 * which makes the result unique: it depends on neither the number of threads nor on how the rows are shared out.
 */
public final class CountingSort {
    /** Most bits of a digit: 2¹⁶ counters fit the second-level cache. */
    private static final int MAX_DIGIT = 16;

    /** Digits are not made smaller than this for the sake of few rows. */
    private static final int MIN_DIGIT = 8;

    /** Rows that are worth a thread of their own. */
    private static final int MIN_SHARE = 1 << 14;

    private CountingSort() {
    }

    /**
     * Sorts rows [from, to).
     *
     * @param team  the threads; memory for the counters, and for one more order where several passes are needed, is
     *              taken from its scratch memory and given back
     * @param keys  address of ints, one for every row from 0 on, each in [0, 2^bits)
     * @param bits  number of bits of a key, at most 31
     * @param order address of to − from ints; receives the row indices in ascending order of their keys
     */
    public static void sort(Team team, long keys, int from, int to, int bits, long order) {
        int count = to - from;
        int digit = Math.max(MIN_DIGIT, Math.min(MAX_DIGIT, 32 - Integer.numberOfLeadingZeros(count)));
        int passes = Math.max(1, Math.ceilDiv(bits, digit));
        digit = Math.ceilDiv(bits, passes);
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        int shares = Math.max(1, Math.min(team.threads(), Math.min(count >>> digit, count / MIN_SHARE)));
        Pass pass = new Pass(keys, from, count, 1 << digit, shares, scratch.ints((long) shares << digit));
        long other = passes == 1 ? 0 : scratch.ints(count);
        // The last pass has to end in the caller's order.
        long target = passes % 2 == 1 ? order : other;
        long source = 0;
        for (int p = 0; p < passes; p++) {
            pass.run(team, p * digit, source, target);
            source = target;
            target = target == order ? other : order;
        }
        scratch.release(mark);
    }

    /**
     * One digit. Every share of the rows has counters of its own, in the order (bucket, share) when they are added up:
     * that keeps the sort stable.
     */
    private record Pass(long keys, int from, int count, int buckets, int shares, long counters) {
        void run(Team team, int shift, long source, long target) {
            int mask = buckets - 1;
            if (shares == 1) {
                count(0, shift, mask, source);
                addUp();
                distribute(0, shift, mask, source, target);
                return;
            }
            team.forEach(shares, (share, scratch) -> count(share, shift, mask, source));
            addUp();
            team.forEach(shares, (share, scratch) -> distribute(share, shift, mask, source, target));
        }

        private int start(int share) {
            return (int) ((long) count * share / shares);
        }

        private long counters(int share) {
            return counters + (long) share * buckets * Integer.BYTES;
        }

        private void count(int share, int shift, int mask, long source) {
            long own = counters(share);
            Memory.fillFloats(own, buckets, 0);
            int end = start(share + 1);
            for (int i = start(share); i < end; i++) {
                int row = source == 0 ? from + i : Memory.getInt(source + (long) i * Integer.BYTES);
                int key = Memory.getInt(keys + (long) row * Integer.BYTES);
                long counter = own + (long) (key >>> shift & mask) * Integer.BYTES;
                Memory.putInt(counter, Memory.getInt(counter) + 1);
            }
        }

        private void addUp() {
            int sum = 0;
            for (int bucket = 0; bucket < buckets; bucket++) {
                for (int share = 0; share < shares; share++) {
                    long counter = counters(share) + (long) bucket * Integer.BYTES;
                    int here = Memory.getInt(counter);
                    Memory.putInt(counter, sum);
                    sum += here;
                }
            }
        }

        private void distribute(int share, int shift, int mask, long source, long target) {
            long own = counters(share);
            int end = start(share + 1);
            for (int i = start(share); i < end; i++) {
                int row = source == 0 ? from + i : Memory.getInt(source + (long) i * Integer.BYTES);
                int key = Memory.getInt(keys + (long) row * Integer.BYTES);
                long counter = own + (long) (key >>> shift & mask) * Integer.BYTES;
                int position = Memory.getInt(counter);
                Memory.putInt(counter, position + 1);
                Memory.putInt(target + (long) position * Integer.BYTES, row);
            }
        }
    }
}
