package dev.kdeformer.decode;

import dev.kdeformer.Engine;
import dev.kdeformer.measure.CheckedRows;
import dev.kdeformer.tensor.Tensor;

/**
 * Approximate decoding that reads a small part of a long, indexed {@link KeyValueCache}. Every group of 32 similar keys
 * is scored by its summary: from the logit of the mean key and the variance of the logits within the group, its mass is
 * expected to be 32·exp(mean + ½ variance), or that of its largest key where the variance is large, and its error, if
 * the summary stood for it, proportional to mass²·(exp(variance) − 1). Groups with the largest expected error are read
 * exactly, all others are counted with their expected mass and their mean value, moved in proportion to the variance by
 * how values go with keys. The youngest keys are always read.
 *
 * <p>An immutable value. The error is predicted from the same variances and from what the groups that were read last
 * say of them (see {@link Statistics#predictedError}), which costs next to nothing. A prediction is no bound; for one,
 * some of the rows are decoded exactly as well ({@link Builder#checks}).
 */
public final class SparseDecoding {
    private final double budget;
    private final double target;
    private final double checks;
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
     * @param predictedError the expected ‖õ − o‖ relative to ‖o‖, root mean square: from the summaries of the groups
     *                       that were not read, and from how far those of some that were read are off. On most real
     *                       activations tried it was within a factor of two of the error, 5.8 times at worst. It is no
     *                       bound: a key that sticks out of its group further than the spread of the group says makes
     *                       the error larger and shows in no summary
     * @param checked        the errors of the rows that were decoded exactly as well; none without checks. Those of
     *                       several calls add up ({@link CheckedRows#plus}); {@link CheckedRows#partWithin} says
     *                       how many of all rows keep an error, such as the largest of those
     */
    public record Statistics(double keysRead, double bytesRead, double predictedError, CheckedRows checked) {
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
     * Does the same for queries with sinks; another mask than the default, a bias per pair or a soft cap is refused,
     * since summaries of groups say nothing of them.
     *
     * @throws IllegalArgumentException if the query has a mask, bias or soft cap; otherwise as above
     * @throws IllegalStateException    if the cache keeps no index; otherwise as above
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

    double checks() {
        return checks;
    }

    long seed() {
        return seed;
    }

    /** Options of approximate decoding. */
    public static final class Builder {
        private double budget = 0.1;
        private double target;
        private double checks;
        private long seed = 1;

        private Builder() {
        }

        /**
         * Sets the largest part of the cache's bytes that a query may read, summaries included; 0.1 unless told.
         * Summaries and youngest keys are read even if they take more. With 1 all keys may be read, and without a
         * target are: the output is then exact, and costs its summaries besides.
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
         * Read until a query's relative error seems to be at most this, as far as the budget goes; 0, unless told,
         * spends the budget. A query stops where its predicted error is within the target and so is the error by 32
         * groups that are drawn at random from those that were not read. Where the budget does not suffice,
         * {@link Statistics#predictedError} lies above the target; a budget of 1 always suffices. A checked row that
         * misses the target gets its exact output.
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
         * Sets the part of the rows, a query of one head each, that are decoded exactly as well, drawn at random one by
         * one; 0 unless told. Each costs what exact decoding of it costs. {@link Statistics#checked} has their errors.
         *
         * @throws IllegalArgumentException if it is not in [0, 1]
         */
        public Builder checks(double part) {
            if (!(part >= 0 && part <= 1)) {
                throw new IllegalArgumentException("checks must be at least 0 and at most 1, got " + part);
            }
            checks = part;
            return this;
        }

        /** Sets the seed of the choice of rows to check and of groups that are drawn; 1 unless told. */
        public Builder seed(long newSeed) {
            seed = newSeed;
            return this;
        }

        /** Makes the method. */
        public SparseDecoding build() {
            return new SparseDecoding(this);
        }
    }
}
