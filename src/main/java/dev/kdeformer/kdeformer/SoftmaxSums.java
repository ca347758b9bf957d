package dev.kdeformer.kdeformer;

import dev.kdeformer.Engine;
import dev.kdeformer.kde.Estimator;
import dev.kdeformer.kde.KernelDensity;
import dev.kdeformer.kde.Target;
import dev.kdeformer.kde.WeightedExponentialDensity;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Tensor;

/** Sums of entries of one head's attention matrix by kernel density estimation, and what they cost. */
final class SoftmaxSums {
    private final Engine engine;
    private final double scale;
    private final Estimator estimator;
    private long seed;
    private double evaluations;
    private double relativeError;

    SoftmaxSums(Team team, double scale, Estimator estimator, long seed) {
        this.engine = Crews.within(team);
        this.scale = scale;
        this.estimator = estimator;
        this.seed = seed;
    }

    /**
     * Logarithms of Σ_j exp(logWeights_j + power·τ·⟨x, y_j⟩) for every x.
     *
     * @param points  (1, 1, m, d)
     * @param queries (1, 1, n, d)
     * @param failure of all sums together
     */
    double[] of(double power, Tensor points, double[] logWeights, Tensor queries, double error, double failure) {
        double[] logs = new double[queries.shape().rows()];
        double each = Math.max(1e-9, failure / queries.shape().rows());
        try (var density = new WeightedExponentialDensity(engine, power * scale, points, logWeights,
                new Target(error, each, seed), WeightedExponentialDensity.Factory.of(estimator))) {
            seed += density.classes();
            KernelDensity.Statistics statistics = density.query(engine, queries, logs);
            evaluations += statistics.evaluations() * logs.length;
            relativeError = density.relativeError();
        }
        return logs;
    }

    /** The relative error that the latest sums keep to. */
    double relativeError() {
        return relativeError;
    }

    /** Kernel evaluations of all sums so far. */
    double evaluations() {
        return evaluations;
    }
}
