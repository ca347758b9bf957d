package dev.kdeformer.onnx.cut;

import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.match.Site;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Moves nodes to the first stage that reads what they make, where the values they are made from are kept until then
 * anyway. Without it the keys and values of all layers' cross-attention, which depend on the encoder alone, would lie
 * about from the start.
 */
final class LatePlacement {
    /** What makes something small of something large stays early. */
    private static final Set<String> SHRINKING = Set.of("Shape", "Size", "ReduceMean", "ReduceSum", "ReduceMax",
            "ReduceMin", "ReduceProd", "ArgMax", "ArgMin", "Slice", "Gather", "GatherND", "NonZero", "TopK");

    private final Set<String> constants;
    private final Map<Node, Integer> stages;
    private final Map<Site, Integer> siteStages;
    private final Map<Site, Set<String>> siteReads;
    private final Map<String, Node> makers;
    private final Set<String> results;
    private final Set<String> kept;
    private final Map<String, List<Node>> readers = new HashMap<>();
    private final Map<String, Integer> siteUse = new HashMap<>();
    private final Map<String, Integer> firstSiteUse = new HashMap<>();

    LatePlacement(Set<String> constants, Map<Node, Integer> stages, Map<Site, Integer> siteStages,
            Map<Site, Set<String>> siteReads, Map<String, Node> makers, Set<String> results, Set<String> kept) {
        this.constants = constants;
        this.stages = stages;
        this.siteStages = siteStages;
        this.siteReads = siteReads;
        this.makers = makers;
        this.results = results;
        this.kept = kept;
    }

    /** Nodes that nothing else reads from, up to one value. */
    private record Cone(Set<Node> nodes, Set<String> leaves, int target) {
    }

    void apply() {
        for (Node node : stages.keySet()) {
            node.reads().forEach(read -> readers.computeIfAbsent(read, name -> new ArrayList<>()).add(node));
        }
        siteStages.forEach((site, stage) -> siteReads.get(site).forEach(read -> {
            siteUse.merge(read, stage, Math::max);
            firstSiteUse.merge(read, stage, Math::min);
        }));
        List<Cone> cones = new ArrayList<>();
        Map<String, Integer> shared = new HashMap<>();
        for (Node node : stages.keySet()) {
            if (node.outputs().size() == 1 && !constants.contains(node.output(0))) {
                int first = firstUse(node.output(0));
                if (first > stages.get(node) && first != Integer.MAX_VALUE) {
                    Cone cone = cone(node, first);
                    if (cone != null) {
                        cones.add(cone);
                        cone.leaves().forEach(leaf -> shared.merge(leaf, 1, Integer::sum));
                    }
                }
            }
        }
        for (Cone cone : cones) {
            boolean alive = true;
            for (String leaf : cone.leaves()) {
                alive &= lastUse(leaf, cone.nodes()) >= cone.target()
                        || cone.leaves().size() == 1 && shared.get(leaf) > 1;
            }
            if (alive) {
                cone.nodes().forEach(node -> stages.merge(node, cone.target(), Math::max));
            }
        }
    }

    private int firstUse(String value) {
        int first = firstSiteUse.getOrDefault(value, Integer.MAX_VALUE);
        for (Node reader : readers.getOrDefault(value, List.of())) {
            first = Math.min(first, stages.get(reader));
        }
        return kept.contains(value) ? 0 : first;
    }

    private int lastUse(String value, Set<Node> without) {
        int last = kept.contains(value) ? Integer.MAX_VALUE : siteUse.getOrDefault(value, 0);
        for (Node reader : readers.getOrDefault(value, List.of())) {
            last = without.contains(reader) ? last : Math.max(last, stages.get(reader));
        }
        return last;
    }

    private Cone cone(Node top, int target) {
        Set<Node> cone = new LinkedHashSet<>(Set.of(top));
        Set<String> leaves = new HashSet<>();
        List<Node> open = new ArrayList<>(cone);
        while (!open.isEmpty()) {
            Node node = open.remove(open.size() - 1);
            if (SHRINKING.contains(node.operator())) {
                return null;
            }
            for (String read : node.reads()) {
                if (constants.contains(read)) {
                    continue;
                }
                Node maker = results.contains(read) ? null : makers.get(read);
                if (maker == null || !stages.containsKey(maker) || !isOnlyFor(maker, cone)) {
                    leaves.add(read);
                } else if (cone.add(maker)) {
                    open.add(maker);
                }
            }
        }
        leaves.removeIf(leaf -> makers.containsKey(leaf) && cone.contains(makers.get(leaf)));
        return new Cone(cone, leaves, target);
    }

    private boolean isOnlyFor(Node maker, Set<Node> cone) {
        for (String output : maker.outputs()) {
            if (kept.contains(output) || firstSiteUse.containsKey(output)
                    || !cone.containsAll(readers.getOrDefault(output, List.of()))) {
                return false;
            }
        }
        return true;
    }
}
