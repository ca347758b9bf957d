package dev.kdeformer.onnx.graph;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A constant tensor of a graph, which stays where it is in the file: an initializer, or the value of a Constant node.
 *
 * @param name     the value's name in the graph
 * @param kind     element type, a number of TensorProto.DataType
 * @param sizes    its dimensions
 * @param message  the TensorProto in the file
 * @param offset   first byte of the elements within the file, or −1 if they are not there in one little-endian piece
 * @param length   their number of bytes
 * @param external where the elements are if in another file: the entries of external_data; else null
 */
public record Weight(String name, int kind, long[] sizes, MemorySegment message, long offset, long length,
        Map<String, String> external) {
    /** Tensors from this size on are referred to, smaller ones copied. */
    static final int REFERRED = 1024;
    private static final int MOST_DIMENSIONS = 64;

    static Weight read(Wire wire) throws OnnxFormatException {
        String name = "";
        int kind = 0;
        List<Long> sizes = new ArrayList<>();
        long offset = -1;
        long length = 0;
        int pieces = 0;
        boolean elsewhere = false;
        Map<String, String> external = new TreeMap<>();
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> {
                    numbers(wire, sizes);
                    if (sizes.size() > MOST_DIMENSIONS) {
                        throw wire.error("a tensor has more than " + MOST_DIMENSIONS + " dimensions");
                    }
                }
                case 2 -> kind = wire.natural("element type");
                case 4, 9, 10 -> {
                    if (wire.type() == Wire.BLOCK) {
                        Wire data = wire.block();
                        offset = data.start();
                        length = data.length();
                    } else {
                        wire.skip();
                        offset = -1;
                        pieces++;
                    }
                    pieces++;
                }
                case 8 -> name = wire.text();
                case 13 -> entry(wire.block(), external);
                case 14 -> elsewhere = wire.number() == 1;
                default -> wire.skip();
            }
        }
        long[] dimensions = sizes.stream().mapToLong(Long::longValue).toArray();
        for (long size : dimensions) {
            if (size < 0) {
                throw wire.error("tensor '" + Names.shown(name) + "' has a negative size " + size);
            }
        }
        boolean whole = pieces == 1 && offset >= 0;
        return new Weight(name, kind, dimensions, wire.segment(), whole ? offset : -1, whole ? length : 0,
                elsewhere ? Map.copyOf(external) : null);
    }

    private static void entry(Wire wire, Map<String, String> entries) throws OnnxFormatException {
        String key = "";
        String value = "";
        while (wire.next()) {
            switch (wire.field()) {
                case 1 -> key = wire.text();
                case 2 -> value = wire.text();
                default -> wire.skip();
            }
        }
        entries.put(key, value);
    }

    private static void numbers(Wire wire, List<Long> numbers) throws OnnxFormatException {
        if (wire.type() == Wire.VARINT) {
            numbers.add(wire.number());
            return;
        }
        Wire packed = wire.block();
        while (!packed.atEnd() && numbers.size() <= MOST_DIMENSIONS) {
            numbers.add(packed.varint());
        }
    }

    /** Number of elements; −1 if that is more than 2⁶³ − 1. */
    public long elements() {
        long product = 1;
        for (long size : sizes) {
            if (size != 0 && product > Long.MAX_VALUE / size) {
                return -1;
            }
            product *= size;
        }
        return product;
    }

    /**
     * The elements of a small tensor as float64, or null if it has more than {@code most}, is in another file or has
     * elements that are not numbers.
     */
    public double[] values(int most) {
        if (external != null || elements() < 0 || elements() > most) {
            return null;
        }
        try {
            return SmallTensor.read(this);
        } catch (OnnxFormatException e) {
            return null; // whoever runs the model will say what is wrong with it
        }
    }
}
