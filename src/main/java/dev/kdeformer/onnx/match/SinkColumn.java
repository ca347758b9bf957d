package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;
import java.util.List;

/**
 * One more column of logits for every head, which takes part in the softmax and has no value: attention sinks as
 * exporters write them out, Concat before the softmax and Slice after it.
 *
 * @param chain what the other logits are
 * @param value the column
 * @param first whether it comes before the others
 */
record SinkColumn(LogitChain.Result chain, String value, boolean first) {
    /** Casts and the like between Concat, softmax and Slice. */
    private static final int MOST_HOPS = 8;

    /** Finds the column among the logits of a softmax; null if there is none. */
    static SinkColumn of(GraphIndex graph, String logits) {
        String at = logits;
        for (int hops = 0; hops < MOST_HOPS; hops++) {
            Node node = graph.maker(at);
            if (node == null || !node.domain().isEmpty()) {
                return null;
            }
            switch (node.operator()) {
                case "Cast", "Identity" -> at = node.input(0);
                case "Sub" -> {
                    if (!subtractsLargest(graph, node)) {
                        return null;
                    }
                    at = node.input(0);
                }
                case "Concat" -> {
                    return joined(graph, node);
                }
                default -> {
                    return null;
                }
            }
        }
        return null;
    }

    /** Whether a node takes the largest element of each row off it, which no softmax sees. */
    private static boolean subtractsLargest(GraphIndex graph, Node sub) {
        String whole = sub.input(0);
        Node largest = graph.maker(sub.input(1));
        if (largest == null || !largest.is("ReduceMax") || !largest.input(0).equals(whole)
                || largest.whole("keepdims", 1) == 0 || !List.of(sub, largest).containsAll(graph.readers(whole))) {
            return false;
        }
        long[] axes = largest.wholes("axes");
        double[] given = axes == null ? graph.constant(largest.input(1)) : null;
        return axes != null ? axes.length == 1 && isLast(axes[0]) : given != null && given.length == 1
                && isLast((long) given[0]);
    }

    /** A positive axis is the last one if the column, whose size there has to be 1, fits the logits at run time. */
    private static boolean isLast(long axis) {
        return axis == -1 || axis >= 1 && axis < MOST_HOPS;
    }

    private static SinkColumn joined(GraphIndex graph, Node concat) {
        if (concat.inputs().size() != 2 || !isLast(concat.whole("axis", 0))) {
            return null;
        }
        for (int column = 1; column >= 0; column--) {
            LogitChain.Result chain = new LogitChain(graph).walk(concat.input(1 - column));
            if (chain != null) {
                Node expand = graph.maker(concat.input(column));
                return new SinkColumn(chain, expand != null && expand.is("Expand") ? expand.input(0)
                        : concat.input(column), column == 0);
            }
        }
        return null;
    }

    /** The weights without that of the column; null if they are used with it. */
    String weights(GraphIndex graph, String weights) {
        String at = weights;
        for (int hops = 0; hops < MOST_HOPS; hops++) {
            Node node = graph.onlyReader(at);
            if (node == null) {
                return null;
            }
            if (node.is("Slice")) {
                return drops(graph, node) ? node.output(0) : null;
            }
            if (!node.is("Cast") && !node.is("Identity")) {
                return null;
            }
            at = node.output(0);
        }
        return null;
    }

    private boolean drops(GraphIndex graph, Node slice) {
        double start = graph.scalar(slice.input(1));
        double end = graph.scalar(slice.input(2));
        double axis = graph.scalar(slice.input(3));
        boolean single = slice.input(4).isEmpty() || graph.scalar(slice.input(4)) == 1;
        return single && isLast((long) axis) && (first ? start == 1 && end >= Integer.MAX_VALUE
                : start == 0 && end == -1);
    }
}
