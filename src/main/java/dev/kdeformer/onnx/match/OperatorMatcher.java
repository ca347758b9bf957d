package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.NodeWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Takes apart the operators that are attention themselves. What an operator does besides (projections, biases, rotary
 * embeddings, caches) becomes nodes of its own, which run with the rest of the model.
 */
final class OperatorMatcher {
    private static final String CONTRIB = "com.microsoft";
    private static final int SPLIT_COUNTS_SINCE = 18;

    /** What the operator of the ONNX domain may say: a later version could change its meaning by more. */
    private static final Set<String> STANDARD = Set.of("is_causal", "kv_num_heads", "q_num_heads",
            "qk_matmul_output_mode", "scale", "softcap", "softmax_precision", "left_window_size", "right_window_size");
    private static final int STANDARD_INPUTS = 7;
    private static final long LATEST = 25;

    private final GraphIndex graph;

    OperatorMatcher(GraphIndex graph) {
        this.graph = graph;
    }

    /** Whether a node is such an operator. */
    static boolean isOperator(Node node) {
        return node.is("Attention") || node.domain().equals(CONTRIB) && (node.operator().equals("Attention")
                || node.operator().equals("MultiHeadAttention") || node.operator().equals("GroupQueryAttention"));
    }

    /** The attention of an operator. */
    Found match(Node node) {
        Parts parts = new Parts(node);
        String refusal = node.is("Attention") ? standard(parts) : switch (node.operator()) {
            case "MultiHeadAttention" -> multiHead(parts);
            case "Attention" -> projected(parts);
            default -> grouped(parts);
        };
        return refusal != null ? Found.not(node, refusal) : Found.site(parts.site());
    }

    /** The operator of the ONNX domain, since version 23. */
    private String standard(Parts p) {
        Node node = p.node;
        if (!STANDARD.containsAll(node.attributes().keySet()) || node.inputs().size() > STANDARD_INPUTS
                || graph.model().opset("") > LATEST) {
            return "it has attributes, inputs or a version that are not known here";
        }
        boolean past = !node.input(4).isEmpty();
        boolean causal = node.whole("is_causal", 0) != 0;
        if (isRead(node.output(3))) {
            return "its logits are an output";
        }
        long left = node.whole("left_window_size", -1);
        long right = node.whole("right_window_size", -1);
        boolean window = left >= 0 || right >= 0;
        if (!node.input(6).isEmpty() && (causal || window || past)) {
            return "it has lengths of keys and a causal rule, a window or past keys at once";
        }
        int heads = (int) node.whole("q_num_heads", 0);
        int kvHeads = (int) node.whole("kv_num_heads", 0);
        p.query = heads > 0 ? Operand.splitHeads(node.input(0), heads) : Operand.of(node.input(0));
        p.key = kvHeads > 0 ? Operand.splitHeads(node.input(1), kvHeads) : Operand.of(node.input(1));
        p.value = kvHeads > 0 ? Operand.splitHeads(node.input(2), kvHeads) : Operand.of(node.input(2));
        p.result = heads > 0 ? Operand.splitHeads(node.output(0), heads) : Operand.of(node.output(0));
        p.cached(node.input(4), node.input(5), node.output(1), node.output(2), kvHeads);
        p.scale = node.real("scale", Float.NaN);
        p.cap = node.real("softcap", 0);
        if (!node.input(3).isEmpty()) {
            p.masks.add(MaskTerm.hide(MaskTerm.Kind.MASK, node.input(3), -Float.MAX_VALUE, true, ""));
        }
        if (!node.input(6).isEmpty()) {
            p.masks.add(MaskTerm.hide(MaskTerm.Kind.LENGTHS, node.input(6), -Float.MAX_VALUE, true, ""));
        }
        if (window) {
            // Left out, so that of keys that a mask hides as well and others none is preferred.
            p.causal = new Site.Causal(past ? Site.Causal.Rule.LOWER_RIGHT : Site.Causal.Rule.UPPER_LEFT,
                    left < 0 ? Site.Causal.ALL : left, causal ? 0 : right < 0 ? Site.Causal.ALL : right,
                    Double.NEGATIVE_INFINITY);
            p.guarded = true;
        } else if (causal) {
            p.causal = Site.Causal.rule(past, -Float.MAX_VALUE);
        }
        return null;
    }

