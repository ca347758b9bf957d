package dev.kdeformer.cli;

/** What went wrong, as one sentence for the user; the command ends with exit code 1. */
final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    Failure(String message) {
        super(message);
    }

    Failure(String message, Throwable cause) {
        super(message, cause);
    }
}
