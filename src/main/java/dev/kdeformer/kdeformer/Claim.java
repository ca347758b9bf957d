package dev.kdeformer.kdeformer;

import java.util.Locale;

/**
 * The error bound that one head's output comes with.
 *
 * @param epsilon  ε
 * @param matrix   a lower bound of ‖P‖
 * @param values   ‖V‖
 * @param draws    keys drawn
 * @param distinct different ones among them
 * @param keys     visible keys
 */
record Claim(double epsilon, double matrix, double values, long draws, int distinct, int keys) {
    /** A head that sees no key: its output is exact. */
    static final Claim NONE = new Claim(0, 0, 0, 0, 0, 0);

    /** ε·‖P‖·‖V‖, never more than that. */
    double bound() {
        return epsilon * matrix * values;
    }

    String sentence(int heads, double failure) {
        if (keys == 0) {
            return "";
        }
        return String.format(Locale.ROOT, "operator norm of the error at most ε·‖P‖·‖V‖ = %.3g·%.3g·%.3g = %.3g%s with"
                + " probability %s: %d draws of %d keys, %d of them different", epsilon, matrix, values, bound(),
                heads == 1 ? "" : " in the worst of " + heads + " heads", Math.round((1 - failure) * 1e6) / 1e6, draws,
                keys, distinct);
    }
}
