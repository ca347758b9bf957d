package dev.kdeformer.kde;

/** The ways to estimate a kernel density. */
public enum Estimator {
    /** Every pair, by the vector kernels of exact attention. Its error is rounding alone. */
    EXACT,

    /**
     * Stratified sampling with an empirical Bernstein bound as stopping rule. Needs of the order of 1 / (ε·μ) points,
     * μ being the sum as a part of the largest that the kernel and the weights allow; evaluates everything where that
     * is more than half the points.
     */
    UNIFORM,

    /** A tree of groups with moments and bounds. Its error bound always holds; pays in few dimensions. */
    TREE
}
