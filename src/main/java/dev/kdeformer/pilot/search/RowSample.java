package dev.kdeformer.pilot.search;

import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/** Some exact output rows of a head, to compare a pass with. */
public final class RowSample {
    /** What the estimate is multiplied by, for the search that picks the first pass that looks good enough. */
    private static final double SAFETY = 1.1;

    private final Matrix output;
    private final int[] order;
    private final int[] positions;
    private final float[] rows;
    private final int dv;

    /**
     * A sample whose rows are still to be {@link #set}.
     *
     * @param output    the head's output
     * @param order     the output row at every position; null for the identity
     * @param positions of the rows, n of them
     */
    public RowSample(Matrix output, int[] order, int[] positions) {
        this.output = output;
        this.order = order;
        this.positions = positions;
        this.dv = output.columns();
        this.rows = new float[positions.length * dv];
    }

    /** Sets {@code count} exact rows from index {@code from} on to those of a finished state. */
    public void set(SoftmaxTile state, int from, int count) {
        for (int r = 0; r < count; r++) {
            float sum = state.sum(r);
            float inverse = sum > 0 ? 1 / sum : 0;
            for (int c = 0; c < dv; c++) {
                rows[(from + r) * dv + c] = state.values()[r * state.valueStride() + c] * inverse;
            }
        }
    }

    /** Number of rows. */
    public int count() {
        return positions.length;
    }

    /** Mean squared norm of the rows. */
    public double meanSquare() {
        double sum = 0;
        for (float x : rows) {
            sum += (double) x * x;
        }
        return sum / positions.length;
    }

    /**
     * An upper estimate of the head's relative spectral error: the sampled one, raised by how uncertain the mean of
     * the squared row errors is.
     *
     * <p>The largest eigenvalue of a sample overstates that of the whole, by more than half where errors point in all
     * of 100 directions alike and a few hundred rows are sampled. The leading direction of one half of the rows,
     * measured on the other half, understates it where rows are heavy-tailed. The estimate is their geometric mean.
     */
    public double error() {
        return error(new int[0]);
    }

    /**
     * The same as if the output were exact at some positions.
     *
     * @param exact positions, ascending
     */
    public double error(int[] exact) {
        Gram[] errors = {new Gram(dv), new Gram(dv)};
        Gram norms = new Gram(dv);
        double sum = 0;
        double squares = 0;
        double most = 0;
        for (int i = 0; i < positions.length; i++) {
            boolean isExact = Arrays.binarySearch(exact, positions[i]) >= 0;
            double y = difference(i, isExact, errors[i & 1].next(), norms.next());
            errors[i & 1].add();
            norms.add();
            sum += y;
            squares += y * y;
            most = Math.max(most, y);
        }
        int count = positions.length;
        double mean = sum / count;
        if (mean == 0) {
            return 0;
        }
        if (!(mean < Double.POSITIVE_INFINITY)) {
            return Double.POSITIVE_INFINITY;
        }
        double norm = SymmetricEigen.largest(norms.matrix(), dv) / count;
        double deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
        double raise = (mean + 2 * deviation / Math.sqrt(count) + most / count) / mean;
        double[] first = errors[0].matrix();
        double[] second = errors[1].matrix();
        double crossed = (along(leading(first), second) + along(leading(second), first)) / count;
        errors[0].add(errors[1]);
        double pooled = SymmetricEigen.largest(errors[0].matrix(), dv) / count;
        double square = Math.sqrt(crossed * pooled);
        return norm > 0 ? SAFETY * Math.sqrt(square / norm * raise) : Double.POSITIVE_INFINITY;
    }

    /** The error and the exact row at index {@code i}; returns the squared norm of the error. */
    private double difference(int i, boolean isExact, double[] error, double[] exact) {
        int row = order == null ? positions[i] : order[positions[i]];
        double sum = 0;
        for (int c = 0; c < dv; c++) {
            exact[c] = rows[i * dv + c];
            error[c] = isExact ? 0 : output.get(row, c) - exact[c];
            sum += error[c] * error[c];
        }
        return sum;
    }

    private double[] leading(double[] gram) {
        SymmetricEigen eigen = new SymmetricEigen(dv);
        eigen.decompose(gram);
        return Arrays.copyOf(eigen.vectors(), dv);
    }

    private double along(double[] direction, double[] gram) {
        double sum = 0;
        for (int a = 0; a < dv; a++) {
            for (int b = 0; b < dv; b++) {
                sum += direction[a] * gram[a * dv + b] * direction[b];
            }
        }
        return sum;
    }
}
