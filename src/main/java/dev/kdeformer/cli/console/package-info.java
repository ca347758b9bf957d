/**
 * What is said and seen at the terminal: sentences for errors and figures ({@code Sentences}), the two kinds of errors
 * that end a command ({@code UsageError} with exit code 2, {@code Failure} with 1), the line of progress, and what can
 * be known of the machine without measuring it. Knows nothing of attention.
 */
package dev.kdeformer.cli.console;
