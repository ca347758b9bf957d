package dev.kdeformer.cli.console;

/** A wrong call, as one sentence that names the option; the command ends with exit code 2. */
public final class UsageError extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** An error in what was typed, in a sentence. */
    public UsageError(String message) {
        super(message);
    }
}
