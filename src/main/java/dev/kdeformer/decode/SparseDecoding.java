package dev.kdeformer.decode;

import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Tensor;

/**
 * Approximate decoding that reads a small part of a long, indexed {@link KeyValueCache}. Every group of 32 similar keys
 * is scored by its summary: from the logit of the mean key and the variance of the logits within the group, its mass is
 * expected to be 32·exp(mean + ½ variance), or that of its largest key where the variance is large, and its error, if
 * the summary stood for it, proportional to mass²·(exp(variance) − 1). Groups with the largest expected error are read
 * exactly, all others are counted with their expected mass and their mean value, moved in proportion to the variance by
 * how values go with keys. The youngest keys are always read.
 *
 * <p>An immutable value. The error is estimated from the same variances and from what the groups that were read say
 * of them (see {@link Statistics#predictedError}), which costs next to nothing, and can be checked on some of the
 * groups that were not read ({@link Builder#checks}).
 */
public final class SparseDecoding {
    private final double budget;
    private final double target;
    private final int checks;
    private final long seed;

    private SparseDecoding(Builder builder) {
        this.budget = builder.budget;
        this.target = builder.target;
        this.checks = builder.checks;
        this.seed = builder.seed;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * What a call did and how good it expects to be, as means over all queries of all heads.
     *
     * @param keysRead       keys read exactly
     * @param bytesRead      bytes of keys, values and summaries that were read, as a part of the bytes of all keys and
     *                       values; what checks read included
     * @param predictedError the expected ‖õ − o‖ relative to ‖õ‖, root mean square: from the summaries of the groups
     *                       that were not read, and from how far those of some that were read are off. On most real
     *                       activations tried it was 0.8 to 2.6 times the error, 4.8 times at worst. No bound: a key
     *                       that sticks out of its group further than the spread of the group says makes the error
     *                       larger and shows in no summary
     * @param checkedError   an unbiased estimate of its square, as a root, from groups that were not meant to be read,
     *                       or NaN without checks; a noisy figure, which leans high for a call of few queries
     */
    public record Statistics(double keysRead, double bytesRead, double predictedError, double checkedError) {
    }

    /**
     * Attention of the queries to all keys, approximately. As exact decoding otherwise.
     *
     * @param query     (batch, heads, n, d), n ≤ 64, heads a multiple of kvHeads
     * @param output    receives (batch, heads, n, d_v); must not overlap the query
     * @param logSumExp receives (batch, heads, n, 1), an estimate, or null
     * @param scale     the factor before the logits
     * @throws IllegalArgumentException if a shape does not fit, memory overlaps, an element is not finite, or the
     *                                  logits might leave float32; nothing is written then
     * @throws IllegalStateException    if the cache keeps no index, or the cache, an arena or the engine is closed
     * @throws java.util.concurrent.CancellationException if the calling thread is interrupted
     * @see KeyValueCache#decode(Engine, Tensor, Tensor, Tensor, float)
     */
    public Statistics apply(Engine engine, KeyValueCache cache, Tensor query, Tensor output, Tensor logSumExp,
            float scale) {
        return apply(engine, cache, CacheQuery.of(query).withScale(scale), output, logSumExp);
    }

    /**
     * The same for queries with sinks; another mask than the default, a bias per pair or a soft cap is refused, since
     * summaries of groups say nothing of them.
     *
     * @throws IllegalArgumentException if the query has a mask, bias or soft cap; otherwise as above
     * @see #apply(Engine, KeyValueCache, Tensor, Tensor, Tensor, float)
     */
    public Statistics apply(Engine engine, KeyValueCache cache, CacheQuery query, Tensor output, Tensor logSumExp) {
        if (!cache.isIndexed()) {
            throw new IllegalStateException("the cache keeps no index; make it with createIndexed");
        }
        if (!query.isPlain()) {
            throw new IllegalArgumentException("approximate decoding takes no mask but the causal one, no bias per pair"
                    + " and no soft cap, got " + (query.pairBias() != null ? "a bias per pair"
                            : query.softCap() > 0 ? "soft cap " + query.softCap() : query.mask().toString())
                    + "; decode exactly");
        }
        return cache.run(engine, query, output, logSumExp, call -> new SparseDecoder(call, this).run());
    }

    double budget() {
        return budget;
    }

    double target() {
        return target;
    }

    int checks() {
        return checks;
    }

    long seed() {
        return seed;
    }

    /** Options of approximate decoding. */
    public static final class Builder {
        private double budget = 0.1;
        private double target;
        private int checks;
        private long seed = 1;

        private Builder() {
        }

        /**
         * The largest part of the cache's bytes that a query may read, summaries included; 0.1 unless told. Summaries
         * and youngest keys are read even if they take more.
         *
         * @throws IllegalArgumentException if it is not in (0, 1]
         */
        public Builder budget(double part) {
            if (!(part > 0 && part <= 1)) {
                throw new IllegalArgumentException("budget must be above 0 and at most 1, got " + part);
            }
            budget = part;
            return this;
        }

        /**
         * Read until the predicted relative error of a query is at most this, as far as the budget goes; 0, unless
         * told, spends the budget. See {@link Statistics#predictedError} for what the prediction assumes.
         *
         * @throws IllegalArgumentException if it is negative or not finite
         */
        public Builder targetError(double error) {
            if (!(error >= 0 && error < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("targetError must be at least 0, got " + error);
            }
            target = error;
            return this;
        }

        /**
         * Groups per query to check the prediction on; 0 unless told.
         *
         * @throws IllegalArgumentException if it is neither 0 nor between 2 and 1,024
         */
        public Builder checks(int groups) {
            if (groups < 0 || groups == 1 || groups > 1024) {
                throw new IllegalArgumentException("checks must be 0 or between 2 and 1024, got " + groups);
            }
            checks = groups;
            return this;
        }

        /** Seed of the choice of groups to check; 1 unless told. */
        public Builder seed(long newSeed) {
            seed = newSeed;
            return this;
        }

        /** The method. */
        public SparseDecoding build() {
            return new SparseDecoding(this);
        }
    }
}
