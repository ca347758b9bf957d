package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Attribute;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.ValueInfo;
import dev.kdeformer.onnx.graph.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Who makes and who reads each value of a graph, and the values of small constants. */
final class GraphIndex {
    /** Shapes and permutations have fewer elements. */
    private static final int MOST_NUMBERS = 16;
    /** Casts and Identities between a constant and its reader. */
    private static final int MOST_HOPS = 8;

    private final Model model;
    private final Map<String, Node> makers = new HashMap<>();
    private final Map<String, List<Node>> readers = new HashMap<>();
    private final Set<String> outputs = new HashSet<>();

    GraphIndex(Model model) {
        this.model = model;
        for (Node node : model.nodes()) {
            node.outputs().forEach(output -> makers.put(output, node));
            node.reads().forEach(input -> readers.computeIfAbsent(input, name -> new ArrayList<>()).add(node));
        }
        for (ValueInfo output : model.outputs()) {
            outputs.add(output.name());
        }
    }

    Model model() {
        return model;
    }

    /** The node that makes a value, or null. */
    Node maker(String value) {
        return makers.get(value);
    }

    /** The nodes that read a value. */
    List<Node> readers(String value) {
        return readers.getOrDefault(value, List.of());
    }

    /** The only reader of a value that is not an output of the graph, or null. */
    Node onlyReader(String value) {
        List<Node> all = readers(value);
        return all.size() == 1 && !outputs.contains(value) ? all.get(0) : null;
    }

    boolean isOutput(String value) {
        return outputs.contains(value);
    }

    /** The elements of a small constant, or null if the value is no constant. */
    double[] constant(String value) {
        String at = value;
        for (int hops = 0; hops < MOST_HOPS; hops++) {
            Weight weight = model.weights().get(at);
            if (weight != null) {
                return weight.values(MOST_NUMBERS);
            }
            Node node = makers.get(at);
            if (node == null || !node.is("Identity") && !node.is("Cast")) {
                return node != null && node.is("Constant") ? constant(node) : null;
            }
            at = node.input(0);
        }
        return null;
    }

    private static double[] constant(Node node) {
        for (Attribute attribute : node.attributes().values()) {
            switch (attribute.name()) {
                case "value" -> {
                    return attribute.weight() == null ? null : attribute.weight().values(MOST_NUMBERS);
                }
                case "value_float" -> {
                    return new double[] {attribute.real()};
                }
                case "value_int" -> {
                    return new double[] {attribute.whole()};
                }
                case "value_ints" -> {
                    long[] wholes = attribute.wholes();
                    double[] values = new double[wholes.length];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = wholes[i];
                    }
                    return values;
                }
                default -> {
                    // value_string and the like are no numbers
                }
            }
        }
        return null;
    }

    /** The value of a constant of one element, NaN if it is no such constant. */
    double scalar(String value) {
        double[] values = constant(value);
        return values != null && values.length == 1 ? values[0] : Double.NaN;
    }

    /** The permutation of a Transpose node of {@code rank} axes, or null if it has no such. */
    static int[] permutation(Node transpose) {
        long[] axes = transpose.wholes("perm");
        if (axes == null) {
            return null;
        }
        int[] permutation = new int[axes.length];
        boolean[] seen = new boolean[axes.length];
        for (int i = 0; i < axes.length; i++) {
            if (axes[i] < 0 || axes[i] >= axes.length || seen[(int) axes[i]]) {
                return null;
            }
            permutation[i] = (int) axes[i];
            seen[permutation[i]] = true;
        }
        return permutation;
    }
}
