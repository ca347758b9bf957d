package dev.kdeformer;

import java.util.Arrays;
import java.util.Objects;

/**
 * Which keys a query may see. A mask is an immutable value: a causal rule, a window on one side or on both, numbers of
 * valid keys and queries per batch item (padding lies at the end), packed sequences that see themselves alone, and a
 * range of keys for every query. A query sees the keys that all of these show it, which always follow each other.
 *
 * <p>With n queries and m keys the two causal rules differ unless n = m. For n = 2, m = 4 (1 = visible):
 * <pre>
 *   lower right      upper left
 *   1 1 1 0          1 0 0 0
 *   1 1 1 1          1 1 0 0
 * </pre>
 * Lower right is what decoding against a cache needs (the last query sees all keys); upper left is what PyTorch's
 * {@code is_causal=True} computes. Query i stands at key i + m − n or at key i, and {@link #causalAt} puts it anywhere
 * else. A window leaves a query the keys round the one it stands at; for a window of the last 2 keys:
 * <pre>
 *   lower right      upper left
 *   0 1 1 0          1 0 0 0
 *   0 0 1 1          1 1 0 0
 * </pre>
 * Causal rules and windows count positions of the padded tensors; padding is removed afterwards.
 * A query that sees no key at all yields a row of zeros and a log-sum-exp of −∞.
 */
public final class Mask {
    /** The causal rule of a mask. */
    public enum Causality {
        /** Every query sees every key. */
        NONE,
        /** Query i sees key j where j ≤ i + m − n. */
        LOWER_RIGHT,
        /** Query i sees key j where j ≤ i. */
        UPPER_LEFT,
        /** Query i sees key j where j ≤ i + offset. */
        OFFSET
    }

    private static final int UNLIMITED = Integer.MAX_VALUE;

    private static final Mask NONE = new Mask();

    private Causality causality = Causality.NONE;
    private int offset;
    /** Keys that a query sees before and after the one it stands at. */
    private int left = UNLIMITED;
    private int right = UNLIMITED;
    private int[] keyLengths;
    private int[] queryLengths;
    private int[] queryStarts;
    private int[] keyStarts;
    private int[] firstKeys;
    private int[] lastKeys;

    private Mask() {
    }

    private Mask(Mask other) {
        causality = other.causality;
        offset = other.offset;
        left = other.left;
        right = other.right;
        keyLengths = other.keyLengths;
        queryLengths = other.queryLengths;
        queryStarts = other.queryStarts;
        keyStarts = other.keyStarts;
        firstKeys = other.firstKeys;
        lastKeys = other.lastKeys;
    }

    /** Every query sees every key. */
    public static Mask none() {
        return NONE;
    }

    /** Causal, aligned at the lower right corner. */
    public static Mask causal() {
        return causal(Causality.LOWER_RIGHT, 0);
    }

    /** Causal, aligned at the upper left corner. */
    public static Mask causalUpperLeft() {
        return causal(Causality.UPPER_LEFT, 0);
    }

    /**
     * Causal for a part of the queries or of the keys, a shard: query i sees key j where j ≤ i + offset.
     *
     * @param offset position of the first query minus that of the first key, negative where the keys come later
     */
    public static Mask causalAt(int offset) {
        return causal(Causality.OFFSET, offset);
    }

    private static Mask causal(Causality causality, int offset) {
        Mask mask = new Mask();
        mask.causality = causality;
        mask.offset = offset;
        return mask;
    }

    /**
     * Returns no causal rule, but a window: query i of n stands at key p = i + m − n and sees keys p − left to p +
     * right.
     *
     * @throws IllegalArgumentException if a side is negative
     */
    public static Mask window(int left, int right) {
        Mask mask = new Mask();
        mask.left = side("left", left);
        mask.right = side("right", right);
        return mask;
    }

    private static int side(String name, int keys) {
        if (keys < 0) {
            throw new IllegalArgumentException(name + " side of the window must not be negative, got " + keys);
        }
        return keys;
    }

