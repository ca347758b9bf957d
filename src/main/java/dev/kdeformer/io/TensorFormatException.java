package dev.kdeformer.io;

import java.io.IOException;

/**
 * A file that is not the tensor file it should be: malformed, truncated, with sizes that do not fit its length, or
 * with contents that are not read (another element type or number of dimensions). The message is one sentence that
 * names the file, what was found and what is allowed.
 */
public final class TensorFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    /** An exception whose message names the file and then says what is wrong with it, in a sentence. */
    public TensorFormatException(String file, String problem) {
        super(file + ": " + problem);
    }
}
