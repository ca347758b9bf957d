package dev.kdeformer.kde;

import dev.kdeformer.Engine;
import dev.kdeformer.tensor.Tensor;

/**
 * Weighted sums of a kernel over n fixed points: f(x) = Σ_j w_j K(x, y_j), for any number of queries x. Made once by a
 * {@link #builder}, then asked as often as wanted, from any thread; to be closed at the end, which frees its memory.
 *
 * <pre>{@code
 * try (KernelDensity density = KernelDensity.builder().kernel(Kernel.gaussian(0.3)).estimator(Estimator.TREE)
 *         .relativeError(0.05).build(engine, points)) {
 *     double[] logSums = new double[queries.shape().rows()];
 *     density.query(engine, queries, logSums);
 * }
 * }</pre>
 *
 * <p>For each single query the estimate lies within 1 ± {@link #relativeError} of the sum with a probability of at
 * least 1 − {@link #failureProbability} over the seeds. Estimates of different queries share their random choices. The
 * same seed gives the same bits on any number of threads, and the same up to rounding however queries are cut into
 * batches.
 */
public interface KernelDensity extends AutoCloseable {
    /** Starts a builder. */
    static DensityBuilder builder() {
        return new DensityBuilder();
    }

    /** Returns the kernel. */
    Kernel kernel();

    /** Returns the number of points of positive weight. */
    int points();

    /** Features d of points and queries. */
    int features();

    /** Returns the natural logarithm of the sum of the points' weights. */
    double logWeight();

    /** Returns the largest relative error. */
    double relativeError();

    /** Returns the largest probability that a query's error exceeds {@link #relativeError}; 0 if it cannot. */
    double failureProbability();

    /**
     * Estimates the sums at queries.
     *
     * @param engine  threads
     * @param queries (1, 1, n, d)
     * @param logSums receives the natural logarithm of the estimate of f at each of the n queries
     * @return what was done
     * @throws IllegalArgumentException if the shapes do not fit or a query is not finite
     * @throws IllegalStateException    if this density, the engine or the queries' arena is closed
     */
    Statistics query(Engine engine, Tensor queries, double[] logSums);

    /**
     * Estimates the density at queries: the sums divided by the weights' sum and by the kernel's integral, so that the
     * density's own integral is 1.
     *
     * @param logDensities receives the natural logarithm at each of the n queries, −∞ where no point is in reach
     * @throws IllegalArgumentException also if the kernel is no function of the distance
     * @see #query
     */
    default Statistics queryDensity(Engine engine, Tensor queries, double[] logDensities) {
        double log = logWeight() + kernel().logIntegral(features());
        Statistics statistics = query(engine, queries, logDensities);
        for (int i = 0; i < logDensities.length; i++) {
            logDensities[i] -= log;
        }
        return statistics;
    }

    /** Waits for queries that run and frees the memory. Later queries throw {@link IllegalStateException}. */
    @Override
    void close();

    /**
     * What a batch of queries took.
     *
     * @param evaluations kernel evaluations per query, the mean; other work of d multiply-adds, such as a projection
     *                    for a hash or the bound of a group, counts as one too
     * @param exact       the part of the queries, from 0 to 1, that were evaluated at every point
     */
    record Statistics(double evaluations, double exact) {
    }
}
