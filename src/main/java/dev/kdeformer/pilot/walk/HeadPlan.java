package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.search.PilotOptions;

/**
 * What is known of a query head before any part of its output is computed.
 *
 * @param order      the caller's row of every position
 * @param offsets    distances at which queries find keys of their own
 * @param narrowing  how queries come closer from level to level
 * @param stragglers positions of the queries that are computed exactly, ascending
 * @param tops       what has been found at the top of the tree; null where every walk has to look itself
 */
public record HeadPlan(int[] order, int[] offsets, Narrowing narrowing, int[] stragglers,
        NodeChoice[] tops) {
    /** The farthest that a query's own key may be away. */
    public static final int REACH = 8;

    /** Most distances of own keys. */
    public static final int MOST_OFFSETS = 2 * REACH + 1;

    /** Whether a tree of n queries may have so many levels. */
    public static boolean fits(int levels, int n, PilotOptions options) {
        int tile = options.cuts().tile();
        return levels == BalancedTree.leafLevel(n, tile)
                || levels == BalancedTree.leafLevel(n, Narrowing.smaller(tile));
    }

    /** Whether all nodes of the top choose keys for others below them. */
    static boolean keepsTops(Effort effort, Narrowing narrowing, int n, int m, int topLevel, int leafLevel) {
        if (topLevel >= leafLevel) {
            return false;
        }
        int most = 0;
        for (int node = 0; node < 1 << topLevel; node++) {
            most = Math.max(most, wanted(effort, narrowing, n, topLevel, node));
        }
        return most < m;
    }

    /** How many keys a node above the leaves wants for its children. */
    static int wanted(Effort effort, Narrowing narrowing, int n, int level, int node) {
        int size = BalancedTree.start(n, level, node + 1) - BalancedTree.start(n, level, node);
        return Math.max(effort.near(), (int) (narrowing.passed(level, effort) * size));
    }

    /** Most keys that offsets can force into a node's list beyond the wanted number. */
    static int mostForced(int offsets, int m, int n) {
        return (int) Math.min(m, (long) offsets * n);
    }
}
