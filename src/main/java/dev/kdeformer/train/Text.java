package dev.kdeformer.train;

import dev.kdeformer.sampling.CounterRandom;
import java.util.Objects;

/**
 * Bytes to train on. What a step draws depends on the seed and the number of the step alone, so that a resumed run sees
 * what the uninterrupted one would have seen.
 */
public final class Text {
    private final byte[] bytes;

    /**
     * Text over an array, which is not copied.
     *
     * @throws IllegalArgumentException if there are fewer than two bytes
     */
    public Text(byte[] bytes) {
        this.bytes = Objects.requireNonNull(bytes, "bytes");
        if (bytes.length < 2) {
            throw new IllegalArgumentException("a text must have at least 2 bytes, got " + bytes.length);
        }
    }

    /** Number of bytes. */
    public int length() {
        return bytes.length;
    }

    /**
     * Sequences from random places.
     *
     * @param length bytes of a sequence; at most one less than the text has
     * @throws IllegalArgumentException if the text is too short
     */
    public Batch draw(long seed, long step, int sequences, int length) {
        requireLength(length);
        CounterRandom random = CounterRandom.of(seed).stream(step);
        int[] tokens = new int[sequences * length];
        int[] targets = new int[tokens.length];
        for (int s = 0; s < sequences; s++) {
            copy(random.below(s, bytes.length - length), s * length, length, tokens, targets);
        }
        return new Batch(sequences, length, tokens, targets);
    }

    /** One sequence, from byte {@code from} on. */
    public Batch at(int from, int length) {
        requireLength(length);
        int[] tokens = new int[length];
        int[] targets = new int[length];
        copy(from, 0, length, tokens, targets);
        return new Batch(1, length, tokens, targets);
    }

    private void requireLength(int length) {
        if (length < 1 || length >= bytes.length) {
            throw new IllegalArgumentException("a sequence must have between 1 and " + (bytes.length - 1)
                    + " bytes, one less than the text, got " + length);
        }
    }

    private void copy(int from, int at, int length, int[] tokens, int[] targets) {
        for (int i = 0; i < length; i++) {
            tokens[at + i] = bytes[from + i] & 0xff;
            targets[at + i] = bytes[from + i + 1] & 0xff;
        }
    }
}
