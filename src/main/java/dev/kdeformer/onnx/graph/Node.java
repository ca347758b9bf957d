package dev.kdeformer.onnx.graph;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A node of a graph. Two nodes are equal only if they are the same object.
 */
public final class Node {
    private final String name;
    private final String domain;
    private final String operator;
    private final List<String> inputs;
    private final List<String> outputs;
    private final Map<String, Attribute> attributes;
    private final MemorySegment message;

    Node(String name, String domain, String operator, List<String> inputs, List<String> outputs,
            Map<String, Attribute> attributes, MemorySegment message) {
        this.name = name;
        this.domain = domain;
        this.operator = operator;
        this.inputs = List.copyOf(inputs);
        this.outputs = List.copyOf(outputs);
        this.attributes = attributes;
        this.message = message;
    }

    static Node read(Wire wire, int depth) throws OnnxFormatException {
        String name = "";
        String domain = "";
        String operator = "";
        List<String> inputs = new ArrayList<>();
        List<String> outputs = new ArrayList<>();
        Map<String, Attribute> attributes = new LinkedHashMap<>();
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> inputs.add(wire.text());
                case 2 -> outputs.add(wire.text());
                case 3 -> name = wire.text();
                case 4 -> operator = wire.text();
                case 5 -> {
                    Attribute attribute = Attribute.read(wire.block(), depth);
                    attributes.put(attribute.name(), attribute);
                }
                case 7 -> domain = wire.text();
                default -> wire.skip();
            }
        }
        if (operator.isEmpty()) {
            throw wire.error("a node names no operator");
        }
        return new Node(name, domain.equals("ai.onnx") ? "" : domain, operator, inputs, outputs, attributes,
                wire.segment());
    }

    /** Its name, which need not be unique; may be empty. */
    public String name() {
        return name;
    }

    /** The operator's domain; empty for the standard one. */
    public String domain() {
        return domain;
    }

    /** The operator. */
    public String operator() {
        return operator;
    }

    /** Whether it is the given operator of the standard domain. */
    public boolean is(String standardOperator) {
        return domain.isEmpty() && operator.equals(standardOperator);
    }

    /** Names of its inputs; an empty one is an optional input left out. */
    public List<String> inputs() {
        return inputs;
    }

    /** An input, or the empty string if it is left out. */
    public String input(int index) {
        return index < inputs.size() ? inputs.get(index) : "";
    }

    /** Names of its outputs; an empty one is an optional output left out. */
    public List<String> outputs() {
        return outputs;
    }

    /** An output, or the empty string if it is left out. */
    public String output(int index) {
        return index < outputs.size() ? outputs.get(index) : "";
    }

    /** Its attributes by name. */
    public Map<String, Attribute> attributes() {
        return attributes;
    }

    /** A whole number among its attributes. */
    public long whole(String attribute, long byDefault) {
        Attribute found = attributes.get(attribute);
        return found == null ? byDefault : found.whole();
    }

    /** A real number among its attributes. */
    public float real(String attribute, float byDefault) {
        Attribute found = attributes.get(attribute);
        return found == null ? byDefault : found.real();
    }

    /** A list of whole numbers among its attributes, or null. */
    public long[] wholes(String attribute) {
        Attribute found = attributes.get(attribute);
        return found == null ? null : found.wholes();
    }

    /** Everything it reads: its inputs and what its subgraphs capture; no empty names. */
    public Set<String> reads() {
        Set<String> reads = new LinkedHashSet<>(inputs);
        attributes.values().forEach(attribute -> reads.addAll(attribute.graphs().captured()));
        reads.remove("");
        return reads;
    }

    /** The NodeProto. */
    public MemorySegment message() {
        return message;
    }

    /** What to call it in messages: its name, or its operator and first output. */
    public String shown() {
        return Names.shown(name.isEmpty() ? operator + " '" + output(0) + "'" : name);
    }

    @Override
    public String toString() {
        return operator + inputs + " -> " + outputs;
    }
}
