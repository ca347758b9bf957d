package dev.kdeformer.measure;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/**
 * How large a squared row error can be at all. An exact row is a weighted mean of value rows, so it lies in any ball
 * that holds them all, and an approximate row is no farther from it than from the far side of the ball.
 */
final class ErrorRange {
    private ErrorRange() {
    }

    /**
     * The largest that ‖õ − o‖² can be for a row of a head, whatever its queries and keys.
     *
     * @param head batch item · heads + head
     * @return +∞ if the approximate output is not finite, NaN if the values are not
     */
    static double of(AttentionInput input, Tensor approximate, int head) {
        int batch = head / input.heads();
        int index = head % input.heads();
        Matrix value = input.value().matrix(batch, index / input.groupSize());
        Matrix output = approximate.matrix(batch, index);
        int keys = input.mask().keyLength(batch, input.keys());
        int columns = input.dv();
        float[] row = new float[columns];
        double[] centre = new double[columns];
        for (int j = 0; j < keys; j++) {
            value.readRow(j, row, 0);
            for (int c = 0; c < columns; c++) {
                centre[c] += row[c];
            }
        }
        for (int c = 0; c < columns && keys > 0; c++) {
            centre[c] /= keys;
        }
        double radius = 0;
        for (int j = 0; j < keys; j++) {
            value.readRow(j, row, 0);
            radius = Math.max(radius, distance(row, centre));
        }
        double[] origin = new double[columns];
        int[] open = openKeys(ExactRows.bias(input, batch, index), keys);
        double largest = 0;
        for (int i = 0; i < input.queries(); i++) {
            output.readRow(i, row, 0);
            // A row that sees no key is zero and lies in no ball of the values.
            int visible = ExactRows.visibleKeys(input, batch, i);
            boolean blind = visible <= open[Math.min(keys, ExactRows.firstKey(input, batch, i))];
            double far = blind ? distance(row, origin) : distance(row, centre) + radius;
            if (input.pairBias() != null || input.softCap() > 0 || input.sink(index) != Float.NEGATIVE_INFINITY) {
                // A sink draws rows towards zero, and a bias per pair may hide all that the mask shows.
                far = Math.max(far, distance(row, origin) + radius + distance(new float[columns], centre));
            }
            if (!Double.isFinite(far) && Double.isFinite(radius)) {
                return Double.POSITIVE_INFINITY;
            }
            largest = Math.max(largest, far * far);
        }
        return largest;
    }

    /** For every key and the place after the last, the first key from there on that no bias hides, or {@code keys}. */
    private static int[] openKeys(Matrix bias, int keys) {
        int[] open = new int[keys + 1];
        open[keys] = keys;
        for (int j = keys - 1; j >= 0; j--) {
            open[j] = bias != null && bias.get(0, j) == Float.NEGATIVE_INFINITY ? open[j + 1] : j;
        }
        return open;
    }

    private static double distance(float[] row, double[] from) {
        double sum = 0;
        for (int c = 0; c < row.length; c++) {
            double difference = row[c] - from[c];
            sum += difference * difference;
        }
        return Math.sqrt(sum);
    }
}
