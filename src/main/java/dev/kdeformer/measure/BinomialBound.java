package dev.kdeformer.measure;

/**
 * The lower bound of Clopper and Pearson (1934, "The use of confidence or fiducial limits illustrated in the case of
 * the binomial") for a proportion: exact for draws with replacement, and on the safe side for draws without.
 */
final class BinomialBound {
    private static final int HALVINGS = 60;

    private BinomialBound() {
    }

    /**
     * The least proportion that {@code hits} of {@code draws} are compatible with: with it, as many hits or more have
     * the probability {@code miss}.
     *
     * @param hits  0 to {@code draws}
     * @param draws at least 1
     * @param miss  the probability that the bound is too high, strictly between 0 and 1
     */
    static double lower(int hits, int draws, double miss) {
        if (hits == 0) {
            return 0;
        }
        double low = 0;
        double high = 1;
        for (int i = 0; i < HALVINGS; i++) {
            double middle = (low + high) / 2;
            if (atLeast(hits, draws, middle) < miss) {
                low = middle;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** The probability of {@code hits} or more. */
    static double atLeast(int hits, int draws, double proportion) {
        double sum = 0;
        double all = GammaDistribution.logGamma(draws + 1.0);
        for (int k = hits; k <= draws; k++) {
            sum += Math.exp(all - GammaDistribution.logGamma(k + 1.0) - GammaDistribution.logGamma(draws - k + 1.0)
                    + k * Math.log(proportion) + (draws - k) * Math.log1p(-proportion));
        }
        return Math.min(1, sum);
    }
}
