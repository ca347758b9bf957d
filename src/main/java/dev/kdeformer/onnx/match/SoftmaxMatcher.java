package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Finds the attention that a Softmax node belongs to: from it back to one product and forward to another. */
final class SoftmaxMatcher {
    private static final int AXIS_IS_LAST_SINCE = 13;
    /** Nodes between the softmax and the product with the values. */
    private static final int MOST_HOPS = 16;

    private final GraphIndex graph;

    SoftmaxMatcher(GraphIndex graph) {
        this.graph = graph;
    }

    /**
     * Where the weights go.
     *
     * @param product the node that multiplies weights and values
     * @param left    whether the weights are its left operand
     * @param swapped whether rows and columns of the weights were exchanged on the way
     * @param guarded whether NaN became 0 on the way
     */
    private record Use(Node product, boolean left, boolean swapped, boolean guarded) {
    }

    /** The attention of a softmax. */
    Found match(Node softmax) {
        SinkColumn sinks = SinkColumn.of(graph, softmax.input(0));
        LogitChain.Result chain = sinks == null ? new LogitChain(graph).walk(softmax.input(0)) : sinks.chain();
        String weights = sinks == null ? softmax.output(0) : sinks.weights(graph, softmax.output(0));
        if (weights == null) {
            return Found.not(softmax, "its sinks are not cut off the weights again");
        }
        Use use = follow(weights, false, false, 0);
        boolean valued = use != null && use.product() != null;
        if (!valued && chain != null && (graph.model().isWeight(chain.product().input(0))
                || graph.model().isWeight(chain.product().input(1)))) {
            return null; // scores of a layer's outputs, such as classes
        }
        if (chain == null) {
            return !valued ? null : Found.not(softmax,
                    "what leads to its softmax is not a product with scales and masks alone");
        }
        if (use == null) {
            return Found.not(softmax, "its weights go elsewhere than into one product with values");
        }
        if (use.product() == null) {
            return Found.not(softmax, "its weights are read by several nodes or are an output");
        }
        Integer axis = axis(softmax);
        if (axis == null) {
            return Found.not(softmax, "its softmax is neither over the last axis nor over the one before");
        }
        boolean keysInRows = axis == -2;
        if (keysInRows && (!chain.masks().isEmpty() || !chain.shapes().isEmpty() || sinks != null)) {
            return Found.not(softmax, "its softmax is over rows and has a mask");
        }
        return site(softmax, chain, use, keysInRows, axis >= 0 ? axis : -1, sinks == null ? "" : sinks.value());
    }

    /** The softmax's axis: −1 last, −2 the one before, others to be compared with the number of dimensions. */
    private Integer axis(Node softmax) {
        boolean current = graph.model().opset("") >= AXIS_IS_LAST_SINCE;
        long axis = softmax.whole("axis", current ? -1 : 1);
        if (axis == -1 || axis == -2 && current) {
            return (int) axis;
        }
        return axis >= 1 && axis < 8 ? (int) axis : null;
    }

    private Found site(Node softmax, LogitChain.Result chain, Use use, boolean keysInRows, int axis,
            String sinks) {
        Node first = chain.product();
        Node second = use.product();
        // As matrices: logits = A B. With keys in rows, A holds the keys; else B's columns are the keys.
        Operand query = keysInRows ? Products.operand(first, 1).swap() : Products.operand(first, 0);
        Operand key = keysInRows ? Products.operand(first, 0) : Products.operand(first, 1).swap();
        boolean queriesInRows = use.swapped() == keysInRows;
        if (queriesInRows != use.left()) {
            return Found.not(softmax, "its weights meet the values on the side of the queries");
        }
        Operand value = Products.operand(second, use.left() ? 1 : 0);
        Peeler scaled = new Peeler(graph);
        Peeler plain = new Peeler(graph);
        query = scaled.peel(query, true);
        key = scaled.peel(key, true);
        value = plain.peel(use.left() ? value : value.swap(), false);
        if (softmax == graph.maker(value.value()) || first.input(0).equals(first.input(1)) && keysInRows) {
            return Found.not(softmax, "its operands are not told apart");
        }
        Operand result = result(second, use.left());
        List<Site.Factor> factors = new ArrayList<>(scaled.factors());
        factors.addAll(chain.factors());
        if (chain.cap() != 0 && !chain.factors().isEmpty()) {
            return Found.not(softmax, "its logits are capped and scaled by a computed factor");
        }
        double before = scaled.scale() * Products.scale(first);
        double scale = before * chain.scale();
        if (Products.scale(second) != 1 || !Double.isFinite(scale)) {
            return Found.not(softmax, "its output is scaled within the product");
        }
        Set<String> ends = new LinkedHashSet<>(List.of(query.value(), key.value(), value.value()));
        chain.masks().forEach(mask -> ends.add(mask.value()));
        factors.forEach(factor -> ends.add(factor.value()));
        if (!sinks.isEmpty()) {
            ends.add(sinks);
        }
        List<Node> nodes = between(ends, result.value());
        String form = form(first, softmax) + (sinks.isEmpty() ? "" : ", sinks");
        return Found.site(new Site(softmax.shown(), form, new Site.Ends(query, key, value, result),
                new Site.Logits(scale, factors, chain.cap(), chain.masks(), Site.Causal.NONE, chain.shapes()),
                new Site.Softmax(axis, use.guarded(), sinks), nodes, List.of()));
    }

