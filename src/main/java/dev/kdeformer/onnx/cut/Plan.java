package dev.kdeformer.onnx.cut;

import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.match.Site;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model in parts. Part s runs, then the attentions of stage s, then part s + 1.
 *
 * @param parts   the parts in order; one without nodes and outputs needs no session
 * @param places  the attentions in the order in which they run
 * @param lastUse the last stage that reads a value, by name; what the model returns is not listed
 */
public record Plan(List<Part> parts, List<Place> places, Map<String, Integer> lastUse) {
    /**
     * A part of the model.
     *
     * @param nodes   its nodes in order
     * @param given   values that it reads from earlier parts and attentions
     * @param outputs values that it makes for attentions, later parts or the model's user
     */
    public record Part(List<Node> nodes, List<String> given, List<String> outputs) {
    }

    /**
     * Where an attention runs.
     *
     * @param site  the attention
     * @param stage the part after which it runs
     * @param reads values that computing it reads, here or in the graph's own nodes
     * @param own   the graph's own nodes
     */
    public record Place(Site site, int stage, Set<String> reads, Part own) {
    }
}
