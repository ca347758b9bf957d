package dev.kdeformer.rivals;

import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/** Least, largest and mean value of every column over the keys that count. */
final class ValueRange {
    private final float[] least;
    private final float[] largest;
    private final double[] mean;

    private ValueRange(int columns) {
        least = new float[columns];
        largest = new float[columns];
        mean = new double[columns];
    }

    /** Over some rows of the values. */
    static ValueRange of(Matrix value, int[] rows) {
        ValueRange range = new ValueRange(value.columns());
        Arrays.fill(range.least, Float.POSITIVE_INFINITY);
        Arrays.fill(range.largest, Float.NEGATIVE_INFINITY);
        float[] row = new float[value.columns()];
        for (int j : rows) {
            value.readRow(j, row, 0);
            for (int c = 0; c < row.length; c++) {
                range.least[c] = Math.min(range.least[c], row[c]);
                range.largest[c] = Math.max(range.largest[c], row[c]);
                range.mean[c] += row[c] / (double) rows.length;
            }
        }
        return range;
    }

    /** The nearest value in the range of column c. */
    float clamp(int c, double value) {
        return (float) Math.max(least[c], Math.min(largest[c], value));
    }

    /** The mean of column c. */
    float mean(int c) {
        return (float) mean[c];
    }
}
