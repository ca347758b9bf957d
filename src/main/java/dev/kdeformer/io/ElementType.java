package dev.kdeformer.io;

/** The floating-point formats that files are read from; tensors in memory are always float32. */
public enum ElementType {
    /** IEEE half precision: {@code f2} in .npy files, {@code F16} in .safetensors files. */
    F16(2),
    /**
     * The upper half of a float32: {@code V2} in .npy files, as ml_dtypes writes it, {@code BF16} in .safetensors
     * files.
     */
    BF16(2),
    /** IEEE single precision: {@code f4} and {@code F32}. */
    F32(4),
    /** IEEE double precision: {@code f8} and {@code F64}; rounded to float32 on reading. */
    F64(8);

    private final int bytes;

    ElementType(int bytes) {
        this.bytes = bytes;
    }

    /** Returns the bytes of an element in a file. */
    public int bytes() {
        return bytes;
    }
}
