package dev.kdeformer.kernel;

/**
 * How the softmax scale is applied: exponents in units of log 2 are scale · log₂e · q·k = factor · (power · q)·k.
 * The power of two goes into the queries, where it rounds nothing; the rest, between 1 and 2, into the multiply-add
 * that subtracts the maximum, where it costs nothing. Biases start in the logits and so are divided by the factor.
 *
 * @param power  what queries are multiplied by, a power of two with the sign of the scale; 0 for a scale of 0
 * @param factor what logits are multiplied by, in [1, 2)
 * @param bias   what biases are multiplied by: log₂e / factor
 */
public record LogitScale(float power, float factor, float bias) {
    private static final double LOG2E = 1 / Math.log(2);

    /** For a softmax scale, natural logarithm. */
    public static LogitScale of(float scale) {
        double units = Math.abs(scale) * LOG2E;
        if (units < Float.MIN_NORMAL) {
            return new LogitScale(0, 1, (float) LOG2E);
        }
        int exponent = Math.getExponent(units);
        double factor = Math.scalb(units, -exponent);
        return new LogitScale(Math.copySign(Math.scalb(1f, exponent), scale), (float) factor, (float) (LOG2E / factor));
    }
}
