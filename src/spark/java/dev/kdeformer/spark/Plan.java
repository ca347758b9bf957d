package dev.kdeformer.spark;

/** How a call is cut over a cluster. */
public enum Plan {
    /** The queries are cut, and each task gets all keys of its head in one piece: the bits of a single machine. */
    QUERIES("queries cut, keys of a head in one piece"),
    /** The queries are cut, and each task folds the keys of its head shard after shard, in ascending order. */
    SHARDS("queries cut, keys of a head folded in shards"),
    /** The keys stay where they are, the queries visit them, and partial results are merged in ascending order. */
    KEYS("keys stay, partial results merged in order"),
    /** Each task gets a whole head and computes a part of it: the bits of a single machine. */
    PARTS("a head in every task, parts of its tree dealt out"),
    /** Each task computes a whole head. */
    HEADS("a head for each task");

    private final String sentence;

    Plan(String sentence) {
        this.sentence = sentence;
    }

    @Override
    public String toString() {
        return name() + " (" + sentence + ")";
    }
}
