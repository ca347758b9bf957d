package dev.kdeformer.onnx.graph;

/** Element types of ONNX tensors that this project has to tell apart: the numbers of TensorProto.DataType. */
public final class ElementKind {
    /** float32. */
    public static final int FLOAT = 1;
    /** Unsigned bytes. */
    public static final int UINT8 = 2;
    /** Signed bytes. */
    public static final int INT8 = 3;
    /** 32-bit whole numbers. */
    public static final int INT32 = 6;
    /** 64-bit whole numbers. */
    public static final int INT64 = 7;
    /** Text. */
    public static final int STRING = 8;
    /** Truth values of one byte each. */
    public static final int BOOL = 9;
    /** IEEE half precision. */
    public static final int FLOAT16 = 10;
    /** float64. */
    public static final int DOUBLE = 11;
    /** The upper half of a float32. */
    public static final int BFLOAT16 = 16;

    private ElementKind() {
    }

    /** Whether elements are real numbers of whatever precision. */
    public static boolean isReal(int kind) {
        return kind == FLOAT || kind == FLOAT16 || kind == DOUBLE || kind == BFLOAT16;
    }
}
