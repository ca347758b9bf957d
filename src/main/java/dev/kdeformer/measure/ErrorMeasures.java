package dev.kdeformer.measure;

import java.util.List;
import java.util.function.DoubleBinaryOperator;

/**
 * Relative errors of an approximate output Õ of one head against the exact output O, both n × d_v. Each is a
 * number without unit, 0 for a perfect result.
 *
 * <p>Below, C is O with its mean row subtracted from every row. On many inputs O is almost wholly its own mean row, and
 * a method that puts out nothing but the mean looks good by the first measure; the others divide by C and so
 * measure what a method adds to the mean.
 *
 * <p>When a divisor is 0 the measure is 0 if the numerator is 0 too, otherwise +∞. When the approximate output holds
 * NaN or infinity all of them are +∞.
 *
 * @param spectral         ‖Õ − O‖ / ‖O‖ in the operator norm (largest singular value), the measure of the KDEformer
 *                         paper
 * @param spectralCentred  ‖Õ − O‖ / ‖C‖ in the operator norm
 * @param frobeniusCentred ‖Õ − O‖ / ‖C‖ in the Frobenius norm
 * @param maxRow           the largest Euclidean norm of a row of Õ − O, divided by the root mean square norm of the
 *                         rows of C, which is ‖C‖_F / √n
 * @param row50            what half of the rows do not exceed, in units of {@code maxRow}: the least norm of a row of
 *                         Õ − O that at least this part of the rows reaches at most
 * @param row99            what 99 % of the rows do not exceed, likewise defined
 * @param row999           what 99.9 % of the rows do not exceed; with fewer than 1,000 rows it is {@code maxRow}
 */
public record ErrorMeasures(double spectral, double spectralCentred, double frobeniusCentred, double maxRow,
        double row50, double row99, double row999) {
    /** No error. */
    public static final ErrorMeasures NONE = new ErrorMeasures(0, 0, 0, 0, 0, 0, 0);

    /** All errors +∞. */
    static final ErrorMeasures INFINITE = new ErrorMeasures(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY,
            Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY,
            Double.POSITIVE_INFINITY);

    /**
     * The mean of each measure.
     *
     * @throws IllegalArgumentException if the list is empty
     */
    public static ErrorMeasures mean(List<ErrorMeasures> list) {
        ErrorMeasures sum = reduce(list, Double::sum);
        int count = list.size();
        return new ErrorMeasures(sum.spectral / count, sum.spectralCentred / count, sum.frobeniusCentred / count,
                sum.maxRow / count, sum.row50 / count, sum.row99 / count, sum.row999 / count);
    }

    /**
     * Returns the largest of each measure.
     *
     * @throws IllegalArgumentException if the list is empty
     */
    public static ErrorMeasures max(List<ErrorMeasures> list) {
        return reduce(list, Math::max);
    }

    private static ErrorMeasures reduce(List<ErrorMeasures> list, DoubleBinaryOperator combine) {
        if (list.isEmpty()) {
            throw new IllegalArgumentException("list must not be empty");
        }
        return list.stream().reduce(NONE, (a, b) -> new ErrorMeasures(
                combine.applyAsDouble(a.spectral, b.spectral),
                combine.applyAsDouble(a.spectralCentred, b.spectralCentred),
                combine.applyAsDouble(a.frobeniusCentred, b.frobeniusCentred),
                combine.applyAsDouble(a.maxRow, b.maxRow),
                combine.applyAsDouble(a.row50, b.row50),
                combine.applyAsDouble(a.row99, b.row99),
                combine.applyAsDouble(a.row999, b.row999)));
    }

    /** A measure with its rule for a divisor of 0. */
    static double ratio(double numerator, double divisor) {
        if (divisor == 0) {
            return numerator == 0 ? 0 : Double.POSITIVE_INFINITY;
        }
        return numerator / divisor;
    }
}
