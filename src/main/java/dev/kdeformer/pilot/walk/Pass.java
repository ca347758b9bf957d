package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.search.Doubts;
import java.util.Arrays;

/**
 * A pass over the queries of a head: how much it spends, which queries it is for, and what it takes note of.
 *
 * @param effort what is spent
 * @param wanted marks the positions of the queries whose tiles are computed; null for all
 * @param rows   of these, the only ones that are computed, ascending; null for all
 * @param doubts takes note of how doubtful each result is; null for none
 * @param peaks  takes note of p (1 − p) for the key of a query's own that holds the part p of its weight; null for none
 * @param found  what need not be looked for again, and takes note of more where rows are few; null for nothing
 */
record Pass(Effort effort, boolean[] wanted, int[] rows, Doubts doubts, Doubts peaks, Found found) {
    /**
     * What a pass did.
     *
     * @param work      floating-point operations
     * @param projected what part of the work of a pass over all tiles the wanted queries would be answerable for: less
     *                  than {@code work} where nodes served but a few of their queries
     */
    public record Done(double work, double projected) {
    }

    /** A pass for all queries that takes no notes. */
    static Pass of(Effort effort) {
        return of(effort, null);
    }

    /** The same for the queries that are wanted. */
    static Pass of(Effort effort, boolean[] wanted) {
        return new Pass(effort, wanted, null, null, null, null);
    }

    /** How many of the queries at positions [from, to) are to be computed. */
    int wanted(int from, int to) {
        if (wanted == null) {
            return to - from;
        }
        int count = 0;
        for (int i = from; i < to; i++) {
            count += wanted[i] ? 1 : 0;
        }
        return count;
    }

    /** Those of the rows to be computed that lie at positions [from, to). */
    int[] rows(int from, int to) {
        return Arrays.stream(rows).filter(row -> row >= from && row < to).toArray();
    }
}
