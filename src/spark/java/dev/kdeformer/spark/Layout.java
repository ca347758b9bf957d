package dev.kdeformer.spark;

/** What a row of a data set is. */
public enum Layout {
    /**
     * A row is a token, a query or a key: columns {@code head} (integer; may be missing, then all are of head 0),
     * {@code position} (integer), {@code query}, {@code key} and {@code value} (arrays of floats), and {@code bias}
     * (number; may be missing). Results have {@code head}, {@code position}, {@code output} (array of floats) and
     * {@code logSumExp} (float).
     */
    ROWS,
    /**
     * A row is a block of some thousand tokens that follow each other: columns {@code head} (integer; may be missing),
     * {@code start} (integer, the first position), {@code rows} (their number), {@code query}, {@code key},
     * {@code value} and {@code bias} (binary; row after row, little-endian float32; {@code bias} may be missing).
     * Results have {@code head}, {@code start}, {@code rows}, {@code output} and {@code logSumExp} (binary).
     */
    BLOCKS
}
