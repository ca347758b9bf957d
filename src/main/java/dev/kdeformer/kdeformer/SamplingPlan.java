package dev.kdeformer.kdeformer;

/**
 * With which probabilities keys are drawn, how often, and what error that guarantees.
 *
 * <p>Key j has the score q_j = β_j / ‖P‖² + ‖v_j‖² / ‖V‖², β_j being the squared norm of its column of P, and is drawn
 * with probability q_j / Q, Q = Σ q = srank(P) + srank(V). One drawn term of P·V divided by its probability is then at
 * most Q/2·‖P‖·‖V‖ in norm, its second moments at most Q·‖P‖²·‖V‖², and their traces together Q times as much; so the
 * mean of s terms is off by more than t·‖P‖·‖V‖ with a probability of at most
 * 4·Q·exp(−s·t²/2 / (Q + (Q/2 + 1)·t/3)). Where row sums have a relative error δ, ε = (t + δ) / (1 − δ).
 */
final class SamplingPlan {
    /** More draws than this are refused. */
    private static final long MOST = 1L << 27;

    private final double[] scores;
    private final double total;
    private final double sumsError;
    private final double failure;

    /**
     * A plan.
     *
     * @param scores    q_j; 0 for keys that do not count
     * @param sumsError δ
     * @param failure   the largest probability of a larger error
     */
    SamplingPlan(double[] scores, double sumsError, double failure) {
        this.scores = scores;
        this.sumsError = sumsError;
        this.failure = failure;
        double sum = 0;
        for (double score : scores) {
            sum += score;
        }
        this.total = sum;
    }

    double score(int key) {
        return scores[key];
    }

    double logProbability(int key) {
        return Math.log(scores[key] / total);
    }

    /**
     * Draws that guarantee ε.
     *
     * @throws IllegalArgumentException if there would be more than 2²⁷
     */
    long draws(double epsilon) {
        double t = epsilon * (1 - sumsError) - sumsError;
        double draws = Math.ceil(2 / (t * t) * (total + (total / 2 + 1) * t / 3) * logarithm());
        if (!(draws <= MOST)) {
            throw new IllegalArgumentException(String.format(java.util.Locale.ROOT, "epsilon must be large enough for"
                    + " %d draws, got %s, which needs %.3g (stable ranks of the softmax matrix and the values: %.4g"
                    + " together)", MOST, epsilon, draws, total));
        }
        return (long) draws;
    }

    /** The ε that a number of draws guarantees. */
    double epsilon(long draws) {
        double linear = (total / 2 + 1) / 3 * logarithm();
        double t = (linear + Math.sqrt(linear * linear + 2 * draws * total * logarithm())) / draws;
        return (t + sumsError) / (1 - sumsError);
    }

    private double logarithm() {
        return Math.log(4 * Math.max(1, total) / failure);
    }
}
