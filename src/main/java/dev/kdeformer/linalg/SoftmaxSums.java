package dev.kdeformer.linalg;

import java.util.Arrays;

/**
 * The online softmax of some rows in double precision (Milakov and Gimelshein 2018): for every row a reference
 * exponent, the sum of its weights relative to that and the weighted sums of its columns. A part is added by raising
 * the reference to that of the part, where it is lower, and scaling what is there. Different rows may be added to by
 * different threads.
 */
public final class SoftmaxSums {
    /** References that are natural logarithms. */
    public static final double NATURAL = 1;

    /** References that are binary logarithms. */
    public static final double BINARY = Math.log(2);

    private final int columns;
    private final double unit;
    private final double[] references;
    private final double[] sums;
    private final double[] values;

    /**
     * Empty rows: references of −∞, sums of 0 and zeros.
     *
     * @param columns values in a row, 0 for sums of weights alone
     * @param unit    natural logarithm in a unit of references, {@link #NATURAL} or {@link #BINARY}
     */
    public SoftmaxSums(int rows, int columns, double unit) {
        this(columns, unit, new double[rows], new double[rows], new double[rows * columns]);
        Arrays.fill(references, Double.NEGATIVE_INFINITY);
    }

    private SoftmaxSums(int columns, double unit, double[] references, double[] sums, double[] values) {
        this.columns = columns;
        this.unit = unit;
        this.references = references;
        this.sums = sums;
        this.values = values;
    }

    /** The same rows in arrays of their own. */
    public SoftmaxSums copy() {
        return new SoftmaxSums(columns, unit, references.clone(), sums.clone(), values.clone());
    }

    /** Empties all rows. */
    public void clear() {
        Arrays.fill(references, Double.NEGATIVE_INFINITY);
        Arrays.fill(sums, 0);
        Arrays.fill(values, 0);
    }

    /** Raises the reference of a row where it is lower. NaN is taken, so that it shows in the result. */
    public void raise(int row, double reference) {
        if (reference <= references[row]) {
            return;
        }
        scale(row, weight(references[row] - reference));
        references[row] = reference;
    }

    private void scale(int row, double factor) {
        sums[row] *= factor;
        for (int c = row * columns; c < (row + 1) * columns; c++) {
            values[c] *= factor;
        }
    }

    private double weight(double difference) {
        return difference == 0 ? 1 : Math.exp(unit * difference);
    }

    /**
     * Adds a sum of weights to a row.
     *
     * @param reference what the weights are relative to; −∞ for none
     * @return what values that are weighted relative to the same reference have to be multiplied by
     */
    public double add(int row, double reference, double sum) {
        if (reference == Double.NEGATIVE_INFINITY || sum == 0) {
            return 0; // two references of −∞ have no difference
        }
        raise(row, reference);
        double weight = weight(reference - references[row]);
        sums[row] += weight * sum;
        return weight;
    }

    /** Adds a part to a row, its weighted values from element {@code at} on. */
    public void add(int row, double reference, double sum, float[] more, int at) {
        double weight = add(row, reference, sum);
        for (int c = 0; c < columns && weight != 0; c++) {
            values[row * columns + c] += weight * more[at + c];
        }
    }

    /** Adds a row of other sums with the same columns and unit to a row. */
    public void add(int row, SoftmaxSums other, int from) {
        double weight = add(row, other.references[from], other.sums[from]);
        for (int c = 0; c < columns && weight != 0; c++) {
            values[row * columns + c] += weight * other.values[from * columns + c];
        }
    }

    /**
     * Moves the reference of a row up where its sum is larger than {@code most}, so that the sum becomes about e. A
     * reference that is so large that it cannot move by so little stays.
     */
    public void settle(int row, double most) {
        if (sums[row] > most) {
            double step = (Math.log(sums[row]) - 1) / unit;
            double moved = references[row] + step;
            raise(row, moved - references[row] > step ? Math.nextDown(moved) : moved);
        }
    }

    /** Multiplies all weights of a row by e to a power. */
    public void shift(int row, double natural) {
        references[row] += natural / unit;
    }

    /** The natural logarithm of a row's sum of weights, −∞ for none. */
    public double log(int row) {
        return sums[row] == 0 ? Double.NEGATIVE_INFINITY : references[row] * unit + Math.log(sums[row]);
    }

    /** The weighted mean of a column, 0 in a row without weights. */
    public double mean(int row, int column) {
        return sums[row] == 0 ? 0 : values[row * columns + column] / sums[row];
    }

    /** The weighted means of a row into {@code target} from its first element on, zeros in a row without weights. */
    public void means(int row, float[] target) {
        for (int c = 0; c < columns; c++) {
            target[c] = (float) mean(row, c);
        }
    }

    /** The references, an element a row. */
    public double[] references() {
        return references;
    }

    /** The sums of weights relative to the references, an element a row. */
    public double[] sums() {
        return sums;
    }

    /** The weighted values relative to the references, row after row. */
    public double[] values() {
        return values;
    }
}
