package dev.kdeformer.measure;

import dev.kdeformer.linalg.IndexSort;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/**
 * The keys of a head in blocks of near ones, with balls round each block's keys and values. Blocks come from splitting
 * at the median of the coordinate that spreads most, as in a k-d tree (Bentley 1975).
 */
final class KeyBlocks {
    /** The most keys in a block. */
    static final int BLOCK = 64;

    private final int[] keys;
    private final int[] starts;
    private final double[][] keyCentres;
    private final double[] keyRadii;
    private final double[][] valueCentres;
    private final double[] valueRadii;
    private final double[] largestBiases;
    private final int[] firstKeys;
    private final int[] lastKeys;

    /**
     * Builds the blocks of the first {@code count} keys.
     *
     * @param bias (1, m) or null
     * @throws IllegalArgumentException if one of these keys or values is not finite, or a bias neither finite nor −∞
     */
    KeyBlocks(Matrix key, Matrix value, Matrix bias, int count) {
        keys = new int[count];
        Arrays.setAll(keys, j -> j);
        int blocks = Math.ceilDiv(count, BLOCK);
        starts = new int[blocks + 1];
        for (int b = 0; b <= blocks; b++) {
            starts[b] = Math.min(count, b * BLOCK);
        }
        split(key, 0, blocks);
        keyCentres = new double[blocks][];
        keyRadii = new double[blocks];
        valueCentres = new double[blocks][];
        valueRadii = new double[blocks];
        largestBiases = new double[blocks];
        firstKeys = new int[blocks];
        lastKeys = new int[blocks];
        for (int b = 0; b < blocks; b++) {
            keyCentres[b] = mean(key, b);
            keyRadii[b] = radius(key, b, keyCentres[b]);
            valueCentres[b] = mean(value, b);
            valueRadii[b] = radius(value, b, valueCentres[b]);
            double largest = Double.NEGATIVE_INFINITY;
            int first = Integer.MAX_VALUE;
            int last = 0;
            for (int at = starts[b]; at < starts[b + 1]; at++) {
                largest = Math.max(largest, bias == null ? 0 : bias.get(0, keys[at]));
                first = Math.min(first, keys[at]);
                last = Math.max(last, keys[at]);
            }
            largestBiases[b] = largest;
            firstKeys[b] = first;
            lastKeys[b] = last;
            if (!Double.isFinite(keyRadii[b]) || !Double.isFinite(valueRadii[b])
                    || !(largest < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("key, value and key bias must be finite, and are not among the keys"
                        + " from " + first + " on");
            }
        }
    }

    /** Orders the keys of blocks [from, to), so that each half of the blocks holds one side of a median. */
    private void split(Matrix matrix, int from, int to) {
        if (to - from < 2) {
            return;
        }
        int start = starts[from];
        int count = starts[to] - start;
        double[] sum = new double[matrix.columns()];
        double[] squares = new double[matrix.columns()];
        for (int at = start; at < starts[to]; at++) {
            for (int c = 0; c < sum.length; c++) {
                double x = (double) matrix.get(keys[at], c) - matrix.get(keys[start], c);
                sum[c] += x;
                squares[c] += x * x;
            }
        }
        int widest = 0;
        double most = -1;
        for (int c = 0; c < sum.length; c++) {
            double spread = squares[c] - sum[c] * sum[c] / count;
            if (spread > most) {
                most = spread;
                widest = c;
            }
        }
        float[] coordinates = new float[count];
        for (int i = 0; i < count; i++) {
            coordinates[i] = matrix.get(keys[start + i], widest);
        }
        IndexSort.sort(keys, start, start + count, coordinates);
        int middle = (from + to) / 2;
        split(matrix, from, middle);
        split(matrix, middle, to);
    }

    private double[] mean(Matrix matrix, int block) {
        double[] mean = new double[matrix.columns()];
        for (int at = starts[block]; at < starts[block + 1]; at++) {
            for (int c = 0; c < mean.length; c++) {
                mean[c] += matrix.get(keys[at], c);
            }
        }
        for (int c = 0; c < mean.length; c++) {
            mean[c] /= count(block);
        }
        return mean;
    }

    private double radius(Matrix matrix, int block, double[] centre) {
        double largest = 0;
        for (int at = starts[block]; at < starts[block + 1]; at++) {
            double square = 0;
            for (int c = 0; c < centre.length; c++) {
                double x = matrix.get(keys[at], c) - centre[c];
                square += x * x;
            }
            largest = Math.max(largest, square);
        }
        return Math.sqrt(largest);
    }

    /** Number of blocks; 0 without keys. */
    int blocks() {
        return firstKeys.length;
    }

    /** Number of keys of a block. */
    int count(int block) {
        return starts[block + 1] - starts[block];
    }

    /** Key {@code i} of a block. */
    int key(int block, int i) {
        return keys[starts[block] + i];
    }

    /** The centre of the ball round a block's keys. */
    double[] keyCentre(int block) {
        return keyCentres[block];
    }

    /** The radius of the ball round a block's keys. */
    double keyRadius(int block) {
        return keyRadii[block];
    }

    /** The centre of the ball round a block's values. */
    double[] valueCentre(int block) {
        return valueCentres[block];
    }

    /** The radius of the ball round a block's values. */
    double valueRadius(int block) {
        return valueRadii[block];
    }

    /** The largest bias of a block's keys. */
    double largestBias(int block) {
        return largestBiases[block];
    }

    /** The key of a block that comes first in the sequence. */
    int firstKey(int block) {
        return firstKeys[block];
    }

    /** The key of a block that comes last in the sequence. */
    int lastKey(int block) {
        return lastKeys[block];
    }
}
