package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The state of an online softmax for the rows of a tile: for every row a reference exponent, the sum of its weights
 * relative to that, and the weighted sum of values. Kept per thread.
 *
 * <p>Sums have three levels, so that digits are not lost in proportion to the number of keys: a step adds up from zero,
 * {@link #SPAN} steps add up in float32, and spans in double precision.
 */
final class SoftmaxRows {
    /** Steps that are added up in float32. */
    private static final int SPAN = 16;

    /** Stands for the reference of a row that has seen no key; finite, so that nothing is subtracted from infinity. */
    private static final float NOTHING = -0x1p126f;

    private final float[] zeros;
    private final float[] found;
    /** The reference of a row is {@code high + low}; the low part is 0 unless the reference is far. */
    private final float[] high;
    private final float[] low;
    private final float[] sums;
    private final double[] sumTotals;
    private float[] values = new float[0];
    private double[] valueTotals = new double[0];
    private int rows;
    private int stride;
    private int steps;
    private boolean empty;
    private boolean spilled;
    private boolean far;

    /**
     * Makes room for rows, none of them begun.
     *
     * @param most rows that the state has room for
     */
    SoftmaxRows(int most) {
        zeros = new float[most];
        found = new float[most];
        high = new float[most];
        low = new float[most];
        sums = new float[most * LANES];
        sumTotals = new double[most];
    }

    /** Starts an empty state for {@code count} rows and values of {@code features} features. */
    void begin(int count, int features) {
        rows = count;
        stride = Lanes.padColumns(features);
        if (values.length < zeros.length * stride) {
            values = new float[zeros.length * stride];
        } else {
            Arrays.fill(values, 0, rows * stride, 0);
        }
        Arrays.fill(sums, 0, rows * LANES, 0);
        Arrays.fill(high, 0, rows, NOTHING);
        Arrays.fill(low, 0, rows, 0);
        steps = 0;
        empty = true;
        spilled = false;
        far = false;
    }

    /** Whether nothing has been added. */
    boolean isEmpty() {
        return empty;
    }

    /** Raises the references to the largest of some columns of logits, times the factor, where they are lower. */
    void raise(float[] s, int columns, float factor) {
        raise(s, 0, columns, 0, rows, factor);
    }

    /** Does the same with some columns of rows [from, to). */
    void raise(float[] s, int column, int columns, int from, int to, float factor) {
        ExpKernel.rowMax(s, column + from * Lanes.STRIDE, to - from, columns, found);
        for (int r = from; r < to; r++) {
            double reference = ExpKernel.reference((double) found[r - from] * factor);
            if (reference > reference(r)) {
                rescale(r, reference);
            }
        }
    }

    private void rescale(int r, double reference) {
        double old = reference(r);
        high[r] = (float) reference;
        low[r] = (float) (reference - high[r]);
        far |= Math.abs(reference) > ExpKernel.FARTHEST;
        if (empty) {
            return;
        }
        double exact = Math.pow(2, old - reference);
        float by = (float) exact;
        FloatVector.fromArray(FLOATS, sums, r * LANES).mul(by).intoArray(sums, r * LANES);
        for (int c = r * stride; c < (r + 1) * stride; c += LANES) {
            FloatVector.fromArray(FLOATS, values, c).mul(by).intoArray(values, c);
        }
        if (spilled) {
            sumTotals[r] *= exact;
            for (int c = r * stride; c < (r + 1) * stride; c++) {
                valueTotals[c] *= exact;
            }
        }
    }

    /**
     * Replaces one pass of logits by weights and adds them to {@code target}.
     *
     * @return the largest exponent, rounded to a whole number
     */
    float exp(float[] s, int column, float factor, float[] target) {
        return exp(s, column, 0, rows, factor, target);
    }

    /** Does the same with rows [first, end). */
    float exp(float[] s, int column, int first, int end, float factor, float[] target) {
        if (!far) {
            return ExpKernel.exp(s, column, first, end, factor, high, target);
        }
        // What is near goes the same way as in a tile without far rows, so that bits do not depend on the others.
        float top = Float.NEGATIVE_INFINITY;
        for (int from = first; from < end;) {
            boolean isFar = isFar(from);
            int to = from + 1;
            while (to < end && isFar(to) == isFar) {
                to++;
            }
            if (isFar) {
                ExpKernel.relate(s, column, from, to, factor, high, low);
            }
            top = Math.max(top, ExpKernel.exp(s, column, from, to, isFar ? 1 : factor, isFar ? zeros : high, target));
            from = to;
        }
        return top;
    }

    private boolean isFar(int row) {
        return Math.abs(high[row]) > ExpKernel.FARTHEST && high[row] != NOTHING;
    }

    /** The sums of weights, a vector a row, to add a step's to. */
    float[] sums() {
        return sums;
    }

    /** Adds a step's sums of weights, a vector a row. */
    void addSums(float[] more) {
        for (int i = 0; i < rows * LANES; i += LANES) {
            FloatVector.fromArray(FLOATS, sums, i).add(FloatVector.fromArray(FLOATS, more, i)).intoArray(sums, i);
        }
    }

    /** The weighted values, to add a step's to; row r starts at {@code r · stride()}. Without what was spilled. */
    float[] span() {
        return values;
    }

    /** Counts a step whose weights and values have been added. */
    void endStep() {
        empty = false;
        if (++steps == SPAN) {
            steps = 0;
            spill();
        }
    }

    private void spill() {
        if (valueTotals.length < values.length) {
            valueTotals = new double[values.length];
        }
        if (!spilled) {
            Arrays.fill(valueTotals, 0, rows * stride, 0);
            Arrays.fill(sumTotals, 0, rows, 0);
            spilled = true;
        }
        for (int i = 0; i < rows * stride; i++) {
            valueTotals[i] += values[i];
        }
        for (int r = 0; r < rows; r++) {
            sumTotals[r] += Lanes.sum(FloatVector.fromArray(FLOATS, sums, r * LANES));
        }
        Arrays.fill(values, 0, rows * stride, 0);
        Arrays.fill(sums, 0, rows * LANES, 0);
    }

    /** Takes what was spilled back, rounded once. */
    private void collect() {
        if (!spilled) {
            return;
        }
        for (int i = 0; i < rows * stride; i++) {
            values[i] = (float) (valueTotals[i] + values[i]);
        }
        for (int r = 0; r < rows; r++) {
            float sum = (float) (sumTotals[r] + Lanes.sum(FloatVector.fromArray(FLOATS, sums, r * LANES)));
            Arrays.fill(sums, r * LANES, (r + 1) * LANES, 0);
            sums[r * LANES] = sum;
        }
        spilled = false;
    }

    /**
     * Adds a partial result to one row.
     *
     * @param reference of the partial result, in units of log 2
     * @param sum       its sum of weights
     * @param partial   its weighted values from {@code at} on
     * @param factor    what the values are multiplied by
     */
    void merge(int row, double reference, float sum, float[] partial, int at, float factor) {
        collect();
        double top = ExpKernel.reference(Math.max(reference(row), reference));
        empty = false;
        if (top > reference(row)) {
            rescale(row, top);
        }
        float take = (float) Math.pow(2, reference - reference(row));
        sums[row * LANES] += take * sum;
        for (int c = 0; c < stride; c += LANES) {
            FloatVector.fromArray(FLOATS, values, row * stride + c)
                    .add(FloatVector.fromArray(FLOATS, partial, at + c).mul(take * factor))
                    .intoArray(values, row * stride + c);
        }
    }

    /** The reference exponent of a row, in units of log 2; below −2¹⁰⁰ if it has seen no key. */
    double reference(int row) {
        return (double) high[row] + low[row];
    }

    /** The sum of the weights of a row, relative to its {@link #reference}. */
    float sum(int row) {
        collect();
        return Lanes.sum(FloatVector.fromArray(FLOATS, sums, row * LANES));
    }

    /** The weighted values; row r starts at {@code r · stride()}. */
    float[] values() {
        collect();
        return values;
    }

    /** Row distance of the values. */
    int stride() {
        return stride;
    }

    /** Number of rows. */
    int rows() {
        return rows;
    }
}
