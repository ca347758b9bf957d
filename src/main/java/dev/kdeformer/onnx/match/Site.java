package dev.kdeformer.onnx.match;

import dev.kdeformer.onnx.graph.Node;
import java.util.List;

/**
 * An attention in a graph: result = softmax(cap(scale · Q Kᵀ) + masks) V.
 *
 * @param name    what to call it: the name of its softmax or operator
 * @param form    how it is written, in a few words
 * @param ends    what it is computed from and what it makes
 * @param logits  what becomes of the products of queries and keys
 * @param softmax what its softmax does
 * @param nodes   the nodes that compute it in the graph, from queries, keys, values, masks and factors on
 * @param feeders nodes that are in no file and make queries, keys, values or further outputs of an operator
 */
public record Site(String name, String form, Ends ends, Logits logits, Softmax softmax, List<Node> nodes,
        List<Node> feeders) {
    /**
     * What an attention is computed from and what it makes.
     *
     * @param query  the queries
     * @param key    the keys
     * @param value  the values
     * @param result the value of the graph that it makes, and how the output lies in it
     */
    public record Ends(Operand query, Operand key, Operand value, Operand result) {
    }

    /**
     * What becomes of the products of queries and keys.
     *
     * @param scale   the constant part of the scale; NaN for 1/√d
     * @param factors values of one element that multiply or divide the logits
     * @param cap     c of c · tanh(logit / c), 0 for none
     * @param masks   what is done to the logits after that, in order
     * @param causal  a causal rule that the operator itself states
     * @param shapes  shape operands of Reshapes that the logits go through
     */
    public record Logits(double scale, List<Factor> factors, double cap, List<MaskTerm> masks, Causal causal,
            List<String> shapes) {
    }

    /**
     * What a softmax does.
     *
     * @param axis    the axis that it claims, to be checked against the number of dimensions; −1 if there is nothing to
     *                check
     * @param guarded whether a query that sees no key gets zeros, not NaN
     * @param sinks   the logit of a key of every head that has no value, (heads) or a column that spreads over the
     *                logits; the empty string for none
     */
    public record Softmax(int axis, boolean guarded, String sinks) {
    }

    /**
     * A factor of the logits that is computed by the graph.
     *
     * @param value   a value of one element
     * @param divides whether the logits are divided by it
     */
    public record Factor(String value, boolean divides) {
    }

    /**
     * A causal rule or a window.
     *
     * @param rule   NONE, LOWER_RIGHT (the last query stands at the last key) or UPPER_LEFT (the first at the first)
     * @param before keys that a query sees before the one it stands at, {@link #ALL} for no bound
     * @param after  keys that it sees after that
     * @param added  what is added to the logits of hidden keys, −∞ where they are left out
     */
    public record Causal(Rule rule, long before, long after, double added) {
        /** No bound. */
        public static final long ALL = Integer.MAX_VALUE;

        /** No rule. */
        public static final Causal NONE = new Causal(Rule.NONE, ALL, ALL, Double.NEGATIVE_INFINITY);

        static Causal rule(boolean lowerRight, double added) {
            return new Causal(lowerRight ? Rule.LOWER_RIGHT : Rule.UPPER_LEFT, ALL, 0, added);
        }

        /** How it is aligned. */
        public enum Rule {
            /** Every query sees every key. */
            NONE,
            /** Query i stands at key i + m − n. */
            LOWER_RIGHT,
            /** Query i stands at key i. */
            UPPER_LEFT
        }
    }
}
