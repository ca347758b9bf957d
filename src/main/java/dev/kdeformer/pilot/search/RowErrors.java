package dev.kdeformer.pilot.search;

import it.unimi.dsi.fastutil.doubles.DoubleArrays;

/**
 * The error that a part of a head's rows stays within, from a weighted sample of rows. With n the number of equal rows
 * that the sample is worth, (Σ w)² / Σ w², and k the most bad ones among n that are improbable where more than the
 * allowed part of all rows is bad (the exact test of Clopper and Pearson, 1934), the upper estimate is the error that
 * all rows but k of n keep.
 */
final class RowErrors {
    /** Probability of seeing so few bad rows although there are too many. */
    private static final double RISK = 0.01;

    /** Sums of weights are off by less than this part. */
    private static final double ROUNDING = 1e-9;

    private final double[] squares;
    private final double[] weights;
    private double norms;
    private double whole;
    private double wholeSquares;
    private int count;

    RowErrors(int most) {
        squares = new double[most];
        weights = new double[most];
    }

    /**
     * Adds a row.
     *
     * @param square squared norm of its error
     * @param norm   squared norm of the exact row
     * @param weight what it stands for
     */
    void add(double square, double norm, double weight) {
        squares[count] = square;
        weights[count++] = weight;
        norms += weight * norm;
        whole += weight;
        wholeSquares += weight * weight;
    }

    /** The error of the given part of the rows, relative to the root mean square norm of the exact ones. */
    RowSample.Error at(double fraction) {
        if (count == 0) {
            return new RowSample.Error(0, Double.POSITIVE_INFINITY);
        }
        DoubleArrays.quickSort(squares, weights, 0, count);
        int worth = (int) (whole * whole / wholeSquares * (1 + ROUNDING));
        int bad = allowed(worth, 1 - fraction);
        double likely = but((1 - fraction) * whole);
        return new RowSample.Error(likely, bad < 0 ? Double.POSITIVE_INFINITY : but(bad * whole / worth));
    }

    /** The error that all rows keep but the worst, which stand for at most so much. */
    private double but(double part) {
        double beyond = 0;
        int i = count - 1;
        while (i > 0 && beyond + weights[i] <= part * (1 + ROUNDING)) {
            beyond += weights[i--];
        }
        return squares[i] == 0 ? 0 : Math.sqrt(squares[i] * whole / norms);
    }

    /** The most of {@code n} rows that may be bad, −1 if there may not even be none. */
    static int allowed(int n, double part) {
        double probability = Math.pow(1 - part, n);
        double sum = probability;
        int bad = -1;
        while (sum <= RISK && bad + 1 < n) {
            bad++;
            probability *= part / (1 - part) * (n - bad) / (bad + 1);
            sum += probability;
        }
        return bad;
    }
}