    private String multiHead(Parts p) {
        Node node = p.node;
        int heads = (int) node.whole("num_heads", 0);
        if (heads < 1 || !node.input(8).isEmpty() || !node.input(9).isEmpty() || isRead(node.output(3))) {
            return "it shares buffers for past keys, or its logits are an output";
        }
        String bias = node.input(3);
        if (node.input(1).isEmpty()) {
            if (!bias.isEmpty()) {
                return "its queries, keys and values are packed and have a bias";
            }
            p.query = p.picked(node.input(0), 0);
            p.key = p.picked(node.input(0), 1);
            p.value = p.picked(node.input(0), 2);
        } else if (node.input(2).isEmpty()) {
            if (!bias.isEmpty()) {
                return "its keys and values are packed and have a bias";
            }
            p.query = Operand.splitHeads(node.input(0), heads);
            p.key = p.picked(node.input(1), 0);
            p.value = p.picked(node.input(1), 1);
        } else {
            List<String> biases = bias.isEmpty() ? null : p.split(bias, 0, null);
            p.query = Operand.splitHeads(p.biased(node.input(0), biases, 0), heads);
            p.key = Operand.splitHeads(p.biased(node.input(1), biases, 1), heads);
            p.value = Operand.splitHeads(p.biased(node.input(2), biases, 2), heads);
        }
        if (!node.input(6).isEmpty() && node.input(1).isEmpty()) {
            return "its queries, keys and values are packed and it has past keys";
        }
        p.result = Operand.splitHeads(node.output(0), heads);
        p.cached(node.input(6), node.input(7), node.output(1), node.output(2), heads);
        p.filtered(node.input(4), node.input(5));
        return null;
    }

    /** The operator that holds the projections, too. */
    private String projected(Parts p) {
        Node node = p.node;
        int heads = (int) node.whole("num_heads", 0);
        if (heads < 1 || !node.input(4).isEmpty() || !node.input(6).isEmpty() || isRead(node.output(1))
                || node.whole("do_rotary", 0) != 0) {
            return "it has past keys or rotary embeddings";
        }
        String all = p.node("", "MatMul", List.of(node.input(0), node.input(1)));
        if (!node.input(2).isEmpty()) {
            all = p.node("", "Add", List.of(all, node.input(2)));
        }
        List<String> parts = p.split(all, 2, node.wholes("qkv_hidden_sizes"));
        p.query = Operand.splitHeads(parts.get(0), heads);
        p.key = Operand.splitHeads(parts.get(1), heads);
        p.value = Operand.splitHeads(parts.get(2), heads);
        p.result = Operand.splitHeads(node.output(0), heads);
        p.filtered(node.input(3), node.input(5));
        return null;
    }

    private String grouped(Parts p) {
        Node node = p.node;
        int heads = (int) node.whole("num_heads", 0);
        int kvHeads = (int) node.whole("kv_num_heads", 0);
        if (heads < 1 || kvHeads < 1 || isRead(node.output(3)) || node.whole("k_quant_type", 0) != 0
                || !node.input(12).isEmpty()) {
            return "it has quantised keys or its logits are an output";
        }
        String query = node.input(0);
        String key = node.input(1);
        String value = node.input(2);
        if (key.isEmpty()) {
            String four = p.node("", "Reshape", List.of(query, p.wholes(0, 0, heads + 2L * kvHeads, -1)));
            List<String> parts = p.split(four, 2, new long[] {heads, kvHeads, kvHeads});
            query = p.node("", "Reshape", List.of(parts.get(0), p.wholes(0, 0, -1)));
            key = p.node("", "Reshape", List.of(parts.get(1), p.wholes(0, 0, -1)));
            value = p.node("", "Reshape", List.of(parts.get(2), p.wholes(0, 0, -1)));
        }
        boolean past = !node.input(3).isEmpty();
        if (node.whole("do_rotary", 0) != 0) {
            String positions = node.input(9);
            if (positions.isEmpty()) {
                positions = past ? p.node("", "Gather", List.of(p.node("", "Shape", List.of(node.input(3))),
                        p.wholes(2))) : p.wholes(0);
            }
            query = p.rotated(query, positions, heads);
            key = p.rotated(key, positions, kvHeads);
        }
        p.query = Operand.splitHeads(query, heads);
        p.key = Operand.splitHeads(key, kvHeads);
        p.value = Operand.splitHeads(value, kvHeads);
        p.result = Operand.splitHeads(node.output(0), heads);
        p.cached(node.input(3), node.input(4), node.output(1), node.output(2), kvHeads);
        p.scale = node.real("scale", 0) == 0 ? Double.NaN : node.real("scale", 0);
        p.cap = node.real("softcap", 0);
        boolean smooth = node.input(11).isEmpty() && node.whole("smooth_softmax", 0) > 0;
        p.sinks = smooth ? p.wholes(new long[heads]) : node.input(11);
        p.masks.add(MaskTerm.hide(past ? MaskTerm.Kind.WHOLE_LAST_KEYS : MaskTerm.Kind.LAST_KEYS, node.input(5),
                Double.NEGATIVE_INFINITY, true, ""));
        if (!node.input(10).isEmpty()) {
            p.masks.add(MaskTerm.add(node.input(10), ""));
        }
        long window = node.whole("local_window_size", -1);
        p.causal = new Site.Causal(Site.Causal.Rule.LOWER_RIGHT, window > 0 ? window - 1 : Site.Causal.ALL, 0,
                Double.NEGATIVE_INFINITY);
        return null;
    }

