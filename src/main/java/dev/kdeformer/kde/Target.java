package dev.kdeformer.kde;

/**
 * What an estimator has to reach.
 *
 * @param relativeError      the largest relative error
 * @param failureProbability the largest probability of a larger one
 * @param seed               what random choices follow from
 */
public record Target(double relativeError, double failureProbability, long seed) {
}
