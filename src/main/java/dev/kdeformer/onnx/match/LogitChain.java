package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;
import java.util.ArrayList;
import java.util.List;

/**
 * What lies between the product of queries and keys and the softmax, walked from the softmax back. Where a node has
 * two operands and either could be the logits, the first that leads back to a product is.
 */
final class LogitChain {
    /** Longer chains are no attention; bounds the search where both operands of many nodes could be the logits. */
    private static final int LONGEST = 16;

    private final GraphIndex graph;

    /** A step from the product to the softmax. */
    private record Step(Kind kind, double number, String value, double fill) {
        /** What a node does to the logits. */
        private enum Kind { SCALE, MULTIPLY, DIVIDE, TANH, ADD, KEEP, DROP, RESHAPE }
    }

    /**
     * What the steps come to.
     *
     * @param product the node that multiplies queries and keys
     */
    record Result(Node product, double scale, List<Site.Factor> factors, double cap, List<MaskTerm> masks,
            List<String> shapes) {
    }

    LogitChain(GraphIndex graph) {
        this.graph = graph;
    }

    /** Walks back from the softmax's input; null if it leads to no product. */
    Result walk(String logits) {
        List<Step> steps = new ArrayList<>();
        Node product = back(logits, steps, 0);
        return product == null ? null : sum(product, steps);
    }

    private Node back(String value, List<Step> steps, int depth) {
        Node node = graph.maker(value);
        if (node == null || depth > LONGEST || graph.onlyReader(value) == null) {
            return null;
        }
        if (Products.isProduct(node)) {
            return node;
        }
        if (!node.domain().isEmpty()) {
            return null;
        }
        return switch (node.operator()) {
            case "Cast", "Identity", "Dropout" -> back(node.input(0), steps, depth + 1);
            case "Reshape" -> step(new Step(Step.Kind.RESHAPE, 0, node.input(1), 0), node.input(0), steps, depth);
            case "Tanh" -> step(new Step(Step.Kind.TANH, 0, "", 0), node.input(0), steps, depth);
            case "Mul" -> either(node, steps, depth, other -> scale(other, false));
            case "Div" -> step(scale(node.input(1), true), node.input(0), steps, depth);
            case "Add" -> either(node, steps, depth, other -> new Step(Step.Kind.ADD, 1, other, 0));
            case "Sub" -> step(new Step(Step.Kind.ADD, -1, node.input(1), 0), node.input(0), steps, depth);
            case "Where" -> where(node, steps, depth);
            default -> null;
        };
    }

    private Step scale(String value, boolean divides) {
        double constant = graph.scalar(value);
        if (Double.isNaN(constant)) {
            return new Step(divides ? Step.Kind.DIVIDE : Step.Kind.MULTIPLY, 0, value, 0);
        }
        return new Step(Step.Kind.SCALE, divides ? 1 / constant : constant, "", 0);
    }

    private Node where(Node node, List<Step> steps, int depth) {
        double otherwise = graph.scalar(node.input(2));
        if (!Double.isNaN(otherwise)) {
            return step(new Step(Step.Kind.KEEP, 0, node.input(0), otherwise), node.input(1), steps, depth);
        }
        double fill = graph.scalar(node.input(1));
        if (!Double.isNaN(fill)) {
            return step(new Step(Step.Kind.DROP, 0, node.input(0), fill), node.input(2), steps, depth);
        }
        return null;
    }

    private Node either(Node node, List<Step> steps, int depth, java.util.function.Function<String, Step> step) {
        Node found = step(step.apply(node.input(1)), node.input(0), steps, depth);
        return found != null ? found : step(step.apply(node.input(0)), node.input(1), steps, depth);
    }

    private Node step(Step step, String before, List<Step> steps, int depth) {
        int size = steps.size();
        steps.add(step);
        Node found = back(before, steps, depth + 1);
        if (found == null) {
            steps.subList(size, steps.size()).clear();
        }
        return found;
    }

    /** Applies the steps in the graph's order, which is the reverse of the walk's; null if they are no attention. */
    private static Result sum(Node product, List<Step> steps) {
        double scale = 1;
        double cap = 0;
        List<Site.Factor> factors = new ArrayList<>();
        List<MaskTerm> masks = new ArrayList<>();
        List<String> shapes = new ArrayList<>();
        String shape = "";
        for (int i = steps.size() - 1; i >= 0; i--) {
            Step step = steps.get(i);
            switch (step.kind()) {
                case SCALE -> {
                    double factor = step.number();
                    masks.replaceAll(mask -> mask.times(factor));
                    scale *= factor;
                    cap *= factor;
                }
                case MULTIPLY, DIVIDE -> {
                    if (cap != 0 || !masks.isEmpty()) {
                        return null;
                    }
                    factors.add(new Site.Factor(step.value(), step.kind() == Step.Kind.DIVIDE));
                }
                case TANH -> {
                    if (cap != 0 || !masks.isEmpty()) {
                        return null;
                    }
                    cap = 1;
                }
                case ADD -> masks.add(MaskTerm.add(step.value(), shape).times(step.number()));
                case KEEP -> masks.add(MaskTerm.hide(MaskTerm.Kind.KEEP, step.value(), step.fill(), false, shape));
                case DROP -> masks.add(MaskTerm.hide(MaskTerm.Kind.DROP, step.value(), step.fill(), false, shape));
                case RESHAPE -> {
                    shape = step.value();
                    shapes.add(shape);
                }
                default -> throw new IllegalStateException(step.toString());
            }
        }
        return new Result(product, scale, factors, cap, masks, shapes);
    }
}
