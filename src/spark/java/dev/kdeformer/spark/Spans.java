package dev.kdeformer.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;

/** Which positions there are of every head, and in which blocks; small, and known to the driver before the data. */
final class Spans implements Serializable {
    private static final long serialVersionUID = 1;

    /** Where a block is. */
    record Span(int head, long start, int rows) implements Serializable {
        long end() {
            return start + rows;
        }
    }

    private final TreeMap<Integer, List<Span>> heads = new TreeMap<>();

    /**
     * Sorts blocks and checks that those of a head follow each other.
     *
     * @param what what they are, for messages
     * @throws IllegalArgumentException if a head has a gap, an overlap or too many rows, or there is no block
     */
    static Spans of(String what, List<Span> blocks) {
        if (blocks.isEmpty()) {
            throw new IllegalArgumentException(what + " must have rows, got none");
        }
        Spans spans = new Spans();
        for (Span block : blocks) {
            if (block.rows < 1 || block.head < 0) {
                throw new IllegalArgumentException(what + " must have blocks of one row or more and heads from 0, got "
                        + block.rows + " rows of head " + block.head);
            }
            spans.heads.computeIfAbsent(block.head, head -> new ArrayList<>()).add(block);
        }
        for (List<Span> head : spans.heads.values()) {
            head.sort(Comparator.comparingLong(Span::start));
            for (int i = 1; i < head.size(); i++) {
                long end = head.get(i - 1).end();
                Span next = head.get(i);
                if (next.start != end) {
                    throw new IllegalArgumentException("positions of the " + what + " of head " + next.head
                            + " must follow each other, but " + (next.start > end ? "after " + (end - 1) + " comes "
                            + next.start : next.start + " is there twice"));
                }
            }
            if (head.get(head.size() - 1).end() - head.get(0).start > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(what + " of a head must be at most 2,147,483,647 rows, got more");
            }
        }
        return spans;
    }

    /** The blocks of every head, ascending. */
    TreeMap<Integer, List<Span>> heads() {
        return heads;
    }

    boolean has(int head) {
        return heads.containsKey(head);
    }

    /** First position of a head. */
    long start(int head) {
        return heads.get(head).get(0).start;
    }

    /** Rows of a head. */
    int rows(int head) {
        List<Span> blocks = heads.get(head);
        return (int) (blocks.get(blocks.size() - 1).end() - blocks.get(0).start);
    }

    /** Rows of the longest head. */
    int longest() {
        return heads.keySet().stream().mapToInt(this::rows).max().orElse(0);
    }

    /** Rows of all heads. */
    long allRows() {
        return heads.keySet().stream().mapToLong(this::rows).sum();
    }

    /** Number of blocks. */
    int blocks() {
        return heads.values().stream().mapToInt(List::size).sum();
    }
}