    private boolean isRead(String output) {
        return !output.isEmpty() && (graph.isOutput(output) || !graph.readers(output).isEmpty());
    }

    /** What an operator is taken apart into. */
    private final class Parts {
        private final Node node;
        private final List<Node> feeders = new ArrayList<>();
        private final List<MaskTerm> masks = new ArrayList<>();
        private Operand query;
        private Operand key;
        private Operand value;
        private Operand result;
        private double scale = Double.NaN;
        private double cap;
        private String sinks = "";
        private boolean guarded;
        private Site.Causal causal = Site.Causal.NONE;

        Parts(Node node) {
            this.node = node;
        }

        Site site() {
            return new Site(node.shown(), node.domain().isEmpty() ? node.operator() + "-"
                    + graph.model().opset("") : node.operator(),
                    new Site.Ends(query, key, value, result),
                    new Site.Logits(scale, List.of(), cap, masks, causal, List.of()),
                    new Site.Softmax(-1, guarded, sinks), List.of(node), feeders);
        }

        private String fresh() {
            return node.output(0) + "/kdeformer" + feeders.size();
        }

        String node(String domain, String operator, List<String> inputs) {
            String output = fresh();
            feeders.add(NodeWriter.of(domain, operator, inputs, List.of(output)).node());
            return output;
        }

        String wholes(long... values) {
            String output = fresh();
            feeders.add(NodeWriter.of("", "Constant", List.of(), List.of(output)).with("value_ints", values).node());
            return output;
        }

        /** One of several tensors that are packed along the axis before the last: (batch, rows, heads, parts, d). */
        Operand picked(String packed, long part) {
            String index = fresh();
            feeders.add(NodeWriter.of("", "Constant", List.of(), List.of(index)).with("value_int", part).node());
            String output = fresh();
            feeders.add(NodeWriter.of("", "Gather", List.of(packed, index), List.of(output)).with("axis", 3L).node());
            return new Operand(output, 0, new int[] {0, 2, 1, 3}, false);
        }

        /** Three parts along an axis, of the given sizes or alike. */
        List<String> split(String whole, long axis, long[] sizes) {
            List<String> inputs = new ArrayList<>(List.of(whole));
            if (sizes != null && sizes.length == 3) {
                inputs.add(wholes(sizes));
            }
            List<String> outputs = List.of(fresh() + "a", fresh() + "b", fresh() + "c");
            NodeWriter writer = NodeWriter.of("", "Split", inputs, outputs).with("axis", axis);
            if (inputs.size() == 1 && graph.model().opset("") >= SPLIT_COUNTS_SINCE) {
                writer.with("num_outputs", 3L);
            }
            feeders.add(writer.node());
            return outputs;
        }

        String biased(String input, List<String> biases, int part) {
            return biases == null ? input : node("", "Add", List.of(input, biases.get(part)));
        }

        String rotated(String input, String positions, int heads) {
            String output = fresh();
            feeders.add(NodeWriter.of(CONTRIB, "RotaryEmbedding", List.of(input, positions, node.input(7),
                    node.input(8)), List.of(output)).with("interleaved", node.whole("rotary_interleaved", 0))
                    .with("num_heads", heads).node());
            return output;
        }

        /** Puts past keys and values before the new ones, and hands both on. */
        void cached(String pastKey, String pastValue, String presentKey, String presentValue, int heads) {
            key = cached(key, pastKey, presentKey, heads);
            value = cached(value, pastValue, presentValue, heads);
        }

        private Operand cached(Operand now, String past, String present, int heads) {
            if (past.isEmpty() && !isRead(present)) {
                return now;
            }
            String four = now.value();
            if (now.split() > 0) {
                String split = node("", "Reshape", List.of(now.value(), wholes(0, 0, heads, -1)));
                four = fresh();
                feeders.add(NodeWriter.of("", "Transpose", List.of(split), List.of(four)).with("perm", 0, 2, 1, 3)
                        .node());
            }
            String output = present.isEmpty() ? fresh() : present;
            feeders.add(past.isEmpty() ? NodeWriter.of("", "Identity", List.of(four), List.of(output)).node()
                    : NodeWriter.of("", "Concat", List.of(past, four), List.of(output)).with("axis", 2L).node());
            return Operand.of(output);
        }

        /** The masks that the operators of com.microsoft share. */
        void filtered(String padding, String bias) {
            float given = node.real("scale", 0);
            scale = given == 0 ? Double.NaN : given;
            double fill = node.real("mask_filter_value", -10000);
            if (!padding.isEmpty()) {
                masks.add(MaskTerm.hide(MaskTerm.Kind.PADDING, padding, fill, true, ""));
            }
            if (!bias.isEmpty()) {
                masks.add(MaskTerm.add(bias, ""));
            }
            if (node.whole("unidirectional", 0) != 0) {
                causal = Site.Causal.rule(true, fill);
            }
        }
    }
}
