package dev.kdeformer.kdeformer;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Sampling weights from the norms of the values: ‖v_j − c‖ with one more coordinate, divided by the largest singular
 * value, plus 1/m.
 *
 * <p>Centre, deviation and singular value come from at most {@link #SAMPLE} evenly spaced keys. They only set how much
 * the norms count beside the constant parts, a matter of a few per cent of a probability, and any weights are correct
 * as long as the sample is counted with the same ones.
 */
final class ValueNorms {
    private static final int SAMPLE = 512;
    private static final int POWER_ROUNDS = 24;
    /** Floats of the caller's values that are copied at a time. */
    private static final int CHUNK = 1 << 12;
    /** Sums of squares outside of this range are formed again in double precision. */
    private static final float SMALL = 1e-30f;
    private static final float LARGE = 1e30f;

    private final Matrix value;
    /** What is taken from the values, padded with zeros to whole vectors. */
    private final float[] centre;
    /** The square of the additional coordinate. */
    private final double constant;
    private final double singular;
    private final double uniform;

    private ValueNorms(Matrix value, float[] centre, double constant, double singular, double uniform) {
        this.value = value;
        this.centre = centre;
        this.constant = constant;
        this.singular = singular;
        this.uniform = uniform;
    }

    /** The norms of the values as they are, with a column of ones. */
    static ValueNorms plain(KeyHead head) {
        float[] centre = new float[Lanes.padColumns(head.value().columns())];
        return of(head, sample(head), centre, 1);
    }

    /**
     * The norms of the values without their mean, with a column of their root mean square deviation.
     */
    static ValueNorms centred(KeyHead head) {
        double[][] rows = sample(head);
        int dv = head.value().columns();
        float[] centre = new float[Lanes.padColumns(dv)];
        double squares = 0;
        for (int c = 0; c < dv; c++) {
            double sum = 0;
            for (double[] row : rows) {
                sum += row[c];
            }
            centre[c] = (float) (sum / Math.max(1, rows.length));
            for (double[] row : rows) {
                row[c] -= centre[c];
                squares += row[c] * row[c];
            }
        }
        return of(head, rows, centre, squares / Math.max(1, rows.length));
    }

    private static ValueNorms of(KeyHead head, double[][] rows, float[] centre, double constant) {
        double largest = rows.length == 0 ? 0 : largestSingular(rows, Math.sqrt(constant));
        // The sample's Gram matrix has rows.length of the m terms of the whole one.
        double singular = largest * Math.sqrt((double) head.keys() / Math.max(1, rows.length));
        return new ValueNorms(head.value(), centre, constant, singular, 1.0 / Math.max(1, head.keys()));
    }

    private static double[][] sample(KeyHead head) {
        int count = Math.min(head.keys(), SAMPLE);
        float[] row = new float[head.value().columns()];
        double[][] rows = new double[count][row.length];
        int taken = 0;
        for (int i = 0; i < count; i++) {
            int key = (int) ((long) i * head.keys() / count);
            if (head.bias() != null && head.bias().get(0, key) == Float.NEGATIVE_INFINITY) {
                continue;
            }
            head.value().readRow(key, row, 0);
            for (int c = 0; c < row.length; c++) {
                rows[taken][c] = row[c];
            }
            taken++;
        }
        return Arrays.copyOf(rows, taken);
    }

    /** The largest singular value of the rows with one more column of a constant, by power iteration. */
    private static double largestSingular(double[][] rows, double constant) {
        int columns = rows[0].length;
        double[] x = new double[columns + 1];
        double[] next = new double[columns + 1];
        for (int c = 0; c <= columns; c++) {
            x[c] = 1 + 0.01 * c; // any start that is not orthogonal to the answer
        }
        double squared = 0;
        for (int round = 0; round < POWER_ROUNDS; round++) {
            double norm = Math.sqrt(dot(x, x, columns + 1));
            if (norm == 0) {
                return 0;
            }
            Arrays.fill(next, 0);
            for (double[] row : rows) {
                double along = (dot(row, x, columns) + constant * x[columns]) / norm;
                for (int c = 0; c < columns; c++) {
                    next[c] += along * row[c];
                }
                next[columns] += along * constant;
            }
            squared = dot(x, next, columns + 1) / norm;
            System.arraycopy(next, 0, x, 0, columns + 1);
        }
        return Math.sqrt(squared);
    }

    private static double dot(double[] a, double[] b, int count) {
        double sum = 0;
        for (int c = 0; c < count; c++) {
            sum += a[c] * b[c];
        }
        return sum;
    }

    /** Writes the weights of keys [from, to) to their places among the floats at {@code weights}. */
    void fill(int from, int to, long weights, Scratch scratch) {
        int stride = centre.length;
        int chunk = Math.max(1, CHUNK / stride);
        float[] rows = scratch.keep(Rows.class, Rows::new).room(chunk * stride, stride, value.columns());
        float[] lanes = new float[LANES];
        for (int first = from; first < to; first += chunk) {
            int present = Math.min(chunk, to - first);
            value.readRows(first, first + present, rows, 0, stride);
            for (int r = 0; r < present; r++) {
                double squares = squares(rows, r * stride, centre, lanes);
                if (!(squares > SMALL && squares < LARGE)) {
                    squares = squaresScalar(rows, r * stride, centre);
                }
                Memory.putFloat(weights + (long) (first + r) * Float.BYTES, (float) weight(squares));
            }
        }
    }

    private double weight(double squares) {
        return (singular > 0 ? Math.sqrt(squares + constant) / singular : 0) + uniform;
    }

    /**
     * ‖x − centre‖² for a row of whole vectors, in float32.
     *
     * @param lanes room for a vector
     */
    static float squares(float[] x, int x0, float[] centre, float[] lanes) {
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int c = 0; c < centre.length; c += LANES) {
            FloatVector difference = FloatVector.fromArray(FLOATS, x, x0 + c)
                    .sub(FloatVector.fromArray(FLOATS, centre, c));
            sum = fma(difference, difference, sum);
        }
        sum.intoArray(lanes, 0);
        return Lanes.sum(lanes, 0);
    }

    /** The scalar reference of {@link #squares}, in double precision. */
    static double squaresScalar(float[] x, int x0, float[] centre) {
        double sum = 0;
        for (int c = 0; c < centre.length; c++) {
            double difference = (double) x[x0 + c] - centre[c];
            sum += difference * difference;
        }
        return sum;
    }

    /** A thread's copy of values, rows padded with zeros. */
    private static final class Rows {
        private float[] floats = new float[0];
        private int stride;
        private int columns;

        float[] room(int length, int newStride, int newColumns) {
            if (floats.length < length) {
                floats = new float[length];
            } else if (stride != newStride || columns != newColumns) {
                Arrays.fill(floats, 0);
            }
            stride = newStride;
            columns = newColumns;
            return floats;
        }
    }
}
