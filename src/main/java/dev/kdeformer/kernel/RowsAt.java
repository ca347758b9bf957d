package dev.kdeformer.kernel;

/**
 * Rows in scratch memory, whole vectors to a row with zeros after the last feature.
 *
 * @param address address of the first row
 * @param stride  floats from row to row
 */
public record RowsAt(long address, int stride) {
}
