package dev.kdeformer.onnx.run;

import java.util.Arrays;

/**
 * Reads one row of what a graph adds to the logits. A key is hidden where its summand is so far below the row's largest
 * that its weight is 0 in float32 whatever the logits are: exporters write −∞, the lowest float32, −10,000 and the
 * like. Where the largest summand is itself so low that the logits vanish beside it, all keys that have it weigh the
 * same.
 */
final class RowScan {
    /** exp(−x) is 0 in float32 from 104 on; the rest is left to the logits, which may differ by that much. */
    static final float HIDDEN = 9000;
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
    /** The largest summand. */
    float largest;

    RowScan(int keys) {
        row = new float[keys];
        replaced = new boolean[keys];
    }

    /** Takes the summands of a row and finds out what it is. */
    void read(MaskSum sum, int batch, int head, int query) throws CannotRun {
        Arrays.fill(replaced, false);
        sum.read(new MaskSum.Keys(batch, head, query, 0, row.length), row, 0, replaced);
        look();
    }

    /** Whether a sink beside the row would make a difference that the row's visible keys do not show. */
    boolean shifts() {
        return kind == Kind.SOFTMAX ? largest != 0 : largest > -HIDDEN;
    }

    boolean isVisible(int key) {
        return isVisible(row[key], largest);
    }

    /** Whether a key has a weight beside the largest summand of its row. */
    static boolean isVisible(float summand, float largest) {
        return summand > largest - HIDDEN || summand == largest;
    }

    private void look() throws CannotRun {
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
