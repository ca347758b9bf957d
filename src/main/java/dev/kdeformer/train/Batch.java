package dev.kdeformer.train;

import dev.kdeformer.Mask;

/**
 * Sequences of one length that are computed together.
 *
 * @param sequences number of sequences
 * @param length    tokens of a sequence, padding at its end included
 * @param tokens    (sequences, length), row-major
 * @param targets   for a decoder the token that follows each token, (sequences, length), or a negative number where
 *                  none is asked for; for an encoder the class of each sequence
 * @param lengths   tokens of each sequence without padding, or null if there is none
 */
public record Batch(int sequences, int length, int[] tokens, int[] targets, int[] lengths) {
    /** A batch without padding. */
    public Batch(int sequences, int length, int[] tokens, int[] targets) {
        this(sequences, length, tokens, targets, null);
    }

    /** Number of tokens, padding included. */
    public int rows() {
        return sequences * length;
    }

    /** Tokens of a sequence without padding. */
    int valid(int sequence) {
        return lengths == null ? length : lengths[sequence];
    }

    /** Number of targets that are asked for. */
    public int asked() {
        int count = 0;
        for (int target : targets) {
            count += target >= 0 ? 1 : 0;
        }
        return count;
    }

    Mask mask(boolean causal) {
        Mask mask = causal ? Mask.causal() : Mask.none();
        return lengths == null ? mask : mask.withKeyLengths(lengths);
    }
}
