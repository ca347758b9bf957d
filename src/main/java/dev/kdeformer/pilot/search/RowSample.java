package dev.kdeformer.pilot.search;

import dev.kdeformer.ErrorBudget;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.function.IntPredicate;

/** Some exact output rows of a head, to compare a pass with. Rows are added as long as more are needed. */
public final class RowSample {
    /**
     * A head's error, from a sample of its rows.
     *
     * @param likely the estimate itself
     * @param upper  raised by how uncertain it is, infinite where the rows are too few to say
     */
    public record Error(double likely, double upper) {
    }

    private final Matrix output;
    private final int[] order;
    private final ErrorBudget budget;
    /** What sinks will leave of rows; null for all. */
    private final SinkShares sinks;
    private int[] positions = new int[0];
    private float[] rows = new float[0];
    private final int dv;
    /** What each row stands for, as a part of all; they add up to about one. */
    private double[] weights = new double[0];
    /** What sinks leave of each exact row. */
    private double[] shares = new double[0];
    private int count;

    /**
     * A sample without rows.
     *
     * @param output the head's output
     * @param order  the output row at every position; null for the identity
     * @param budget says which error is meant
     * @param sinks  what sinks will leave of rows; null for all
     */
    public RowSample(Matrix output, int[] order, ErrorBudget budget, SinkShares sinks) {
        this.budget = budget;
        this.sinks = sinks;
        this.output = output;
        this.order = order;
        this.dv = output.columns();
    }

    /**
     * Adds rows, which are still to be {@link #set}.
     *
     * @param more    their positions
     * @param newWeights what each row stands for from now on, the earlier ones first
     */
    public void add(int[] more, double[] newWeights) {
        int from = count;
        count += more.length;
        positions = Arrays.copyOf(positions, count);
        System.arraycopy(more, 0, positions, from, more.length);
        rows = Arrays.copyOf(rows, count * dv);
        weights = newWeights.clone();
        shares = Arrays.copyOf(shares, count);
        Arrays.fill(shares, from, count, 1);
    }

    /** Sets {@code count} exact rows from index {@code from} on to those of a finished state. */
    public void set(SoftmaxTile state, int from, int count) {
        for (int r = 0; r < count; r++) {
            float sum = state.sum(r);
            float inverse = sum > 0 ? 1 / sum : 0;
            if (sinks != null) {
                shares[from + r] = sinks.ofExact(state, r, row(from + r));
            }
            for (int c = 0; c < dv; c++) {
                rows[(from + r) * dv + c] = state.values()[r * state.valueStride() + c] * inverse;
            }
        }
    }

    /** Number of rows. */
    public int count() {
        return count;
    }

    /** Positions of the rows. */
    public int[] positions() {
        return positions;
    }

    /** Mean squared norm of the rows, of which sinks have not taken anything. */
    public double meanSquare() {
        double sum = 0;
        double whole = 0;
        for (int i = 0; i < count; i++) {
            sum += weights[i] * norm(i);
            whole += weights[i];
        }
        return sum / whole;
    }

    private int row(int i) {
        return order == null ? positions[i] : order[positions[i]];
    }

    /** Squared norm of an exact row. */
    private double norm(int i) {
        double square = 0;
        for (int c = 0; c < dv; c++) {
            square += (double) rows[i * dv + c] * rows[i * dv + c];
        }
        return square;
    }

    /**
     * The error that the budget is about, estimated from the rows as if the output were exact at some positions: by
     * {@link SpectralErrors}, or by {@link RowErrors} for the error that a part of the rows stays within.
     *
     * @param exact positions, ascending
     */
    public Error error(int[] exact, Team team) {
        return error(exact, position -> true, team);
    }

    /**
     * The same for some of the rows.
     *
     * @param among whether the row at a position counts
     */
    public Error error(int[] exact, IntPredicate among, Team team) {
        return budget.measure() == ErrorBudget.Measure.ROWS ? rowError(exact, among) : spectral(exact, among, team);
    }

    private Error rowError(int[] exact, IntPredicate among) {
        RowErrors errors = new RowErrors(count);
        double[] error = new double[dv];
        double[] row = new double[dv];
        for (int i = 0; i < count; i++) {
            if (among.test(positions[i])) {
                double square = difference(i, Arrays.binarySearch(exact, positions[i]) >= 0, error, row);
                errors.add(square, shares[i] * shares[i] * norm(i), weights[i]);
            }
        }
        return errors.at(budget.fraction());
    }

    private Error spectral(int[] exact, IntPredicate among, Team team) {
        SpectralErrors errors = new SpectralErrors(count, dv);
        double[] error = new double[dv];
        double[] row = new double[dv];
        for (int i = 0; i < count; i++) {
            if (among.test(positions[i])) {
                difference(i, Arrays.binarySearch(exact, positions[i]) >= 0, error, row);
                errors.add(error, row, weights[i]);
            }
        }
        return errors.estimate(team);
    }

    /** What each row stands for, as a part of all. */
    double[] weights() {
        return weights;
    }

    /** The error and the exact row at index {@code i}; returns the squared norm of the error. */
    private double difference(int i, boolean isExact, double[] error, double[] exact) {
        int row = row(i);
        double share = isExact || sinks == null ? 1 : sinks.ofOutput(row);
        double sum = 0;
        for (int c = 0; c < dv; c++) {
            exact[c] = shares[i] * rows[i * dv + c];
            error[c] = isExact ? 0 : share * output.get(row, c) - exact[c];
            sum += error[c] * error[c];
        }
        return sum;
    }
}
