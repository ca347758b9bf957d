package dev.kdeformer;

import java.util.Objects;

/**
 * The error that a method may make, per head. A method with a budget spends what the budget asks for, checks itself on
 * exact rows that it did not use to choose, and falls back to exact attention where that is cheaper.
 *
 * <p>There are two kinds. {@link #relativeSpectral(double)} bounds ‖Õ − O‖ / ‖O‖ in the operator norm, which says
 * nothing of a single row. {@link #rows} bounds rows: a row õ is good where ‖õ − o‖ is at most the error times the root
 * mean square norm of the rows of O, and a fraction of all rows has to be good. {@code
 * dev.kdeformer.measure.RowCertificate} says from a sample whether an output keeps that.
 *
 * @param measure  what {@code error} is about
 * @param error    the largest error, above 0
 * @param fraction the least fraction of the rows whose error is within {@code error}, above 0 and at most 1; 1 for the
 *                 spectral error, which is about all of them
 */
public record ErrorBudget(Measure measure, double error, double fraction) {
    /** What an error is the error of. */
    public enum Measure {
        /** The whole output of a head, in the operator norm. */
        SPECTRAL,
        /** Each row of a head's output. */
        ROWS
    }

    /**
     * Checks the bounds.
     *
     * @throws IllegalArgumentException if the error is not a positive number, or the fraction is not above 0 and at
     *                                  most 1, or not 1 for the spectral error
     */
    public ErrorBudget {
        Objects.requireNonNull(measure, "measure");
        if (!(error > 0) || error == Double.POSITIVE_INFINITY) {
            throw new IllegalArgumentException("error budget must be a positive number, got " + error);
        }
        if (!(fraction > 0 && fraction <= 1)) {
            throw new IllegalArgumentException("fraction of the rows must be above 0 and at most 1, got " + fraction);
        }
        if (measure == Measure.SPECTRAL && fraction != 1) {
            throw new IllegalArgumentException("fraction must be 1 for the spectral error, got " + fraction);
        }
    }

    /** Makes a budget for the relative spectral error of every head. */
    public static ErrorBudget relativeSpectral(double error) {
        return new ErrorBudget(Measure.SPECTRAL, error, 1);
    }

    /**
     * Makes a budget for the rows of every head.
     *
     * @param error    of a good row, relative to the root mean square norm of the head's rows
     * @param fraction the least fraction of rows that are good, above 0 and at most 1
     */
    public static ErrorBudget rows(double error, double fraction) {
        return new ErrorBudget(Measure.ROWS, error, fraction);
    }

    /**
     * Returns the largest relative spectral error of a head.
     *
     * @throws IllegalStateException if this budget is about rows
     */
    public double relativeSpectral() {
        if (measure != Measure.SPECTRAL) {
            throw new IllegalStateException("the budget is about rows: " + this);
        }
        return error;
    }

    /** Returns the budget in words, such as {@code relative spectral error of 0.05}. */
    @Override
    public String toString() {
        return measure == Measure.SPECTRAL ? "relative spectral error of " + error
                : "error of " + error + " in " + fraction + " of the rows";
    }
}
