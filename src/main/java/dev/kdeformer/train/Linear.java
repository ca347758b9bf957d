package dev.kdeformer.train;

import dev.kdeformer.runtime.Team;
import java.lang.foreign.Arena;

/** A linear layer without bias, y = x · W with W (inputs × outputs), and its weights packed for both directions. */
final class Linear {
    private final Parameter weight;
    private final Panels forward;
    private final Panels backward;

    Linear(Parameter weight, Arena arena) {
        this.weight = weight;
        this.forward = Panels.allocate(arena, weight.rows(), weight.columns());
        this.backward = Panels.allocate(arena, weight.columns(), weight.rows());
    }

    /** Packs the weights anew, after they have changed. */
    void pack() {
        forward.pack(weight.value(), 0, 0, weight.rows());
        backward.packTransposed(weight.value());
    }

    /** y = x · W. */
    void apply(Team team, float[] x, int rows, float[] y) {
        MatrixProduct.multiply(team, x, rows, forward, y);
    }

    /** y += x · W. */
    void add(Team team, float[] x, int rows, float[] y) {
        MatrixProduct.multiplyAdd(team, x, rows, forward, y);
    }

    /** y = x · Wᵀ. */
    void applyTransposed(Team team, float[] x, int rows, float[] y) {
        MatrixProduct.multiply(team, x, rows, backward, y);
    }

    /** y += x · Wᵀ. */
    void addTransposed(Team team, float[] x, int rows, float[] y) {
        MatrixProduct.multiplyAdd(team, x, rows, backward, y);
    }

    /** Adds xᵀ · dY to the gradient of the weights. */
    void addGradient(Team team, float[] x, float[] dy, int rows) {
        MatrixProduct.addOuter(team, x, weight.rows(), dy, weight.columns(), rows, weight.gradient());
    }

}
