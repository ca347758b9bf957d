package dev.kdeformer.onnx;

/** Whether ONNX Runtime's Java library is there. */
final class OnnxRuntime {
    private OnnxRuntime() {
    }

    /**
     * Checks that it is.
     *
     * @throws IllegalStateException if not, in one sentence
     */
    static void require() {
        try {
            Class.forName("ai.onnxruntime.OrtEnvironment", false, OnnxRuntime.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException("running an ONNX model needs ONNX Runtime's Java library: add the"
                    + " dependency com.microsoft.onnxruntime:onnxruntime, 1.23 or later", e);
        }
    }
}
