package dev.kdeformer.onnx.graph;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * An input or output of a graph as the file declares it.
 *
 * @param name    the value's name
 * @param kind    element type of a tensor, 0 if it is not a tensor or not said
 * @param sizes   a number, a name or the empty string for each dimension; null if not said
 * @param message the ValueInfoProto in the file
 */
public record ValueInfo(String name, int kind, List<String> sizes, MemorySegment message) {
    static ValueInfo read(Wire wire) throws OnnxFormatException {
        String name = "";
        int kind = 0;
        List<String> sizes = null;
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> name = wire.text();
                case 2 -> {
                    Wire type = wire.block();
                    while (type.next()) {
                        if (type.field() != 1) {
                            type.skip();
                            continue;
                        }
                        Wire tensor = type.block();
                        while (tensor.next()) {
                            switch (tensor.field()) {
                                case 1 -> kind = tensor.natural("element type");
                                case 2 -> sizes = shape(tensor.block());
                                default -> tensor.skip();
                            }
                        }
                    }
                }
                default -> wire.skip();
            }
        }
        return new ValueInfo(name, kind, sizes, wire.segment());
    }

    private static List<String> shape(Wire wire) throws OnnxFormatException {
        List<String> sizes = new ArrayList<>();
        while (wire.next()) {
            if (wire.field() != 1) {
                wire.skip();
                continue;
            }
            Wire dimension = wire.block();
            String size = "";
            while (dimension.next()) {
                switch (dimension.field()) {
                    case 1 -> size = Long.toString(dimension.number());
                    case 2 -> size = dimension.text();
                    default -> dimension.skip();
                }
            }
            sizes.add(size);
        }
        return List.copyOf(sizes);
    }
}
