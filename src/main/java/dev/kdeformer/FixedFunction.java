package dev.kdeformer;

/**
 * The function that an {@link AttentionGradient} is the gradient of: a method with the choices held fixed that it made
 * for one input. In double precision and straight from its definition, for finite differences; far slower than the
 * method, and not for use by several threads at once.
 *
 * <p>Elements are given by heads, {@code batch · heads + head}, each row by row: queries n × d, keys m × d, values
 * m × d_v. Scale, mask and bias are those of the input.
 */
public interface FixedFunction {
    /**
     * Returns the output of the query heads that read a key head.
     *
     * @param unit  {@code batch · kvHeads + kvHead}
     * @param query elements of all query heads
     * @param key   elements of all key heads
     * @param value elements of all value heads
     * @return for every query head of the group n × d_v in row-major order; zeros for a query that sees no key
     */
    double[][] outputs(int unit, double[][] query, double[][] key, double[][] value);
}
