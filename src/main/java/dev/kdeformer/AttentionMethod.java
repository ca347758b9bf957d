package dev.kdeformer;

import dev.kdeformer.tensor.Tensor;
import java.util.Map;
import java.util.Set;

/**
 * A way to compute softmax(scale · Q Kᵀ + bias + mask) V, exactly or approximately. Methods are immutable values and
 * may be used from many threads at once; all state of a call lives in the {@link Engine}'s scratch memory.
 */
public interface AttentionMethod {
    /** Returns the method's name on the command line and in reports, such as {@code exact} or {@code kdeformer}. */
    String name();

    /** Returns the method's options by name, in a fixed order, for reports. */
    Map<String, Object> parameters();

    /**
     * Returns the options that a call with this input runs with: those of {@link #parameters()}, unless the method's
     * defaults depend on the input or some options have no effect on it.
     */
    default Map<String, Object> parameters(AttentionInput input) {
        return parameters();
    }

    /**
     * Computes the output. Without keys it is zeros, and without queries it has no elements.
     *
     * @param engine    threads and scratch memory
     * @param input     queries, keys, values, scale, mask and bias
     * @param output    receives (batch, heads, n, d_v); must not overlap the input
     * @return what was done
     * @throws IllegalArgumentException if the output does not fit or overlaps, the input holds NaN or infinity, or
     *                                  the method cannot do the mask; nothing is written then
     * @throws IllegalStateException    if a tensor's arena or the engine is closed
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted; the output is
     *                                  undefined then and the interrupt flag stays set
     */
    default Statistics apply(Engine engine, AttentionInput input, Tensor output) {
        return apply(engine, input, output, null);
    }

    /**
     * Computes the output and the log-sum-exp of every query's logits (an estimate where the method approximates).
     *
     * @param logSumExp receives (batch, heads, n, 1), natural logarithm, −∞ for a query that sees no key; may be null
     * @see #apply(Engine, AttentionInput, Tensor)
     */
    Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp);

    /**
     * What a call would need: scratch memory in bytes and floating-point operations.
     *
     * @param threads number of threads that the engine would use
     */
    Estimate estimate(AttentionInput input, int threads);

    /**
     * What a call did.
     *
     * @param columns key evaluations per query (work that is not a key evaluation converted at 2(d + d_v) operations
     *                each), the mean over all queries and heads
     * @param note    one sentence on a choice the method made, or the empty string
     * @param error   the method's own estimate of the relative spectral error of its worst head, from exact rows that
     *                it held out; NaN where it makes none
     */
    record Statistics(double columns, String note, double error) {
        /** Statistics of a method that does not estimate its error. */
        public Statistics(double columns, String note) {
            this(columns, note, Double.NaN);
        }
    }

    /**
     * What a call would need.
     *
     * @param scratchBytes off-heap memory besides input and output
     * @param operations   floating-point operations, a multiply-add counted as two
     */
    record Estimate(long scratchBytes, double operations) {
        /** What a call without queries or keys needs. */
        public static final Estimate NOTHING = new Estimate(0, 0);
    }

    /** What the method takes besides queries, keys, values and scale; it refuses input that says anything else. */
    default Set<InputFeature> takes() {
        return Set.of();
    }
}
