package dev.kdeformer.onnx.graph;

import java.util.Arrays;

/** Decodes the elements of a small tensor, in whichever of TensorProto's fields they are. */
final class SmallTensor {
    private SmallTensor() {
    }

    /** The elements, as many as the sizes say; null if they are not numbers. */
    static double[] read(Weight weight) throws OnnxFormatException {
        double[] values = new double[(int) weight.elements()];
        int count = 0;
        boolean raw = false;
        Wire wire = new Wire("", weight.message(), 0, weight.message().byteSize());
        while (wire.next()) {
            switch (wire.field()) {
                case 4, 5, 7, 9, 10, 11 -> {
                    raw |= wire.field() == 9;
                    if (wire.type() != Wire.BLOCK) {
                        count = put(values, count, single(wire, weight.kind()));
                        continue;
                    }
                    Wire data = wire.block();
                    while (!data.atEnd()) {
                        count = put(values, count, raw ? rawElement(data, weight.kind())
                                : packedElement(data, wire.field(), weight.kind()));
                    }
                }
                default -> wire.skip();
            }
        }
        return count == values.length && Arrays.stream(values).noneMatch(Double::isNaN) ? values : null;
    }

    private static int put(double[] values, int at, double value) throws OnnxFormatException {
        if (at >= values.length) {
            throw new OnnxFormatException("", "a tensor has more elements than its sizes say");
        }
        values[at] = value;
        return at + 1;
    }

    private static double single(Wire wire, int kind) throws OnnxFormatException {
        return switch (wire.type()) {
            case Wire.FIXED32 -> wire.nextFloat();
            case Wire.FIXED64 -> Double.longBitsToDouble(wire.nextLong());
            default -> whole(wire.number(), kind);
        };
    }

    private static double packedElement(Wire data, int field, int kind) throws OnnxFormatException {
        return switch (field) {
            case 4 -> data.nextFloat();
            case 10 -> Double.longBitsToDouble(data.nextLong());
            default -> whole(data.varint(), kind);
        };
    }

    /** Half-precision elements are stored as their bits in int32_data. */
    private static double whole(long value, int kind) {
        return switch (kind) {
            case ElementKind.FLOAT16 -> Float.float16ToFloat((short) value);
            case ElementKind.BFLOAT16 -> Float.intBitsToFloat((int) value << 16);
            default -> value;
        };
    }

    private static double rawElement(Wire data, int kind) throws OnnxFormatException {
        return switch (kind) {
            case ElementKind.FLOAT -> data.nextFloat();
            case ElementKind.DOUBLE -> Double.longBitsToDouble(data.nextLong());
            case ElementKind.INT32 -> data.nextInt();
            case ElementKind.INT64 -> data.nextLong();
            case ElementKind.INT8, ElementKind.BOOL -> data.nextByte();
            case ElementKind.UINT8 -> data.nextByte() & 0xFF;
            case ElementKind.FLOAT16 -> Float.float16ToFloat((short) (data.nextByte() & 0xFF | data.nextByte() << 8));
            case ElementKind.BFLOAT16 -> Float.intBitsToFloat((data.nextByte() & 0xFF | data.nextByte() << 8) << 16);
            default -> throw data.error("element type " + kind + " is not one of numbers");
        };
    }
}
