package dev.kdeformer.pilot.walk;

/**
 * What walks for some of the queries have found at the nodes they came by, for later walks over the same head that
 * would find it again: inner nodes for as long as as many candidates are passed down, leaves for as long as the effort
 * is the same. Each node is noted by one thread.
 */
final class Found {
    /**
     * A node.
     *
     * @param choice what has been found there
     * @param work   floating-point operations that it took
     */
    record Node(NodeChoice choice, double work) {
    }

    private final Node[][] nodes;
    private final int leafLevel;
    private Effort effort;

    /** Nothing yet, of a tree with leaves at a level. */
    Found(int leafLevel) {
        this.leafLevel = leafLevel;
        nodes = new Node[leafLevel + 1][];
        clear(0);
    }

    /** Forgets what a walk with another effort would not find again. */
    void prepare(Effort next) {
        if (!next.equals(effort)) {
            boolean same = effort != null && next.candidates() == effort.candidates() && next.near() == effort.near()
                    && next.tile() == effort.tile();
            clear(same ? leafLevel : 0);
            effort = next;
        }
    }

    private void clear(int from) {
        for (int level = from; level <= leafLevel; level++) {
            nodes[level] = new Node[1 << level];
        }
    }

    /** What has been found at a node; null for nothing. */
    Node at(int level, int index) {
        return nodes[level][index];
    }

    /** Takes note of what has been found at a node. */
    void note(int level, int index, Node node) {
        nodes[level][index] = node;
    }
}
