package dev.kdeformer.measure;

import java.util.ArrayList;
import java.util.List;

/**
 * The errors of some rows of an approximate output that were computed exactly as well, drawn at random from all rows,
 * each with the same chance, and what they say of all. Rows that were drawn over several calls add up.
 *
 * @param rows    number of rows that were drawn from
 * @param squares squared relative errors ‖õ − o‖²/‖o‖² of the rows that were drawn, not negative
 */
public record CheckedRows(long rows, List<Double> squares) {
    /**
     * Copies the list.
     *
     * @throws IllegalArgumentException if there are fewer rows than errors, or an error is negative or NaN
     */
    public CheckedRows {
        squares = List.copyOf(squares);
        if (rows < squares.size()) {
            throw new IllegalArgumentException("rows must be at least the number of errors, " + squares.size()
                    + ", got " + rows);
        }
        for (double each : squares) {
            if (!(each >= 0)) {
                throw new IllegalArgumentException("squares must not be negative, got " + each);
            }
        }
    }

    /** Returns no rows at all. */
    public static CheckedRows none() {
        return new CheckedRows(0, List.of());
    }

    /** These rows and others, of another call that draws each row with the same chance. */
    public CheckedRows plus(CheckedRows others) {
        List<Double> all = new ArrayList<>(squares);
        all.addAll(others.squares);
        return new CheckedRows(rows + others.rows, all);
    }

    /** Returns the number of rows that were drawn. */
    public int count() {
        return squares.size();
    }

    /** The root of the mean squared error of the drawn rows; NaN for none. */
    public double error() {
        return squares.isEmpty() ? Double.NaN : Math.sqrt(MeanInterval.mean(array()));
    }

    /** Returns the largest error of a drawn row, which {@link #partWithin} says how many of all keep; 0 for none. */
    public double largest() {
        return Math.sqrt(squares.stream().mapToDouble(Double::doubleValue).max().orElse(0));
    }

    /**
     * Returns the part of all rows that have at least, with the given confidence, an error of at most {@code error},
     * whatever the errors are like: the bound of Clopper and Pearson (1934) on those among the drawn. Of 16 that are
     * all within, it says 0.83 at a confidence of 95 %; it takes 59 to say 0.95. Nothing like it can be said of the
     * mean error: a few rows that were not drawn may hold most of it.
     *
     * @param error      not negative; chosen beforehand, or {@link #largest}
     * @param confidence strictly between 0 and 1, such as 0.95
     * @return from 0 to 1; 1 if there is no row
     * @throws IllegalArgumentException if an argument is out of range
     */
    public double partWithin(double error, double confidence) {
        check(confidence);
        if (!(error >= 0)) {
            throw new IllegalArgumentException("error must not be negative, got " + error);
        }
        int within = (int) squares.stream().filter(each -> Math.sqrt(each) <= error).count();
        if (squares.size() >= rows) {
            return squares.isEmpty() ? 1 : (double) within / squares.size();
        }
        return squares.isEmpty() ? 0 : BinomialBound.lower(within, squares.size(), 1 - confidence);
    }

    private static void check(double confidence) {
        if (!(confidence > 0 && confidence < 1)) {
            throw new IllegalArgumentException("confidence must lie strictly between 0 and 1, got " + confidence);
        }
    }

    private double[] array() {
        return squares.stream().mapToDouble(Double::doubleValue).toArray();
    }
}
