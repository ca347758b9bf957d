package dev.kdeformer.train;

/** A made-up task of long sequences with a class each, for a classifier. */
public interface ArenaTask {
    /** The task's name. */
    String name();

    /** Tokens of a sequence, padding included. */
    int length();

    /** Number of different tokens. */
    int vocabulary();

    /** Number of classes. */
    int classes();

    /**
     * Makes an example.
     *
     * @param seed    seed of the set of examples
     * @param example its number
     * @param tokens  receives the tokens, from index {@code at} on; what is not written stays 0, which is padding
     * @return the class, and the number of tokens without padding
     */
    Example make(long seed, long example, int[] tokens, int at);

    /**
     * The class of an example.
     *
     * @param target its class
     * @param length tokens without padding
     */
    record Example(int target, int length) {
    }

    /** Examples [first, first + sequences) of a seed. */
    default Batch batch(long seed, long first, int sequences) {
        int[] tokens = new int[sequences * length()];
        int[] targets = new int[sequences];
        int[] lengths = new int[sequences];
        boolean padded = false;
        for (int s = 0; s < sequences; s++) {
            Example example = make(seed, first + s, tokens, s * length());
            targets[s] = example.target;
            lengths[s] = example.length;
            padded |= example.length < length();
        }
        return new Batch(sequences, length(), tokens, targets, padded ? lengths : null);
    }
}
