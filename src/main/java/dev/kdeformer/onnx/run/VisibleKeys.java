package dev.kdeformer.onnx.run;

import java.util.Arrays;

/**
 * Which keys the queries of one head see, gathered row by row. A key that no query sees may count to any interval, so
 * that padding does not hide a causal rule.
 */
final class VisibleKeys {
    private final int keys;
    /** The first query that arrays of queries have, and the last that the distances count from. */
    private final int start;
    private final int last;
    private final int[] first;
    private final int[] end;
    private final int[] count;
    /** The summand of each key where all queries that see it agree; NaN for a key that none sees. */
    private final float[] summand;
    /** Number of keys below each index that some query sees. */
    private final int[] seenBelow;
    /** The largest summand of each row; +∞ for a row that is no softmax. */
    private final float[] largest;
    /** The summand of each distance of a key from the query, the least first; NaN where no such pair is seen. */
    private final float[] byDistance;
    private boolean flat = true;
    private boolean agree = true;
    private boolean distancesAgree = true;

    VisibleKeys(int queries, int keys) {
        this(0, queries, queries, keys);
    }

    /** For the queries of [from, to) alone, to be taken by one for all. */
    VisibleKeys(int from, int to, int queries, int keys) {
        this.keys = keys;
        start = from;
        last = queries - 1;
        first = new int[to - from];
        end = new int[to - from];
        count = new int[to - from];
        Arrays.fill(count, -1);
        summand = new float[keys];
        Arrays.fill(summand, Float.NaN);
        seenBelow = new int[keys + 1];
        largest = new float[to - from];
        Arrays.fill(largest, Float.POSITIVE_INFINITY);
        byDistance = new float[Math.max(0, queries + keys - 1)];
        Arrays.fill(byDistance, Float.NaN);
    }

    /** Takes a row that is a softmax. */
    void add(int query, RowScan scan) {
        int at = query - start;
        first[at] = scan.first;
        end[at] = scan.end;
        count[at] = scan.count;
        largest[at] = scan.largest;
        flat &= scan.flat;
        int none = last - query;
        for (int j = scan.first; j < scan.end; j++) {
            if (scan.isVisible(j)) {
                float value = scan.row[j];
                agree &= takes(summand, j, value);
                distancesAgree &= takes(byDistance, none + j, value);
            }
        }
    }

    /** Writes a value; false if another one was there. */
    private static boolean takes(float[] values, int index, float value) {
        float before = values[index];
        values[index] = value;
        return Float.isNaN(before) || before == value;
    }

    /** Takes what was found of some of the queries. */
    void take(VisibleKeys part) {
        int at = part.start - start;
        System.arraycopy(part.first, 0, first, at, part.first.length);
        System.arraycopy(part.end, 0, end, at, part.end.length);
        System.arraycopy(part.count, 0, count, at, part.count.length);
        System.arraycopy(part.largest, 0, largest, at, part.largest.length);
        flat &= part.flat;
        agree &= part.agree & takesAll(summand, part.summand);
        distancesAgree &= part.distancesAgree & takesAll(byDistance, part.byDistance);
    }

    private static boolean takesAll(float[] values, float[] others) {
        boolean agree = true;
        for (int i = 0; i < values.length; i++) {
            agree &= Float.isNaN(others[i]) || takes(values, i, others[i]);
        }
        return agree;
    }

    /** The largest summand of a row; +∞ for a row that is no softmax. */
    float largest(int query) {
        return largest[query];
    }

    /** Whether what is added to visible logits is the same for all of a row. */
    boolean isFlat() {
        return flat;
    }

    /** Takes the summands of distances into a table; false if they are no function of the distance, or another one. */
    boolean distances(float[] table) {
        for (int i = 0; i < table.length && distancesAgree; i++) {
            if (!Float.isNaN(byDistance[i]) && !Float.isNaN(table[i]) && table[i] != byDistance[i]) {
                return false;
            }
            table[i] = Float.isNaN(byDistance[i]) ? table[i] : byDistance[i];
        }
        return distancesAgree;
    }

