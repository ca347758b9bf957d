package dev.kdeformer.kernel;

import java.util.Arrays;

/**
 * The keys that each row of a tile or block of queries sees, which always follow each other: what the mask says, as the
 * kernels ask for it. Kept per thread.
 */
public final class KeyRanges {
    private int[] first = new int[0];
    private int[] end = new int[0];
    private int rows;
    private int least;
    private int most;
    private int latestFirst;
    private int earliestEnd;
    private int latestBegin;

    /** Starts anew for {@code count} rows, which all see {@code keys} keys until they are {@link #set}. */
    public void begin(int count, int keys) {
        rows = count;
        // Kernels read whole passes of them.
        int room = Lanes.roundUp(count, ExpKernel.COLUMNS);
        if (first.length < room) {
            first = new int[room];
            end = new int[room];
        }
        Arrays.fill(first, 0, count, 0);
        Arrays.fill(end, 0, count, keys);
        summarise();
    }

    /** Sets what a row sees: keys [from, to), none if {@code to} is not greater; {@link #summarise} has to follow. */
    public void set(int row, int from, int to) {
        first[row] = from;
        end[row] = Math.max(from, to);
    }

    /** Sets a window that moves on by one key from row to row; either end may lie anywhere. */
    void setDiagonal(long from, long to, int keys) {
        for (int r = 0; r < rows; r++) {
            int start = (int) Math.max(0, Math.min(keys, from + r));
            set(r, start, (int) Math.max(0, Math.min(keys, to + r)));
        }
        summarise();
    }

    /** Finds the ends of all rows together, once they are set. */
    public void summarise() {
        least = Integer.MAX_VALUE;
        most = 0;
        latestFirst = 0;
        earliestEnd = Integer.MAX_VALUE;
        latestBegin = -1;
        for (int r = 0; r < rows; r++) {
            latestFirst = Math.max(latestFirst, first[r]);
            earliestEnd = Math.min(earliestEnd, end[r]);
            if (end[r] > first[r]) {
                least = Math.min(least, first[r]);
                most = Math.max(most, end[r]);
                latestBegin = Math.max(latestBegin, first[r]);
            }
        }
        least = Math.min(least, most);
    }

    /** Number of rows. */
    public int rows() {
        return rows;
    }

    /** First key of a row. */
    public int first(int row) {
        return first[row];
    }

    /** The key after the last one of a row. */
    public int end(int row) {
        return end[row];
    }

    /** The first keys, one for every row. */
    int[] firsts() {
        return first;
    }

    /** The keys after the last ones. */
    int[] ends() {
        return end;
    }

    /** The first key that any row sees; as {@link #most} if none sees a key. */
    public int least() {
        return least;
    }

    /** The key after the last one that any row sees. */
    public int most() {
        return most;
    }

    /** Whether all rows see all keys [from, to). */
    public boolean showAll(int from, int to) {
        return latestFirst <= from && earliestEnd >= to;
    }

    /** The first key that any of rows [from, to) sees; {@link Integer#MAX_VALUE} if none sees a key. */
    int least(int from, int to) {
        int key = Integer.MAX_VALUE;
        for (int r = from; r < to; r++) {
            key = end[r] > first[r] ? Math.min(key, first[r]) : key;
        }
        return key;
    }

    /** The key after the last one that any of rows [from, to) sees; 0 if none sees a key. */
    int most(int from, int to) {
        int key = 0;
        for (int r = from; r < to; r++) {
            key = end[r] > first[r] ? Math.max(key, end[r]) : key;
        }
        return key;
    }

    /** The last of the first keys of rows that see any; −1 if none does. */
    int latestBegin() {
        return latestBegin;
    }
}
