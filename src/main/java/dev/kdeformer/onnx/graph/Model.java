package dev.kdeformer.onnx.graph;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/**
 * A model as its file has it. Nodes are in an order in which they can run, every value has one maker, and Constant
 * nodes with large tensors are among the weights instead of among the nodes.
 *
 * @param header  what the file says of itself
 * @param nodes   the nodes
 * @param weights constant tensors by name
 * @param sparse  sparse constant tensors by name: SparseTensorProto
 * @param inputs  inputs that have to be given
 * @param outputs outputs
 * @param parts   messages of the file that every part of the model needs: opset_import, functions
 */
public record Model(Header header, List<Node> nodes, Map<String, Weight> weights, Map<String, MemorySegment> sparse,
        List<ValueInfo> inputs, List<ValueInfo> outputs, List<Part> parts) {
    /**
     * What a file says of itself.
     *
     * @param place     where the file is
     * @param irVersion version of the file format
     * @param opsets    version of the operators by domain; the standard domain is the empty string
     */
    public record Header(Place place, long irVersion, Map<String, Long> opsets) {
    }

    /**
     * A message of the file that is copied as it is.
     *
     * @param field its number in ModelProto
     */
    record Part(int field, MemorySegment message) {
    }

    /** The version of a domain's operators, 0 if the model does not import it. */
    public long opset(String domain) {
        return header.opsets.getOrDefault(domain, 0L);
    }

    /** Whether a value is a constant tensor. */
    public boolean isWeight(String name) {
        return weights.containsKey(name) || sparse.containsKey(name);
    }
}
