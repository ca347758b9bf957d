package dev.kdeformer.kde;

/** The ways to estimate a kernel density. */
public enum Estimator {
    /**
     * Every pair, by the vector kernels of exact attention where the kernel is a Gaussian or an exponential. Its error
     * is rounding alone.
     */
    EXACT,

    /**
     * Stratified sampling with an empirical Bernstein bound as stopping rule. Needs of the order of 1 / (ε·μ) points,
     * μ being the sum as a part of the largest that the kernel and the weights allow; evaluates everything where that
     * is more than half the points.
     */
    UNIFORM,

    /**
     * Hashing-based estimator: points that share a hash bucket with the query, weighted by the inverse of the
     * probability that they do. Needs of the order of 1 / (ε²·√μ) tables, and pays where there are very many points
     * and the target is coarse; evaluates everything where 1,024 tables do not suffice. The variance that decides is
     * itself an estimate, so the stated probability is not a theorem here. Exponential kernels go through
     * {@link WeightedExponentialDensity}; other kernels than these two are not taken.
     */
    HASHING,

    /** A tree of groups with moments, or balls, and bounds. Its error bound always holds; pays in few dimensions. */
    TREE
}
