package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Attribute;
import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Finds every attention of a model. */
public final class Matcher {
    private static final Set<String> OPERATORS = Set.of("Softmax", "Attention", "MultiHeadAttention",
            "GroupQueryAttention");

    private Matcher() {
    }

    /**
     * What is attention in a model or looks like it, in the order of the graph. Attention inside the body of an If,
     * Loop or Scan is found, but stays there.
     */
    public static List<Found> find(Model model) {
        GraphIndex graph = new GraphIndex(model);
        SoftmaxMatcher softmax = new SoftmaxMatcher(graph);
        OperatorMatcher operators = new OperatorMatcher(graph);
        List<Found> found = new ArrayList<>();
        for (Node node : model.nodes()) {
            Found one = null;
            if (node.is("Softmax")) {
                one = softmax.match(node);
            } else if (OperatorMatcher.isOperator(node)) {
                one = operators.match(node);
            } else {
                for (Attribute attribute : node.attributes().values()) {
                    if (attribute.graphs().nested().stream().anyMatch(OPERATORS::contains)) {
                        one = Found.not(node, "it is inside the body of " + node.operator()
                                + ", which the model runs only when it gets there");
                    }
                }
            }
            if (one != null) {
                found.add(one);
            }
        }
        return found;
    }
}