    /**
     * Returns the same mask, in which every query sees no more than the last {@code keys} of the keys that the causal
     * rule shows it.
     *
     * @throws IllegalArgumentException if {@code keys} is not positive or the mask has no causal rule
     */
    public Mask withWindow(int keys) {
        if (!isCausal()) {
            throw new IllegalArgumentException("a sliding window needs a causal mask, got " + this);
        }
        if (keys < 1) {
            throw new IllegalArgumentException("window must be at least 1 key, got " + keys);
        }
        Mask mask = new Mask(this);
        mask.left = keys == UNLIMITED ? UNLIMITED : keys - 1;
        return mask;
    }

    /**
     * Returns the same mask, with only the first {@code lengths[b]} keys of batch item b valid.
     *
     * @throws IllegalArgumentException if a length is negative
     */
    public Mask withKeyLengths(int... lengths) {
        Mask mask = new Mask(this);
        mask.keyLengths = lengths("key", lengths);
        return mask;
    }

    /**
     * Returns the same mask, with only the first {@code lengths[b]} queries of batch item b valid; the others see no
     * key.
     *
     * @throws IllegalArgumentException if a length is negative
     */
    public Mask withQueryLengths(int... lengths) {
        Mask mask = new Mask(this);
        mask.queryLengths = lengths("query", lengths);
        return mask;
    }

    private static int[] lengths(String name, int[] lengths) {
        Objects.requireNonNull(lengths, "lengths");
        for (int b = 0; b < lengths.length; b++) {
            if (lengths[b] < 0) {
                throw new IllegalArgumentException(name + " length of batch item " + b + " must not be negative, got "
                        + lengths[b]);
            }
        }
        return lengths.clone();
    }

    /**
     * Returns the same mask for sequences that lie packed behind each other in one row: sequence s has queries
     * starts[s] to starts[s + 1] − 1 and the keys of the same places, and sees itself alone. Causal rules and windows
     * hold inside of each sequence. Queries and keys outside of all sequences see nothing and are not seen.
     *
     * @param starts cumulative lengths: not negative, ascending, the end of the last sequence last
     * @throws IllegalArgumentException if there are fewer than two or they do not ascend
     */
    public Mask withSequences(int... starts) {
        return withSequences(starts, starts);
    }

    /**
     * Returns the same mask for packed sequences whose queries and keys lie at different places.
     *
     * @param newQueryStarts cumulative lengths of the queries of each sequence
     * @param newKeyStarts   cumulative lengths of their keys, as many
     * @throws IllegalArgumentException if there are fewer than two of either, not as many, or they do not ascend
     */
    public Mask withSequences(int[] newQueryStarts, int[] newKeyStarts) {
        Mask mask = new Mask(this);
        mask.queryStarts = starts("query", newQueryStarts);
        mask.keyStarts = starts("key", newKeyStarts);
        if (newQueryStarts.length != newKeyStarts.length) {
            throw new IllegalArgumentException("sequences must have as many query starts as key starts, got "
                    + newQueryStarts.length + " and " + newKeyStarts.length);
        }
        return mask;
    }

    private static int[] starts(String name, int[] starts) {
        Objects.requireNonNull(starts, name + " starts");
        if (starts.length < 2 || starts[0] < 0) {
            throw new IllegalArgumentException(name + " starts of sequences must be two or more and not negative, got "
                    + Arrays.toString(starts));
        }
        for (int s = 1; s < starts.length; s++) {
            if (starts[s] < starts[s - 1]) {
                throw new IllegalArgumentException(name + " starts of sequences must ascend, got " + starts[s]
                        + " after " + starts[s - 1]);
            }
        }
        return starts.clone();
    }

    /**
     * Returns the same mask, in which query i of every batch item sees no key before {@code first[i]} and none after
     * {@code last[i]}; none at all where {@code last[i]} is the smaller.
     *
     * @throws IllegalArgumentException if the two have different lengths
     */
    public Mask withRanges(int[] first, int[] last) {
        Mask mask = new Mask(this);
        mask.firstKeys = Objects.requireNonNull(first, "first").clone();
        mask.lastKeys = Objects.requireNonNull(last, "last").clone();
        if (first.length != last.length) {
            throw new IllegalArgumentException("first and last must have the same length, got " + first.length
                    + " and " + last.length);
        }
        return mask;
    }

    /** Returns the causal rule. */
    public Causality causality() {
        return causality;
    }

    /** Tells whether a causal rule applies. */
    public boolean isCausal() {
        return causality != Causality.NONE;
    }

