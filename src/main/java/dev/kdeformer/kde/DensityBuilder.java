package dev.kdeformer.kde;

import dev.kdeformer.Engine;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Objects;

/** Options of a {@link KernelDensity}. */
public final class DensityBuilder {
    /** Below so many points no estimator is cheaper than the sum itself. */
    private static final int FEW = 256;

    private Kernel kernel = Kernel.gaussian(1);
    private Estimator estimator = Estimator.EXACT;
    private double relativeError = 0.1;
    private double failureProbability = 0.05;
    private long seed = 1;
    private double[] logWeights;

    DensityBuilder() {
    }

    /** Sets the kernel; Gaussian of bandwidth 1 without it. */
    public DensityBuilder kernel(Kernel newKernel) {
        kernel = Objects.requireNonNull(newKernel, "kernel");
        return this;
    }

    /** How sums are estimated; exactly without it. */
    public DensityBuilder estimator(Estimator newEstimator) {
        estimator = Objects.requireNonNull(newEstimator, "estimator");
        return this;
    }

    /**
     * Sets the largest relative error of an estimate; 0.1 without it. Exact sums are as exact as they are.
     *
     * @throws IllegalArgumentException if it is not between 0.0001 and 0.9
     */
    public DensityBuilder relativeError(double newRelativeError) {
        if (!(newRelativeError >= 0.0001 && newRelativeError <= 0.9)) {
            throw new IllegalArgumentException("relativeError must be between 0.0001 and 0.9, got "
                    + newRelativeError);
        }
        relativeError = newRelativeError;
        return this;
    }

    /**
     * Sets the largest probability that an estimate is off by more; 0.05 without it. Some estimators never fail.
     *
     * @throws IllegalArgumentException if it is not between 1e-15 and 0.5
     */
    public DensityBuilder failureProbability(double newFailureProbability) {
        if (!(newFailureProbability >= 1e-15 && newFailureProbability <= 0.5)) {
            throw new IllegalArgumentException("failureProbability must be between 1e-15 and 0.5, got "
                    + newFailureProbability);
        }
        failureProbability = newFailureProbability;
        return this;
    }

    /** What random choices follow from; 1 without it. */
    public DensityBuilder seed(long newSeed) {
        seed = newSeed;
        return this;
    }

    /**
     * Sets a weight for each point; all 1 without it.
     *
     * @throws IllegalArgumentException if a weight is negative or not finite
     */
    public DensityBuilder weights(double... weights) {
        double[] logs = new double[Objects.requireNonNull(weights, "weights").length];
        for (int j = 0; j < logs.length; j++) {
            if (!(weights[j] >= 0 && weights[j] < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("weights must be finite and not negative, got " + weights[j]
                        + " for point " + j);
            }
            logs[j] = Math.log(weights[j]);
        }
        logWeights = logs;
        return this;
    }

    /**
     * Sets the natural logarithm of a weight for each point, −∞ for none, where the weights themselves might overflow.
     *
     * @throws IllegalArgumentException if one is NaN or +∞
     */
    public DensityBuilder logWeights(double... logs) {
        for (int j = 0; j < Objects.requireNonNull(logs, "logWeights").length; j++) {
            if (!(logs[j] < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("logWeights must be finite or -Infinity, got " + logs[j]
                        + " for point " + j);
            }
        }
        logWeights = logs.clone();
        return this;
    }

    /**
     * Builds the structure that the estimator needs.
     *
     * @param engine threads
     * @param points (1, 1, n, d); copied
     * @throws IllegalArgumentException if the points do not have such a shape, one is not finite, there is not one
     *                                  weight for each and at least one positive, or the estimator does not take the
     *                                  kernel
     * @throws IllegalStateException    if the engine or the points' arena is closed
     */
    public KernelDensity build(Engine engine, Tensor points) {
        Objects.requireNonNull(engine, "engine");
        Matrix matrix = single("points", points);
        if (matrix.rows() == 0 || matrix.columns() == 0) {
            throw new IllegalArgumentException("points must have at least 1 row and 1 column, got " + points.shape());
        }
        if (estimator == Estimator.HASHING && kernel.isRadial() && !kernel.isGaussian()) {
            throw new IllegalArgumentException("estimator HASHING takes the kernels GAUSSIAN and EXPONENTIAL, got "
                    + kernel.form());
        }
        Target target = new Target(relativeError, failureProbability, seed);
        if (estimator == Estimator.HASHING && !kernel.isRadial() && matrix.rows() > FEW) {
            return new WeightedExponentialDensity(engine, kernel.parameter(), points, logWeights, target,
                    WeightedExponentialDensity.Factory.of(estimator));
        }
        Team team = Crews.begin(engine);
        try {
            return build(team, Points.of(kernel, matrix, logWeights), target);
        } finally {
            Crews.end(engine, team);
        }
    }

    private KernelDensity build(Team team, Points points, Target target) {
        if (points.count() <= FEW) {
            return ExactSums.of(team, points);
        }
        return switch (estimator) {
            case EXACT -> ExactSums.of(team, points);
            case UNIFORM -> new UniformDensity(team, points, target);
            case HASHING -> new HashingDensity(team, points, target);
            case TREE -> new TreeDensity(team, points, target);
        };
    }

    /** The only head of a tensor. */
    static Matrix single(String name, Tensor tensor) {
        Shape shape = Objects.requireNonNull(tensor, name).shape();
        if (shape.batch() != 1 || shape.heads() != 1) {
            throw new IllegalArgumentException(name + " must have shape (1, 1, n, d), got " + shape);
        }
        return tensor.matrix(0, 0);
    }
}
