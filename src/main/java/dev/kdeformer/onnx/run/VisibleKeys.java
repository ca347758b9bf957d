package dev.kdeformer.onnx.run;

import java.util.Arrays;

/**
 * Which keys the queries of one head see, gathered row by row. A key that no query sees may count to any interval, so
 * that padding does not hide a causal rule.
 */
final class VisibleKeys {
    private final int keys;
    private final int[] first;
    private final int[] end;
    private final int[] count;
    /** The summand of each key where all queries that see it agree; NaN for a key that none sees. */
    private final float[] summand;
    /** Number of keys below each index that some query sees. */
    private final int[] seenBelow;
    private boolean flat = true;
    private boolean agree = true;

    VisibleKeys(int queries, int keys) {
        this.keys = keys;
        first = new int[queries];
        end = new int[queries];
        count = new int[queries];
        Arrays.fill(count, -1);
        summand = new float[keys];
        Arrays.fill(summand, Float.NaN);
        seenBelow = new int[keys + 1];
    }

    /** Takes a row that is a softmax. */
    void add(int query, RowScan scan) {
        first[query] = scan.first;
        end[query] = scan.end;
        count[query] = scan.count;
        flat &= scan.flat;
        for (int j = scan.first; j < scan.end; j++) {
            if (scan.isVisible(j)) {
                agree &= Float.isNaN(summand[j]) || summand[j] == scan.row[j];
                summand[j] = scan.row[j];
            }
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

    /** Whether query i sees just the keys in [i + offset − window + 1, i + offset] that any query sees. */
    boolean follows(int offset, int window) {
        for (int i = 0; i < count.length; i++) {
            long last = Math.max(-1, Math.min(keys - 1L, (long) i + offset));
            long from = Math.max(0, (long) i + offset - window + 1);
            if (count[i] >= 0 && !sees(i, (int) from, (int) last + 1)) {
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

    /**
     * Whether the keys that any query sees are the first ones, all with the same summand.
     *
     * @param from the first key that a window shows to any query
     */
    boolean areLengths(int from) {
        int length = length();
        return flat && length >= from && seenBelow[length] - seenBelow[from] == length - from;
    }

    /** The key after the last that any query sees. */
    int length() {
        int length = keys;
        while (length > 0 && Float.isNaN(summand[length - 1])) {
            length--;
        }
        return length;
    }

    /** Writes what is added to the logits of each key. */
    void bias(float[] bias, int at) {
        for (int j = 0; j < keys; j++) {
            bias[at + j] = Float.isNaN(summand[j]) ? Float.NEGATIVE_INFINITY : flat ? 0 : summand[j];
        }
    }
}
