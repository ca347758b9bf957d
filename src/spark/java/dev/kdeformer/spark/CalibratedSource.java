package dev.kdeformer.spark;

import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Calibration;
import java.io.Serializable;

/**
 * Makes a calibrated method in every task, with the efforts of the heads that the task computes: a lambda such as
 * {@code (seed, efforts) -> Attention.pilot().budget(ErrorBudget.relativeSpectral(0.05)).calibration(efforts).build()}.
 */
@FunctionalInterface
public interface CalibratedSource extends Serializable {
    /** The method with a seed and efforts; the same ones have to give the same method everywhere. */
    AttentionMethod make(long seed, Calibration efforts);
}
