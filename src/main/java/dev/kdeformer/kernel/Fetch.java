package dev.kdeformer.kernel;

import dev.kdeformer.runtime.Memory;

/**
 * Reads rows that are about to be used from scratch memory, one line right after the other: the misses overlap, where
 * among the arithmetic they would come a few at a time. It pays where rows are picked from more than the caches hold.
 * Kept per thread.
 */
public final class Fetch {
    /** Bytes of a cache line. */
    private static final int LINE = 64;

    /**
     * Where the last of the rows ends before so many bytes, they are left alone: a cache may well hold all that are
     * picked from. Rows in no order are now and then left alone in larger memory too, where they come as slowly as
     * before.
     */
    private static final long CACHED = 4 << 20;

    /** Of what was read. It means nothing; without it, the compiler would leave the reads out. */
    private int sum;

    /**
     * Fetches the rows {@code index[from]} to {@code index[from + count − 1]}.
     *
     * @param address of row 0
     * @param stride  floats from row to row
     */
    public void rows(long address, int stride, int[] index, int from, int count) {
        long bytes = stride * 4L;
        if (count == 0 || (index[from + count - 1] + 1) * bytes <= CACHED) {
            return;
        }
        int read = sum;
        for (int i = from; i < from + count; i++) {
            long row = address + index[i] * bytes;
            for (long line = row; line < row + bytes; line += LINE) {
                read += Memory.getInt(line);
            }
        }
        sum = read;
    }
}
