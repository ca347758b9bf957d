package dev.kdeformer.spark;

import dev.kdeformer.kde.DensityBuilder;
import java.io.Serializable;

/**
 * Makes the options of a density in every task, a lambda such as {@code seed -> KernelDensity.builder()
 * .kernel(Kernel.gaussian(0.3)).estimator(Estimator.TREE).seed(seed)}. Weights come from the data set.
 */
@FunctionalInterface
public interface DensitySource extends Serializable {
    /** The options with a seed; the same seed has to give the same options everywhere. */
    DensityBuilder make(long seed);
}
