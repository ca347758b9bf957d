package dev.kdeformer.onnx.run;

import dev.kdeformer.onnx.graph.ElementKind;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A value of the graph in memory, row-major.
 *
 * @param data  its elements, native byte order
 * @param kind  their type, a number of TensorProto.DataType
 * @param sizes its dimensions
 */
record RawTensor(MemorySegment data, int kind, long[] sizes) {
    /** Number of elements. */
    long elements() {
        long product = 1;
        for (long size : sizes) {
            product *= size;
        }
        return product;
    }

    /** An element as float64. */
    double get(long index) throws CannotRun {
        return switch (kind) {
            case ElementKind.FLOAT -> data.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, index);
            case ElementKind.DOUBLE -> data.getAtIndex(ValueLayout.JAVA_DOUBLE_UNALIGNED, index);
            case ElementKind.INT32 -> data.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, index);
            case ElementKind.INT64 -> data.getAtIndex(ValueLayout.JAVA_LONG_UNALIGNED, index);
            case ElementKind.BOOL, ElementKind.INT8, ElementKind.UINT8 -> data.get(ValueLayout.JAVA_BYTE, index);
            default -> throw new CannotRun("a value has element type " + kind + ", which is not read here");
        };
    }

    /** Distances between elements of each dimension. */
    long[] strides() {
        long[] strides = new long[sizes.length];
        long stride = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            strides[i] = stride;
            stride *= sizes[i];
        }
        return strides;
    }
}
