package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.keys.BalancedTree;
import java.util.Arrays;

/**
 * What one of several calls with the same input computes of every head: a run of the leaves of its tree, or under a
 * causal rule every so-manieth of its spans. A leaf's output depends on its queries, on the keys and on the nodes above
 * it alone, so that all parts together write the bits of one call. Nodes above leaves of several parts are worked on
 * by each of those.
 */
public final class Share {
    private final int part;
    private final int parts;
    private final int[][] rows;

    /**
     * A share that no row has been put into yet.
     *
     * @param part  from 0 to parts − 1
     * @param parts number of parts
     * @param heads number of query heads of all batch items
     */
    public Share(int part, int parts, int heads) {
        this.part = part;
        this.parts = parts;
        this.rows = new int[heads][];
    }

    /** The caller's rows of every query head that are computed, ascending. */
    public int[][] rows() {
        return rows;
    }

    /** Marks the positions of the leaves of this part, and takes note of their rows. */
    boolean[] positions(int head, int leafLevel, int[] order) {
        long leaves = 1L << leafLevel;
        int from = BalancedTree.start(order.length, leafLevel, (int) (leaves * part / parts));
        int to = BalancedTree.start(order.length, leafLevel, (int) (leaves * (part + 1) / parts));
        boolean[] wanted = new boolean[order.length];
        Arrays.fill(wanted, from, to, true);
        int[] own = Arrays.copyOfRange(order, from, to);
        Arrays.sort(own);
        rows[head] = own;
        return wanted;
    }

    /**
     * Marks the rows of the spans of this part, and takes note of them. Later spans cost more, so that neighbours go to
     * different parts.
     *
     * @param starts first row of every span, and the number of rows after the last
     */
    public boolean[] spans(int head, int[] starts) {
        int[] own = new int[starts[starts.length - 1]];
        boolean[] wanted = new boolean[own.length];
        int count = 0;
        for (int span = part; span + 1 < starts.length; span += parts) {
            Arrays.fill(wanted, starts[span], starts[span + 1], true);
            for (int row = starts[span]; row < starts[span + 1]; row++) {
                own[count++] = row;
            }
        }
        rows[head] = Arrays.copyOf(own, count);
        return wanted;
    }

    /** Takes note of this part's rows among {@code count} that all cost the same, and returns them. */
    public int[] even(int head, int count) {
        int from = (int) ((long) count * part / parts);
        int[] own = new int[(int) ((long) count * (part + 1) / parts) - from];
        Arrays.setAll(own, i -> from + i);
        rows[head] = own;
        return own;
    }
}
