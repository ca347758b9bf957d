package dev.kdeformer.onnx.graph;

import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/** What has to be known of the body of an If, Loop or Scan: the outer values it reads, and its operators. */
final class Subgraph {
    private static final int DEEPEST = 32;

    private Subgraph() {
    }

    /**
     * Reads a GraphProto.
     *
     * @param captured receives the names that it reads and does not make
     * @param nested   receives its operators
     */
    static void read(Wire wire, int depth, Set<String> captured, Set<String> nested) throws OnnxFormatException {
        if (depth > DEEPEST) {
            throw wire.error("subgraphs are nested more than " + DEEPEST + " deep");
        }
        Set<String> read = new HashSet<>();
        Set<String> made = new HashSet<>();
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> {
                    Node node = Node.read(wire.block(), depth);
                    read.addAll(node.reads());
                    made.addAll(node.outputs());
                    nested.add(node.operator());
                    node.attributes().values().forEach(attribute -> nested.addAll(attribute.graphs().nested()));
                }
                case 5 -> made.add(Weight.read(wire.block()).name());
                case 11 -> made.add(ValueInfo.read(wire.block()).name());
                case 12 -> read.add(ValueInfo.read(wire.block()).name());
                default -> wire.skip();
            }
        }
        read.removeAll(made);
        captured.addAll(read);
    }

    static String latin(Wire content) {
        return new String(content.segment().toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
    }
}
