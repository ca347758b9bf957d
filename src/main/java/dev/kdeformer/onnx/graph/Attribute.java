package dev.kdeformer.onnx.graph;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * An attribute of a node, as far as this project reads it.
 *
 * @param name   its name
 * @param whole  its value if it is a whole number, else 0
 * @param real   its value if it is a real number, else 0
 * @param text   its value if it is a text, else the empty string
 * @param wholes its value if it is a list of whole numbers, else empty
 * @param weight its value if it is a tensor, else null
 * @param graphs what its subgraphs have to do with the graph around
 */
public record Attribute(String name, long whole, float real, String text, long[] wholes, Weight weight,
        Graphs graphs) {
    /**
     * What the subgraphs of an attribute have to do with the graph around.
     *
     * @param captured names of the graph around that they read
     * @param nested   operators in them
     */
    public record Graphs(Set<String> captured, Set<String> nested) {
    }

    private static final int MOST_NUMBERS = 1 << 16;

    static Attribute read(Wire wire, int depth) throws OnnxFormatException {
        String name = "";
        long whole = 0;
        float real = 0;
        String text = "";
        Weight weight = null;
        List<Long> wholes = new ArrayList<>();
        Set<String> captured = new HashSet<>();
        Set<String> nested = new HashSet<>();
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> name = wire.text();
                case 2 -> real = wire.real();
                case 3 -> whole = wire.number();
                case 4 -> {
                    Wire content = wire.block();
                    text = content.length() < 256 ? Subgraph.latin(content) : "";
                }
                case 5 -> weight = Weight.read(wire.block());
                case 6, 11 -> Subgraph.read(wire.block(), depth + 1, captured, nested);
                case 8 -> {
                    if (wire.type() == Wire.VARINT) {
                        wholes.add(wire.number());
                    } else {
                        Wire packed = wire.block();
                        while (!packed.atEnd() && wholes.size() <= MOST_NUMBERS) {
                            wholes.add(packed.varint());
                        }
                    }
                    if (wholes.size() > MOST_NUMBERS) {
                        throw wire.error("an attribute has more than " + MOST_NUMBERS + " numbers");
                    }
                }
                default -> wire.skip();
            }
        }
        return new Attribute(name, whole, real, text, wholes.stream().mapToLong(Long::longValue).toArray(), weight,
                new Graphs(captured, nested));
    }
}
