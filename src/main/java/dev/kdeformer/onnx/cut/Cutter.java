package dev.kdeformer.onnx.cut;

import dev.kdeformer.onnx.graph.Model;
import dev.kdeformer.onnx.graph.Node;
import dev.kdeformer.onnx.graph.ValueInfo;
import dev.kdeformer.onnx.match.MaskTerm;
import dev.kdeformer.onnx.match.Site;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Assigns nodes to stages. A node runs as soon as everything it reads is there, and the output of an attention of
 * stage s is there at stage s + 1; what depends on constants alone belongs to every part that reads it. Nodes that only
 * late parts need and that can be made from what is there anyway run late.
 */
public final class Cutter {
    private final Model model;
    private final Map<String, Site> results = new HashMap<>();
    /** The nodes of the model and those that are made for fused operators, in an order in which they can run. */
    private final List<Node> nodes = new ArrayList<>();
    private final Map<String, Node> makers = new HashMap<>();
    private final Set<String> constants = new LinkedHashSet<>();
    private final Map<Site, Set<String>> siteReads = new LinkedHashMap<>();
    private final Map<String, Integer> available = new HashMap<>();
    private final Map<Node, Integer> stages = new LinkedHashMap<>();
    private final Map<Site, Integer> siteStages = new LinkedHashMap<>();

    private Cutter(Model model, List<Site> sites) {
        this.model = model;
        sites.forEach(site -> results.put(site.ends().result().value(), site));
        constants.addAll(model.weights().keySet());
        constants.addAll(model.sparse().keySet());
        for (Node node : model.nodes()) {
            for (String output : node.outputs()) {
                Site site = results.get(output);
                if (site != null) {
                    nodes.addAll(site.feeders());
                }
            }
            nodes.add(node);
        }
        for (Node node : nodes) {
            node.outputs().forEach(output -> makers.putIfAbsent(output, node)); // a feeder's output goes before
            if (constants.containsAll(node.reads()) && !isRandom(node)) {
                constants.addAll(node.outputs());
            }
        }
        constants.remove("");
        sites.forEach(site -> siteReads.put(site, reads(site)));
    }

    /** Cuts a model at the given attentions. */
    public static Plan cut(Model model, List<Site> sites) {
        Cutter cutter = new Cutter(model, sites);
        Set<Node> needed = cutter.needed();
        cutter.assign(needed);
        new LatePlacement(cutter.constants, cutter.stages, cutter.siteStages, cutter.siteReads, cutter.makers,
                cutter.results.keySet(), cutter.outputNames()).apply();
        return cutter.plan(needed);
    }

    private static boolean isRandom(Node node) {
        return node.operator().startsWith("Random") || node.operator().equals("Bernoulli")
                || node.operator().equals("Multinomial");
    }

    private Set<String> outputNames() {
        Set<String> names = new LinkedHashSet<>();
        for (ValueInfo output : model.outputs()) {
            names.add(output.name());
        }
        return names;
    }

    /** Everything that an attention reads, by us or by its own nodes, whichever will compute it. */
    private Set<String> reads(Site site) {
        Set<String> reads = new LinkedHashSet<>(List.of(site.ends().query().value(), site.ends().key().value(),
                site.ends().value().value()));
        for (MaskTerm mask : site.logits().masks()) {
            reads.add(mask.value());
        }
        site.logits().factors().forEach(factor -> reads.add(factor.value()));
        reads.addAll(site.logits().shapes());
        reads.add(site.softmax().sinks());
        Set<String> made = new HashSet<>();
        for (Node node : site.nodes()) {
            node.reads().stream().filter(read -> !constants.contains(read)).forEach(reads::add);
            made.addAll(node.outputs());
        }
        made.remove("");
        reads.removeAll(made);
        reads.remove("");
        return reads;
    }

    private Set<Node> needed() {
        Set<Node> needed = new HashSet<>();
        Set<String> seen = new HashSet<>();
        List<String> open = new ArrayList<>(outputNames());
        while (!open.isEmpty()) {
            String value = open.remove(open.size() - 1);
            if (!seen.add(value)) {
                continue;
            }
            Site site = results.get(value);
            if (site != null) {
                open.addAll(siteReads.get(site));
            } else if (makers.containsKey(value)) {
                needed.add(makers.get(value));
                open.addAll(makers.get(value).reads());
            }
        }
        siteReads.keySet().removeIf(site -> !seen.contains(site.ends().result().value()));
        return needed;
    }

    private void assign(Set<Node> needed) {
        for (Node node : nodes) {
            int stage = latest(node.reads());
            if (needed.contains(node)) {
                stages.put(node, stage);
            }
            for (String output : node.outputs()) {
                Site site = results.get(output);
                if (site != null && siteReads.containsKey(site)) {
                    int siteStage = latest(siteReads.get(site));
                    siteStages.put(site, siteStage);
                    available.put(output, siteStage + 1);
                } else {
                    available.putIfAbsent(output, stage);
                }
            }
        }
    }

