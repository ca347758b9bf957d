package dev.kdeformer.onnx.graph;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a part of a model as a model of its own. Tensors of 1 KB and more become references to the file they were
 * read from, which ONNX Runtime maps without copying where the session's folder of external tensors is
 * {@link Place#folder}.
 */
public final class PartFile {
    private PartFile() {
    }

    /**
     * A value that a part is given by another one.
     *
     * @param kind  its element type
     * @param sizes its dimensions, negative ones unknown; null if not even their number is known
     */
    public record Given(String name, int kind, long[] sizes) {
    }

    /**
     * Writes a part.
     *
     * @param nodes   its nodes, in order
     * @param given   values that it is given; inputs of the whole model among them need not be listed
     * @param outputs names of its outputs
     * @throws OnnxFormatException if a tensor in another file is not where the model says
     */
    public static byte[] write(Model model, List<Node> nodes, List<Given> given, List<String> outputs)
            throws OnnxFormatException {
        Set<String> read = new LinkedHashSet<>(outputs);
        nodes.forEach(node -> read.addAll(node.reads()));
        WireWriter graph = new WireWriter().text(2, "part");
        for (Node node : nodes) {
            graph.block(1, node.message());
        }
        for (String name : read) {
            if (model.weights().containsKey(name)) {
                graph.message(5, weight(model.header().place(), model.weights().get(name)));
            } else if (model.sparse().containsKey(name)) {
                graph.block(15, model.sparse().get(name));
            }
        }
        for (ValueInfo input : model.inputs()) {
            if (read.contains(input.name())) {
                graph.block(11, input.message());
            }
        }
        given.forEach(value -> graph.message(11, declaration(value)));
        for (String output : outputs) {
            model.outputs().stream().filter(info -> info.name().equals(output)).findFirst()
                    .ifPresentOrElse(info -> graph.block(12, info.message()),
                            () -> graph.message(12, new WireWriter().text(1, output)));
        }
        WireWriter file = new WireWriter().number(1, model.header().irVersion()).text(2, "kdeformer").message(7, graph);
        model.parts().forEach(part -> file.block(part.field(), part.message()));
        for (String domain : List.of("", "com.microsoft")) {
            if (!model.header().opsets().containsKey(domain)) { // for nodes of ours
                file.message(8, new WireWriter().text(1, domain).number(2, domain.isEmpty() ? 17 : 1));
            }
        }
        return file.toBytes();
    }

    private static WireWriter declaration(Given value) {
        WireWriter tensor = new WireWriter().number(1, value.kind());
        if (value.sizes() != null) {
            WireWriter shape = new WireWriter();
            for (long size : value.sizes()) {
                shape.message(1, size < 0 ? new WireWriter() : new WireWriter().number(1, size));
            }
            tensor.message(2, shape);
        }
        return new WireWriter().text(1, value.name()).message(2, new WireWriter().message(1, tensor));
    }

    private static WireWriter weight(Place place, Weight weight) throws OnnxFormatException {
        if (weight.external() != null) {
            Map<String, String> entries = weight.external();
            return reference(weight, place.external(weight.name(), entries), entries.get("offset"),
                    entries.get("length"));
        }
        if (weight.offset() >= 0 && weight.length() >= Weight.REFERRED) {
            return reference(weight, place.name(), Long.toString(weight.offset()), Long.toString(weight.length()));
        }
        return copy(weight);
    }

    private static WireWriter reference(Weight weight, String location, String offset, String length) {
        WireWriter tensor = new WireWriter();
        for (long size : weight.sizes()) {
            tensor.number(1, size);
        }
        tensor.number(2, weight.kind()).text(8, weight.name());
        entry(tensor, "location", location);
        entry(tensor, "offset", offset);
        entry(tensor, "length", length);
        return tensor.number(14, 1);
    }

    private static void entry(WireWriter tensor, String key, String value) {
        if (value != null) {
            tensor.message(13, new WireWriter().text(1, key).text(2, value));
        }
    }

    /** The tensor as it is; a later name counts, so that a Constant's tensor gets the name of the node's output. */
    private static WireWriter copy(Weight weight) {
        WireWriter tensor = new WireWriter();
        tensor.append(weight.message());
        return tensor.text(8, weight.name());
    }
}
