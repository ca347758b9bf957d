package dev.kdeformer.onnx.run;

import ai.onnxruntime.TensorInfo;
import dev.kdeformer.onnx.graph.ElementKind;

/** ONNX's numbers of the element types that ONNX Runtime's Java library numbers in its own way. */
final class Kinds {
    private Kinds() {
    }

    /** The number in TensorProto.DataType, 0 for a type that nothing here computes with. */
    static int of(TensorInfo info) {
        return switch (info.onnxType) {
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT -> ElementKind.FLOAT;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8 -> ElementKind.UINT8;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8 -> ElementKind.INT8;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16 -> 4;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16 -> 5;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32 -> ElementKind.INT32;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 -> ElementKind.INT64;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING -> ElementKind.STRING;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL -> ElementKind.BOOL;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 -> ElementKind.FLOAT16;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE -> ElementKind.DOUBLE;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32 -> 12;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 -> 13;
            case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 -> ElementKind.BFLOAT16;
            default -> 0;
        };
    }
}