    private int latest(Set<String> reads) {
        int stage = 0;
        for (String read : reads) {
            stage = Math.max(stage, constants.contains(read) ? 0 : available.getOrDefault(read, 0));
        }
        return stage;
    }

    private Plan plan(Set<Node> needed) {
        int count = 1 + siteStages.values().stream().mapToInt(stage -> stage + 1).max().orElse(0);
        Map<String, Integer> firstUse = new HashMap<>();
        Map<String, Integer> lastUse = new HashMap<>();
        Map<String, Set<Integer>> uses = new HashMap<>();
        List<Plan.Place> places = new ArrayList<>();
        for (Map.Entry<Site, Integer> entry : siteStages.entrySet()) {
            Set<String> reads = siteReads.get(entry.getKey());
            places.add(new Plan.Place(entry.getKey(), entry.getValue(), reads, own(entry.getKey(), reads)));
            for (String read : reads) {
                firstUse.merge(read, entry.getValue(), Math::min);
                lastUse.merge(read, entry.getValue(), Math::max);
            }
        }
        places.sort(Comparator.comparingInt(Plan.Place::stage));
        Set<String> forSites = new LinkedHashSet<>(firstUse.keySet());
        Set<String> forUser = outputNames();
        List<List<Node>> byStage = new ArrayList<>();
        for (int s = 0; s < count; s++) {
            byStage.add(new ArrayList<>());
        }
        Map<String, Integer> madeAt = new HashMap<>();
        for (Node node : nodes) {
            if (!needed.contains(node) || constants.containsAll(node.outputs())) {
                continue;
            }
            int stage = stages.get(node);
            byStage.get(stage).add(node);
            node.outputs().forEach(output -> madeAt.put(output, stage));
            for (String read : node.reads()) {
                uses.computeIfAbsent(read, name -> new HashSet<>()).add(stage);
                lastUse.merge(read, stage, Math::max);
            }
        }
        List<Plan.Part> parts = new ArrayList<>();
        for (int s = 0; s < count; s++) {
            parts.add(part(s, byStage.get(s), madeAt, uses, forSites, firstUse, forUser));
        }
        lastUse.keySet().removeAll(forUser);
        lastUse.keySet().removeAll(constants.stream().filter(name -> !forSites.contains(name)).toList());
        return new Plan(parts, places, lastUse);
    }

    /** An attention as the graph has it, with the constants that its nodes read. */
    private Plan.Part own(Site site, Set<String> reads) {
        Set<String> wanted = new LinkedHashSet<>();
        site.nodes().forEach(node -> node.reads().stream().filter(constants::contains).forEach(wanted::add));
        List<Node> all = new ArrayList<>(constantNodes(wanted));
        all.removeAll(site.nodes());
        all.addAll(site.nodes());
        Set<String> given = new LinkedHashSet<>(reads);
        given.removeAll(constants);
        model.inputs().forEach(input -> given.remove(input.name()));
        return new Plan.Part(all, List.copyOf(given), List.of(site.ends().result().value()));
    }

    private Plan.Part part(int stage, List<Node> own, Map<String, Integer> madeAt, Map<String, Set<Integer>> uses,
            Set<String> forSites, Map<String, Integer> firstUse, Set<String> forUser) {
        Set<String> outputs = new LinkedHashSet<>();
        Set<String> given = new LinkedHashSet<>();
        Set<String> here = new HashSet<>();
        Set<String> wanted = new LinkedHashSet<>();
        for (Node node : own) {
            here.addAll(node.outputs());
            for (String output : node.outputs()) {
                boolean later = uses.getOrDefault(output, Set.of()).stream().anyMatch(use -> use > stage);
                if (!output.isEmpty() && !results.containsKey(output)
                        && (later || forSites.contains(output) || forUser.contains(output))) {
                    outputs.add(output);
                }
            }
        }
        here.remove("");
        for (Node node : own) {
            for (String read : node.reads()) {
                if (constants.contains(read)) {
                    wanted.add(read);
                } else if (!here.contains(read) || results.containsKey(read)) {
                    given.add(read);
                }
            }
        }
        for (String name : constants) {
            boolean site = forSites.contains(name) && firstUse.get(name) == stage;
            if (site || forUser.contains(name) && stage == 0) {
                wanted.add(name);
                outputs.add(name);
            }
        }
        model.inputs().forEach(input -> given.remove(input.name()));
        List<Node> all = new ArrayList<>(constantNodes(wanted));
        all.addAll(own);
        return new Plan.Part(all, List.copyOf(given), List.copyOf(outputs));
    }

    /** The nodes that compute constants, in order. */
    private List<Node> constantNodes(Set<String> wanted) {
        Set<Node> found = new LinkedHashSet<>();
        List<String> open = new ArrayList<>(wanted);
        while (!open.isEmpty()) {
            Node maker = makers.get(open.remove(open.size() - 1));
            if (maker != null && found.add(maker)) {
                open.addAll(maker.reads());
            }
        }
        return nodes.stream().filter(found::contains).toList();
    }
}