    /** Tells whether a window applies, on one side or on both. */
    public boolean hasWindow() {
        return left != UNLIMITED || right != UNLIMITED;
    }

    /** Most keys that a query sees by the window, {@link Integer#MAX_VALUE} without one. */
    public int window() {
        long keys = left + 1L + (isCausal() ? 0 : right);
        return (int) Math.min(keys, UNLIMITED);
    }

    /** Tells whether batch items have key lengths of their own. */
    public boolean hasKeyLengths() {
        return keyLengths != null;
    }

    /** Tells whether batch items have query lengths of their own. */
    public boolean hasQueryLengths() {
        return queryLengths != null;
    }

    /** Tells whether rows are packed with sequences. */
    public boolean hasSequences() {
        return queryStarts != null;
    }

    /** Returns the number of packed sequences, 0 where rows are not packed. */
    public int sequences() {
        return queryStarts == null ? 0 : queryStarts.length - 1;
    }

    /** Returns the first query of a sequence; for the number {@link #sequences}, the one after all. */
    public int sequenceQuery(int sequence) {
        return queryStarts[sequence];
    }

    /** Returns the first key of a sequence; for the number {@link #sequences}, the one after all. */
    public int sequenceKey(int sequence) {
        return keyStarts[sequence];
    }

    /** Tells whether queries have ranges of keys. */
    public boolean hasRanges() {
        return firstKeys != null;
    }

    /** Tells whether every query sees all valid keys. */
    public boolean showsAllKeys() {
        return !isCausal() && !hasWindow() && !hasQueryLengths() && !hasSequences() && !hasRanges();
    }

    /** Returns the number of valid keys of a batch item out of m. */
    public int keyLength(int batch, int m) {
        return keyLengths == null ? m : keyLengths[batch];
    }

    /** Returns the number of valid queries of a batch item out of n. */
    public int queryLength(int batch, int n) {
        return queryLengths == null ? n : queryLengths[batch];
    }

    /**
     * What to add to a query's index to get the index of the last key it sees, or {@link Integer#MAX_VALUE} when
     * there is no causal rule. Not for packed sequences, which have one offset each.
     */
    public int causalOffset(int n, int m) {
        return switch (causality) {
            case NONE -> Integer.MAX_VALUE;
            case LOWER_RIGHT -> m - n;
            case UPPER_LEFT -> 0;
            case OFFSET -> offset;
        };
    }

    /**
     * What to add to a query's index to get the index of the first key it sees by a causal rule with a window; where
     * that is below 0, it is key 0. {@link Integer#MIN_VALUE} when there is none.
     */
    public int windowOffset(int n, int m) {
        return isCausal() && hasWindow() ? (int) Math.max(-(long) n, (long) causalOffset(n, m) - left)
                : Integer.MIN_VALUE;
    }

    /**
     * The keys that a query of n sees out of m: the first of them, and the one after the last in the upper half. No key
     * where the second is not greater than the first.
     */
    private long range(int batch, int query, int n, int m) {
        long from = 0;
        long to = Math.min(m, keyLength(batch, m));
        if (queryLengths != null && query >= queryLengths[batch]) {
            to = 0;
        }
        long stands = query + switch (causality) {
            case NONE, LOWER_RIGHT -> (long) m - n;
            case UPPER_LEFT -> 0;
            case OFFSET -> offset;
        };
        if (queryStarts != null) {
            int s = sequence(query);
            from = s < 0 ? 0 : keyStarts[s];
            to = s < 0 ? 0 : Math.min(to, keyStarts[s + 1]);
            if (s >= 0) {
                long inSequence = (long) query - queryStarts[s] + keyStarts[s];
                long more = (long) keyStarts[s + 1] - keyStarts[s] - queryStarts[s + 1] + queryStarts[s];
                stands = inSequence + switch (causality) {
                    case NONE, LOWER_RIGHT -> more;
                    case UPPER_LEFT -> 0;
                    case OFFSET -> offset;
                };
            }
        }
        if (isCausal()) {
            to = Math.min(to, stands + 1);
        }
        if (left != UNLIMITED) {
            from = Math.max(from, stands - left);
        }
        if (right != UNLIMITED) {
            to = Math.min(to, stands + right + 1);
        }
        if (firstKeys != null) {
            from = Math.max(from, firstKeys[query]);
            to = Math.min(to, lastKeys[query] + 1L);
        }
        from = Math.min(from, m);
        return from | Math.max(from, to) << Integer.SIZE;
    }