    /** Lowers the first keys of rows to what is seen here. */
    void lower(int[] firsts) {
        for (int i = 0; i < count.length; i++) {
            firsts[i] = count[i] < 0 ? firsts[i] : Math.min(firsts[i], first[i]);
        }
    }

    /** Raises the ends of rows to what is seen here. */
    void raise(int[] ends) {
        for (int i = 0; i < count.length; i++) {
            ends[i] = count[i] < 0 ? ends[i] : Math.max(ends[i], end[i]);
        }
    }

    /** To be called after the last row. */
    void sum() {
        for (int j = 0; j < keys; j++) {
            seenBelow[j + 1] = seenBelow[j] + (Float.isNaN(summand[j]) ? 0 : 1);
        }
    }

    /** Whether what is added to visible logits depends on the key alone. */
    boolean hasKeyBias() {
        return flat || agree;
    }

    /** Whether query i sees just the keys in [i + offset − window + 1, i + offset + after] that any query sees. */
    boolean follows(int offset, int window, int after) {
        for (int i = 0; i < count.length; i++) {
            long last = Math.max(-1, Math.min(keys - 1L, (long) i + offset + after));
            long from = Math.max(0, (long) i + offset - window + 1);
            if (count[i] >= 0 && !sees(i, (int) Math.min(from, keys), (int) last + 1)) {
                return false;
            }
        }
        return true;
    }

    /** Whether every query sees just the keys of its range that any query sees. */
    boolean follows(int[] firsts, int[] ends) {
        for (int i = 0; i < count.length; i++) {
            if (count[i] >= 0 && !sees(i, firsts[i], ends[i])) {
                return false;
            }
        }
        return true;
    }

    /** Whether every query sees all the keys that any sees. */
    boolean seesAll() {
        for (int i = 0; i < count.length; i++) {
            if (count[i] >= 0 && !sees(i, 0, keys)) {
                return false;
            }
        }
        return true;
    }

    private boolean sees(int query, int from, int to) {
        return from < to && first[query] >= from && end[query] <= to
                && count[query] == seenBelow[to] - seenBelow[from];
    }

    /** The window that the last query with anything to see would have under a causal rule; 0 if there is none. */
    int window(int offset) {
        for (int i = count.length - 1; i >= 0; i--) {
            if (count[i] >= 0) {
                return Math.max(0, i + offset + 1 - first[i]);
            }
        }
        return 0;
    }

    /** The most keys that a query sees before the one it stands at; negative if all see later ones only. */
    int before(int offset) {
        int most = Integer.MIN_VALUE;
        for (int i = 0; i < count.length; i++) {
            most = count[i] < 0 ? most : Math.max(most, i + offset - first[i]);
        }
        return most;
    }

    /** The most keys that a query sees after the one it stands at; negative if all see earlier ones only. */
    int after(int offset) {
        int most = Integer.MIN_VALUE;
        for (int i = 0; i < count.length; i++) {
            most = count[i] < 0 ? most : Math.max(most, end[i] - 1 - i - offset);
        }
        return most;
    }

    /**
     * Whether the keys that any query sees are the first ones.
     *
     * @param from the first key that a window shows to any query
     */
    boolean areLengths(int from) {
        int length = length();
        return length >= from && seenBelow[length] - seenBelow[from] == length - from;
    }

    /** Whether any query sees the same keys as in another head. */
    boolean seesKeysOf(VisibleKeys other) {
        return Arrays.equals(seenBelow, other.seenBelow);
    }

    /** The key after the last that any query sees. */
    int length() {
        int length = keys;
        while (length > 0 && Float.isNaN(summand[length - 1])) {
            length--;
        }
        return length;
    }

    /**
     * Writes what is added to the logits of each key.
     *
     * @param weighs whether more than to hide it
     */
    void bias(boolean weighs, float[] bias, int at) {
        for (int j = 0; j < keys; j++) {
            bias[at + j] = Float.isNaN(summand[j]) ? Float.NEGATIVE_INFINITY : weighs && !flat ? summand[j] : 0;
        }
    }
}
