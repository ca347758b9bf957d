package dev.kdeformer.onnx.graph;

import java.io.IOException;

/**
 * A file that is not an ONNX model: malformed, truncated, with sizes that do not fit its length, or with a graph that
 * no order can run. The message is one sentence that names the file and what was found.
 */
public final class OnnxFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    /** Made by the reader. */
    public OnnxFormatException(String file, String problem) {
        super(file + ": " + problem);
    }
}
