package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;
import java.util.ArrayList;
import java.util.List;

/**
 * Follows queries, keys or values back through what only moves or scales them, so that fewer copies are made: Transpose
 * becomes strides, a scalar factor goes to the scale, repeated key heads are read once.
 */
final class Peeler {
    private final GraphIndex graph;
    private final List<Site.Factor> factors = new ArrayList<>();
    private double scale = 1;

    Peeler(GraphIndex graph) {
        this.graph = graph;
    }

    /** The product of the constant factors that were peeled off. */
    double scale() {
        return scale;
    }

    /** The computed factors that were peeled off. */
    List<Site.Factor> factors() {
        return factors;
    }

    /**
     * Peels an operand.
     *
     * @param scalable whether scalar factors may be peeled off
     */
    Operand peel(Operand operand, boolean scalable) {
        Operand at = operand;
        while (true) {
            Operand before = step(at, scalable);
            if (before == null) {
                return at;
            }
            at = before;
        }
    }

    private Operand step(Operand at, boolean scalable) {
        Node node = graph.maker(at.value());
        if (node == null || !node.domain().isEmpty()) {
            return null;
        }
        return switch (node.operator()) {
            case "Identity", "Dropout" -> at.from(node.input(0));
            case "Transpose" -> {
                int[] permutation = GraphIndex.permutation(node);
                yield permutation == null ? null : at.before(node.input(0), permutation);
            }
            case "Mul", "Div" -> scalable ? scaled(at, node) : null;
            case "Reshape" -> repeated(at, node);
            default -> null;
        };
    }

    private Operand scaled(Operand at, Node node) {
        boolean divides = node.operator().equals("Div");
        for (int index = 1; index >= (divides ? 1 : 0); index--) {
            String other = node.input(index);
            String kept = node.input(1 - index);
            double constant = graph.scalar(other);
            if (!Double.isNaN(constant) && constant != 0) {
                scale *= divides ? 1 / constant : constant;
                return at.from(kept);
            }
            if (isComputedScalar(other)) {
                factors.add(new Site.Factor(other, divides));
                return at.from(kept);
            }
        }
        return null;
    }

    /** Whether a value is computed as the square root that exporters write for the scale. */
    private boolean isComputedScalar(String value) {
        Node node = graph.maker(value);
        for (int hops = 0; node != null && node.domain().isEmpty() && hops < 4; hops++) {
            switch (node.operator()) {
                case "Sqrt" -> {
                    return true;
                }
                case "Cast", "Identity" -> node = graph.maker(node.input(0));
                case "Div" -> node = graph.maker(node.input(1));
                default -> {
                    return false;
                }
            }
        }
        return false;
    }

    /**
     * Key heads repeated for several query heads: Unsqueeze at axis 2, Expand or Tile, Reshape, which the engine does
     * by itself. Only where nothing was moved after it, so that axis 1 is the heads.
     */
    private Operand repeated(Operand at, Node reshape) {
        Node expand = graph.maker(reshape.input(0));
        if (expand == null || !(expand.is("Expand") || expand.is("Tile"))) {
            return null;
        }
        Node unsqueeze = graph.maker(expand.input(0));
        if (unsqueeze == null || !unsqueeze.is("Unsqueeze")) {
            return null;
        }
        long[] axes = unsqueeze.wholes("axes");
        double[] given = axes == null ? graph.constant(unsqueeze.input(1)) : new double[] {axes[0]};
        boolean heads = given != null && given.length == 1 && (given[0] == 2 || given[0] == -3)
                && (axes == null || axes.length == 1);
        boolean inOrder = at.axes() == null || at.axes().length == 4 && at.axes()[0] == 0 && at.axes()[1] == 1;
        return heads && inOrder ? at.from(unsqueeze.input(0)) : null;
    }
}
