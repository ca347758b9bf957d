/**
 * Kernel density estimation: sums of Gaussian, exponential or compact kernels over many points, exactly or to a
 * relative error with a stated probability of failure. Sums are natural logarithms throughout, so that nothing
 * overflows.
 *
 * <p>Start at {@link dev.kdeformer.kde.KernelDensity#builder}.
 */
package dev.kdeformer.kde;
