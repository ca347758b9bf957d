package dev.kdeformer.kdeformer;

import java.util.ArrayList;
import java.util.List;

/**
 * A causal triangle cut into parts that can be approximated and parts that are computed exactly (HyperAttention, Han
 * et al. 2024, algorithm 4): the sequence is halved; what the second half sees of the first half's keys is a rectangle
 * without a mask; both halves are triangles again, until a triangle is small enough to be exact. Query i sees keys 0
 * to i + offset, for any numbers of queries and keys; the keys that all queries see are one more rectangle.
 * <pre>
 *   A . . . . . . .
 *   A A . . . . . .     A  exact triangles
 *   2 2 A . . . . .     2  rectangles of the second level
 *   2 2 A A . . . .     1  rectangle of the first level
 *   1 1 1 1 A . . .
 *   1 1 1 1 A A . .
 *   1 1 1 1 2 2 A .
 *   1 1 1 1 2 2 A A
 * </pre>
 */
final class CausalSplit {
    /**
     * Queries [queryFrom, queryTo) and keys [keyFrom, keyTo), all of which are visible to all of the queries.
     *
     * @param index number of this part among all parts
     */
    record Part(int queryFrom, int queryTo, int keyFrom, int keyTo, int index) {
    }

    private final BlockSampling settings;
    private final long offset;
    private final int keys;
    private final List<List<Part>> levels = new ArrayList<>();
    private final List<Part> triangles = new ArrayList<>();
    private int parts;

    /**
     * Cuts.
     *
     * @param offset what to add to a query's index to get the last key it sees
     * @param keys   number of keys that are not padding
     */
    CausalSplit(BlockSampling settings, int queries, int offset, int keys) {
        this.settings = settings;
        this.offset = offset;
        this.keys = keys;
        int shared = visible(0, 0);
        rectangle(0, 0, queries, 0, shared);
        split(1, 0, queries, shared);
    }

    /** Number of keys that a query sees, at least {@code least}. */
    private int visible(int query, int least) {
        return (int) Math.max(least, Math.min(keys, query + offset + 1));
    }

    private void rectangle(int level, int queryFrom, int queryTo, int keyFrom, int keyTo) {
        while (levels.size() <= level) {
            levels.add(new ArrayList<>());
        }
        if (keyFrom < keyTo) {
            levels.get(level).add(new Part(queryFrom, queryTo, keyFrom, keyTo, parts++));
        }
    }

    /** Cuts the triangle of queries [from, to) and the keys they see from {@code keyFrom} on. */
    private void split(int level, int from, int to, int keyFrom) {
        if (from == to) {
            return;
        }
        int keyTo = visible(to - 1, keyFrom);
        if (isExactTriangle(keyTo - keyFrom)) {
            triangles.add(new Part(from, to, keyFrom, keyTo, parts++));
            return;
        }
        int middle = from + (to - from) / 2;
        int keyMiddle = visible(middle, keyFrom);
        rectangle(level, middle, to, keyFrom, keyMiddle);
        split(level + 1, from, middle, keyFrom);
        split(level + 1, middle, to, keyMiddle);
    }

    /** Half of a triangle is masked, so that it costs no more than a rectangle's block and samples. */
    private boolean isExactTriangle(int triangleKeys) {
        return triangleKeys < settings.exactBelow()
                || triangleKeys <= 2L * (settings.blockSize() + (long) settings.samples());
    }

    /** Rectangles by level; those of one level have no query in common. */
    List<List<Part>> levels() {
        return levels;
    }

    /** Triangles, which hold every query once; query i sees their keys up to i + offset. */
    List<Part> triangles() {
        return triangles;
    }

    /** Whether no rectangle is approximated. */
    boolean isExact() {
        return levels.stream().flatMap(List::stream).allMatch(part -> settings.isExact(part.keyTo - part.keyFrom));
    }

    /** Number of keys evaluated in the triangles, summed over the queries. */
    long trianglePairs() {
        long sum = 0;
        for (Part each : triangles) {
            for (int query = each.queryFrom; query < each.queryTo; query++) {
                sum += visible(query, each.keyFrom) - each.keyFrom;
            }
        }
        return sum;
    }

    /** Queries of all parts: a query counts once for each part it is in. */
    long rows() {
        long sum = 0;
        for (List<Part> level : levels) {
            for (Part each : level) {
                sum += each.queryTo - each.queryFrom;
            }
        }
        for (Part each : triangles) {
            sum += each.queryTo - each.queryFrom;
        }
        return sum;
    }
}
