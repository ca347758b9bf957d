package dev.kdeformer.onnx.cut;

import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.NodeWriter;
import dev.kdeformer.onnx.graph.ValueInfo;
import dev.kdeformer.onnx.match.Operand;
import dev.kdeformer.onnx.match.Site;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The same model with ONNX Runtime's operator MultiHeadAttention in place of each attention: the strongest that ONNX
 * Runtime offers, which its own optimiser does not make of a model when it is loaded. For attentions without masks.
 */
public final class FusedModel {
    private static final int[] BY_HEAD = {0, 2, 1, 3};

    private FusedModel() {
    }

    /**
     * What has to be known of an attention.
     *
     * @param heads heads of queries and keys
     * @param dv    features of values
     */
    public record Sizes(int heads, int dv) {
    }

    /**
     * The nodes of that model, without those that nothing reads; null if an attention does not lie as the operator
     * takes it.
     */
    public static List<Node> nodes(Model model, Map<Site, Sizes> sites) {
        Map<String, Site> results = new HashMap<>();
        for (Site site : sites.keySet()) {
            if (!fits(site)) {
                return null;
            }
            results.put(site.ends().result().value(), site);
        }
        List<Node> all = new ArrayList<>();
        for (Node node : model.nodes()) {
            Site site = node.outputs().stream().map(results::get).filter(found -> found != null).findFirst()
                    .orElse(null);
            if (site == null) {
                all.add(node);
            } else {
                fuse(site, sites.get(site), all);
            }
        }
        return reachable(model, all);
    }

    private static boolean fits(Site site) {
        Site.Ends ends = site.ends();
        for (Operand operand : List.of(ends.query(), ends.key(), ends.value(), ends.result())) {
            if (operand.split() > 0 || !Arrays.equals(operand.axes(), BY_HEAD)) {
                return false;
            }
        }
        Site.Logits logits = site.logits();
        return logits.factors().isEmpty() && logits.cap() == 0 && site.softmax().sinks().isEmpty()
                && logits.causal() == Site.Causal.NONE;
    }

    private static void fuse(Site site, Sizes sizes, List<Node> nodes) {
        String result = site.ends().result().value();
        String merged = constant(result + "/merged", nodes, 0, 0, -1);
        List<String> inputs = new ArrayList<>();
        for (Operand operand : List.of(site.ends().query(), site.ends().key(), site.ends().value())) {
            String input = result + "/fused" + inputs.size();
            nodes.add(NodeWriter.of("", "Reshape", List.of(operand.value(), merged), List.of(input)).node());
            inputs.add(input);
        }
        String output = result + "/fused";
        NodeWriter operator = NodeWriter.of("com.microsoft", "MultiHeadAttention", inputs, List.of(output))
                .with("num_heads", (long) sizes.heads());
        double scale = site.logits().scale();
        nodes.add((Double.isNaN(scale) ? operator : operator.with("scale", (float) scale)).node());
        String split = constant(result + "/split", nodes, 0, 0, sizes.heads(), sizes.dv());
        nodes.add(NodeWriter.of("", "Reshape", List.of(output, split), List.of(result)).node());
    }

    private static String constant(String name, List<Node> nodes, long... values) {
        nodes.add(NodeWriter.of("", "Constant", List.of(), List.of(name)).with("value_ints", values).node());
        return name;
    }

    private static List<Node> reachable(Model model, List<Node> all) {
        Set<String> needed = new HashSet<>();
        model.outputs().stream().map(ValueInfo::name).forEach(needed::add);
        LinkedList<Node> kept = new LinkedList<>();
        for (int i = all.size() - 1; i >= 0; i--) {
            Node node = all.get(i);
            if (node.outputs().stream().anyMatch(needed::contains)) {
                kept.addFirst(node);
                needed.addAll(node.reads());
            }
        }
        return kept;
    }
}
