package dev.kdeformer.measure;

import java.util.List;

/**
 * An estimate and the interval that is meant to hold the true value; none of them negative.
 *
 * @param estimate the estimate
 * @param low      lower end, at most {@code estimate}
 * @param high     upper end, at least {@code estimate}; +∞ if the sample says nothing about it
 */
public record Interval(double estimate, double low, double high) {
    /** An interval of width 0. */
    static Interval exactly(double value) {
        return new Interval(value, value, value);
    }

    /**
     * The interval of the mean of independent quantities: squared distances from the estimates to the ends add up.
     *
     * @param list not empty
     */
    static Interval mean(List<Interval> list) {
        double estimate = 0;
        double below = 0;
        double above = 0;
        for (Interval each : list) {
            estimate += each.estimate / list.size();
            double down = each.estimate == each.low ? 0 : each.estimate - each.low;
            double up = each.estimate == each.high ? 0 : each.high - each.estimate;
            below += down * down;
            above += up * up;
        }
        double reach = Math.sqrt(below) / list.size();
        double low = reach == Double.POSITIVE_INFINITY ? 0 : Math.max(0, estimate - reach);
        return new Interval(estimate, low, estimate + Math.sqrt(above) / list.size());
    }

    /** The interval of the square root. */
    Interval squareRoot() {
        return new Interval(Math.sqrt(estimate), Math.sqrt(low), Math.sqrt(high));
    }

    /** The interval with no part above {@code limit}, except the estimate. */
    Interval cappedAt(double limit) {
        return new Interval(estimate, low, Math.max(estimate, Math.min(high, limit)));
    }

    /**
     * The interval of a ratio of independent quantities: squared distances from the estimates to the ends add up on the
     * logarithmic scale. A ratio to 0 is 0 if the numerator is 0 too, otherwise +∞.
     */
    Interval dividedBy(Interval divisor) {
        double ratio = ErrorMeasures.ratio(estimate, divisor.estimate);
        if (ratio == 0 || ratio == Double.POSITIVE_INFINITY) {
            return new Interval(ratio, ratio == 0 ? 0 : ErrorMeasures.ratio(low, divisor.high),
                    ErrorMeasures.ratio(high, divisor.low));
        }
        double below = Math.hypot(Math.log(estimate / low), Math.log(divisor.high / divisor.estimate));
        double above = Math.hypot(Math.log(high / estimate), Math.log(divisor.estimate / divisor.low));
        return new Interval(ratio, ratio * Math.exp(-below), ratio * Math.exp(above));
    }
}
