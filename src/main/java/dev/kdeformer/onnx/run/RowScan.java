package dev.kdeformer.onnx.run;

/**
 * Reads one row of what a graph adds to the logits. A key is hidden where its summand is so far below the row's largest
 * that its weight is 0 in float32 whatever the logits are: exporters write −∞, the lowest float32, −10,000 and the
 * like. Where the largest summand is itself so low that the logits vanish beside it, all keys that have it weigh the
 * same.
 */
final class RowScan {
    /** exp(−x) is 0 in float32 from 104 on; the rest is left to the logits, which may differ by that much. */
    private static final float HIDDEN = 9000;
    /** A summand beside which logits below 32 are lost to rounding: half a unit in the last place of 2²⁹. */
    private static final float ABSORBING = 1 << 29;

    /** What a row is. */
    enum Kind {
        /** A softmax over the visible keys. */
        SOFTMAX,
        /** The mean of the values of the visible keys. */
        MEAN,
        /** No key has a weight. */
        NOTHING
    }

    final float[] row;
    private final boolean[] replaced;
    Kind kind;
    /** The first visible key. */
    int first;
    /** The key after the last visible one. */
    int end;
    /** Number of visible keys. */
    int count;
    /** Whether all visible keys have the same summand. */
    boolean flat;
    private float largest;

    RowScan(int keys) {
        row = new float[keys];
        replaced = new boolean[keys];
    }

    /** Begins a row. */
    void clear() {
        java.util.Arrays.fill(row, 0);
        java.util.Arrays.fill(replaced, false);
    }

    boolean[] replaced() {
        return replaced;
    }

    boolean isVisible(int key) {
        return row[key] > largest - HIDDEN || row[key] == largest;
    }

    /** Finds out what the row is. */
    void look() throws CannotRun {
        largest = Float.NEGATIVE_INFINITY;
        for (float value : row) {
            if (Float.isNaN(value) || value == Float.POSITIVE_INFINITY) {
                throw new CannotRun("its mask holds " + value);
            }
            largest = Math.max(largest, value);
        }
        first = 0;
        end = 0;
        count = 0;
        flat = true;
        if (largest == Float.NEGATIVE_INFINITY) {
            kind = Kind.NOTHING;
            return;
        }
        boolean anyReplaced = false;
        boolean allReplaced = true;
        float value = 0;
        for (int j = 0; j < row.length; j++) {
            if (isVisible(j)) {
                if (count++ == 0) {
                    first = j;
                    value = row[j];
                }
                end = j + 1;
                flat &= row[j] == value;
                anyReplaced |= replaced[j];
                allReplaced &= replaced[j];
            }
        }
        kind = anyReplaced || largest <= -ABSORBING ? Kind.MEAN : Kind.SOFTMAX;
        if (kind == Kind.MEAN && (!flat || end - first != count || anyReplaced && !allReplaced)) {
            throw new CannotRun("its mask hides every key of a query, but not alike");
        }
    }
}