    /** The sequence of a query, −1 for none. */
    private int sequence(int query) {
        int low = 0;
        int high = queryStarts.length - 1;
        // Of empty sequences at one place, the last that begins there, or the one after them all.
        while (low < high) {
            int middle = (low + high + 1) >>> 1;
            if (queryStarts[middle] <= query) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return queryStarts[low] > query || low == queryStarts.length - 1 ? -1 : low;
    }

    /** Returns the first key that query {@code query} of n sees out of m; as {@link #endKey} if it sees none. */
    public int firstKey(int batch, int query, int n, int m) {
        return (int) range(batch, query, n, m);
    }

    /** Returns the key after the last one that query {@code query} of n sees out of m. */
    public int endKey(int batch, int query, int n, int m) {
        return (int) (range(batch, query, n, m) >>> Integer.SIZE);
    }

    /**
     * Checks that the mask fits an input.
     *
     * @throws IllegalArgumentException if something is not given for every batch item or query, or exceeds keys or
     *                                  queries
     */
    public void check(int batch, int n, int m) {
        checkLengths("key", keyLengths, batch, m);
        checkLengths("query", queryLengths, batch, n);
        if (queryStarts != null && (queryStarts[queryStarts.length - 1] > n || keyStarts[keyStarts.length - 1] > m)) {
            throw new IllegalArgumentException("packed sequences must end within " + n + " queries and " + m
                    + " keys, got ends of " + queryStarts[queryStarts.length - 1] + " and "
                    + keyStarts[keyStarts.length - 1]);
        }
        if (firstKeys != null && firstKeys.length != n) {
            throw new IllegalArgumentException("mask must give a range of keys for each of the " + n
                    + " queries, got " + firstKeys.length);
        }
    }

    private static void checkLengths(String name, int[] lengths, int batch, int most) {
        if (lengths == null) {
            return;
        }
        if (lengths.length != batch) {
            throw new IllegalArgumentException("mask must give a " + name + " length for each of the " + batch
                    + " batch items, got " + lengths.length);
        }
        for (int b = 0; b < batch; b++) {
            if (lengths[b] > most) {
                throw new IllegalArgumentException(name + " length of batch item " + b + " must be at most " + most
                        + ", got " + lengths[b]);
            }
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Mask mask && causality == mask.causality && offset == mask.offset && left == mask.left
                && right == mask.right && Arrays.equals(keyLengths, mask.keyLengths)
                && Arrays.equals(queryLengths, mask.queryLengths) && Arrays.equals(queryStarts, mask.queryStarts)
                && Arrays.equals(keyStarts, mask.keyStarts) && Arrays.equals(firstKeys, mask.firstKeys)
                && Arrays.equals(lastKeys, mask.lastKeys);
    }

    @Override
    public int hashCode() {
        return Arrays.deepHashCode(new Object[] {causality, offset, left, right, keyLengths, queryLengths, queryStarts,
            keyStarts, firstKeys, lastKeys});
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("Mask[").append(causality);
        if (causality == Causality.OFFSET) {
            text.append(' ').append(offset);
        }
        if (hasWindow()) {
            text.append(", window=").append(isCausal() ? String.valueOf(window()) : side(left) + "," + side(right));
        }
        append(text, "keyLengths", keyLengths);
        append(text, "queryLengths", queryLengths);
        append(text, "queryStarts", queryStarts);
        append(text, "keyStarts", keyStarts);
        append(text, "firstKeys", firstKeys);
        append(text, "lastKeys", lastKeys);
        return text.append(']').toString();
    }

    private static String side(int keys) {
        return keys == UNLIMITED ? "all" : String.valueOf(keys);
    }

    /** A few of the numbers, so that a message stays one line. */
    private static void append(StringBuilder text, String name, int[] numbers) {
        if (numbers == null) {
            return;
        }
        int shown = Math.min(numbers.length, 16);
        String some = Arrays.toString(Arrays.copyOf(numbers, shown));
        text.append(", ").append(name).append('=').append(shown == numbers.length ? some
                : some.substring(0, some.length() - 1) + ", … of " + numbers.length + "]");
    }
}
