package dev.kdeformer.pilot.keys;

/**
 * Rows at consecutive positions of an order: those of a node of a tree.
 *
 * @param all   the rows
 * @param order the row at every position; null for the identity
 * @param from  first position
 * @param to    position after the last
 */
public record RowRange(Rows all, int[] order, int from, int to) {
    /** All rows in their own order. */
    public static RowRange of(Rows all) {
        return new RowRange(all, null, 0, all.count());
    }

    /** Number of rows. */
    public int count() {
        return to - from;
    }

    /** The row at place {@code i}, from 0 on. */
    public int row(int i) {
        return order == null ? from + i : order[from + i];
    }

    /** The row at place {@code i} of {@code some} that are spread evenly over the range. */
    int sampled(int i, int some) {
        return row((int) ((long) i * count() / some));
    }
}
