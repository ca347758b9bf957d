package dev.kdeformer.pilot;

import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * An order of rows in which consecutive runs are similar: balanced splits along the principal direction of each node.
 * Node i of level l holds the positions [n·i / 2^l, n·(i + 1) / 2^l).
 */
final class BalancedTree {
    /** Rows that the direction of a split is found from. */
    private static final int SAMPLE = 128;

    private BalancedTree() {
    }

    /** First position of a node. */
    static int start(int n, int level, int node) {
        return (int) ((long) n * node >> level);
    }

    /**
     * Builds the order.
     *
     * @param levels number of levels below the root
     * @return the row at every position
     */
    static int[] order(Rows x, int levels, Team team) {
        int n = x.count();
        int[] order = new int[n];
        Arrays.setAll(order, i -> i);
        for (int level = 0; level < levels; level++) {
            int below = level + 1;
            team.forEach(1 << level, (node, scratch) -> {
                int from = start(n, below, 2 * node);
                int middle = start(n, below, 2 * node + 1);
                int to = start(n, below, 2 * node + 2);
                PrincipalSubspace subspace = scratch.keep(PrincipalSubspace.class, PrincipalSubspace::new);
                subspace.find(x, order, from, to, SAMPLE, 1, scratch);
                Splitter splitter = scratch.keep(Splitter.class, Splitter::new);
                subspace.project(x, order, from, to, splitter.room(to - from));
                splitter.split(order, from, middle, to);
            });
        }
        return order;
    }

    /** Moves the rows with the smaller projections to the front; each half keeps the order it came in. */
    static final class Splitter {
        private float[] projections = new float[0];
        private long[] keys = new long[0];
        private int[] rows = new int[0];

        float[] room(int count) {
            if (projections.length < count) {
                projections = new float[count];
                keys = new long[count];
                rows = new int[count];
            }
            return projections;
        }

        void split(int[] order, int from, int middle, int to) {
            int count = to - from;
            for (int i = 0; i < count; i++) {
                int bits = Float.floatToRawIntBits(projections[i]);
                // Ascending as signed numbers; the position decides between equal projections.
                keys[i] = (long) (bits ^ bits >> 31 & 0x7fff_ffff) << 32 | i;
            }
            int left = middle - from;
            if (left == 0 || left == count) {
                return;
            }
            long pivot = Select.smallest(keys, count, left - 1);
            int low = from;
            int high = 0;
            for (int i = 0; i < count; i++) {
                int bits = Float.floatToRawIntBits(projections[i]);
                if (((long) (bits ^ bits >> 31 & 0x7fff_ffff) << 32 | i) <= pivot) {
                    order[low++] = order[from + i];
                } else {
                    rows[high++] = order[from + i];
                }
            }
            System.arraycopy(rows, 0, order, low, high);
        }
    }
}
