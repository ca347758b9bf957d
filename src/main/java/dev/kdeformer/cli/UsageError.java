package dev.kdeformer.cli;

/** A wrong call, as one sentence that names the option; the command ends with exit code 2. */
final class UsageError extends RuntimeException {
    private static final long serialVersionUID = 1;

    UsageError(String message) {
        super(message);
    }
}
