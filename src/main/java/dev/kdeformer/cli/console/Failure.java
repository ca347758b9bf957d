package dev.kdeformer.cli.console;

/** What went wrong, as one sentence for the user; the command ends with exit code 1. */
public final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** A failure with what was wrong, in a sentence. */
    public Failure(String message) {
        super(message);
    }

    /** A failure with what was wrong, in a sentence, and why. */
    public Failure(String message, Throwable cause) {
        super(message, cause);
    }
}