    private static String form(Node first, Node softmax) {
        return first.operator() + "-" + softmax.operator() + "-MatMul";
    }

    /** Follows the weights to the product with the values; null where they go elsewhere, no product where to many. */
    private Use follow(String weights, boolean swapped, boolean guarded, int hops) {
        List<Node> readers = graph.readers(weights);
        if (graph.isOutput(weights) || readers.isEmpty() || hops > MOST_HOPS) {
            return new Use(null, false, false, false);
        }
        Node guard = guard(weights, readers);
        if (guard != null) {
            return follow(guard.output(0), swapped, true, hops + 1);
        }
        if (readers.size() != 1) {
            return new Use(null, false, false, false);
        }
        Node node = readers.get(0);
        if (Products.isProduct(node)) {
            boolean left = node.input(0).equals(weights);
            Operand operand = Products.operand(node, left ? 0 : 1);
            return left && node.input(1).equals(weights) ? null
                    : new Use(node, left, swapped != operand.swapped(), guarded);
        }
        if (!node.domain().isEmpty()) {
            return null;
        }
        return switch (node.operator()) {
            case "Cast", "Identity", "Reshape" -> follow(node.output(0), swapped, guarded, hops + 1);
            case "Dropout" -> graph.readers(node.output(1)).isEmpty() || node.output(1).isEmpty()
                    ? follow(node.output(0), swapped, guarded, hops + 1) : null;
            case "Transpose" -> exchangesRowsAndColumns(node)
                    ? follow(node.output(0), !swapped, guarded, hops + 1) : null;
            default -> null;
        };
    }

    /** The Where of Where(IsNaN(w), 0, w), or null. */
    private Node guard(String weights, List<Node> readers) {
        if (readers.size() != 2) {
            return null;
        }
        for (Node where : readers) {
            Node test = where.is("Where") ? graph.maker(where.input(0)) : null;
            if (test != null && test.is("IsNaN") && readers.contains(test) && where.input(2).equals(weights)
                    && graph.scalar(where.input(1)) == 0 && graph.onlyReader(test.output(0)) == where) {
                return where;
            }
        }
        return null;
    }

    private static boolean exchangesRowsAndColumns(Node transpose) {
        int[] axes = GraphIndex.permutation(transpose);
        if (axes == null || axes.length < 2) {
            return false;
        }
        int last = axes.length - 1;
        for (int i = 0; i < last - 1; i++) {
            if (axes[i] != i) {
                return false;
            }
        }
        return axes[last] == last - 1;
    }

    /** The output, taken after a Transpose if that is all that reads it: then it is written as that would have it. */
    private Operand result(Node product, boolean left) {
        Operand made = Operand.of(product.output(0));
        Operand output = left ? made : made.swap();
        Node next = graph.onlyReader(product.output(0));
        int[] permutation = next != null && next.is("Transpose") ? GraphIndex.permutation(next) : null;
        if (permutation == null) {
            return output;
        }
        int[] inverse = new int[permutation.length];
        for (int i = 0; i < inverse.length; i++) {
            inverse[permutation[i]] = i;
        }
        Operand moved = new Operand(next.output(0), 0, inverse, false);
        return left ? moved : moved.swap();
    }

    /** The nodes that make a value out of others, in the graph's order. */
    private List<Node> between(Set<String> from, String to) {
        Set<String> needed = new LinkedHashSet<>(List.of(to));
        List<Node> nodes = new ArrayList<>();
        List<Node> all = graph.model().nodes();
        Set<String> derived = derived(from);
        for (int i = all.size() - 1; i >= 0; i--) {
            Node node = all.get(i);
            if (node.outputs().stream().anyMatch(needed::contains)
                    && node.reads().stream().anyMatch(derived::contains)
                    && node.outputs().stream().noneMatch(from::contains)) {
                nodes.add(0, node);
                needed.addAll(node.reads());
            }
        }
        return nodes;
    }

    /** Everything that is computed from the given values, themselves included. */
    private Set<String> derived(Set<String> from) {
        Set<String> derived = new LinkedHashSet<>(from);
        for (Node node : graph.model().nodes()) {
            if (node.reads().stream().anyMatch(derived::contains)) {
                derived.addAll(node.outputs());
            }
        }
        return derived;
    }
}
