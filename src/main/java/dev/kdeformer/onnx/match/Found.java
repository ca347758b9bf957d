package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;

/**
 * A place of a graph that is attention, or looks like it.
 *
 * @param name   what to call it
 * @param form   how it is written: the operator
 * @param site   the attention, null if it stays in the graph
 * @param reason why it stays in the graph, else the empty string
 */
public record Found(String name, String form, Site site, String reason) {
    static Found site(Site site) {
        return new Found(site.name(), site.form(), site, "");
    }

    static Found not(Node node, String reason) {
        return new Found(node.shown(), node.operator(), null, reason);
    }
}
