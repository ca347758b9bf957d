package dev.kdeformer.train;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.runtime.Team;
import jdk.incubator.vector.FloatVector;

/**
 * The middle of the gated MLP (Shazeer 2020, "GLU variants improve transformer"): h = g · σ(g) ∘ u, where a row holds
 * the gates g and then the values u.
 */
final class GatedUnit {
    private static final int ROWS = 64;

    private GatedUnit() {
    }

    /** h from rows of 2 · {@code hidden} elements. */
    static void forward(Team team, float[] gateUp, int rows, int hidden, float[] h) {
        team.forEach(Math.ceilDiv(rows, ROWS), (task, scratch) -> {
            for (int r = task * ROWS; r < Math.min(rows, (task + 1) * ROWS); r++) {
                int gate = 2 * r * hidden;
                for (int c = 0; c < hidden; c += LANES) {
                    FloatVector g = FloatVector.fromArray(FLOATS, gateUp, gate + c);
                    FloatVector u = FloatVector.fromArray(FLOATS, gateUp, gate + hidden + c);
                    g.mul(u).div(Exponential.of(g.neg()).add(1)).intoArray(h, r * hidden + c);
                }
            }
        });
    }

    /** Replaces gates and values by their gradients, given that of h. */
    static void backward(Team team, float[] gateUp, int rows, int hidden, float[] dh) {
        team.forEach(Math.ceilDiv(rows, ROWS), (task, scratch) -> {
            for (int r = task * ROWS; r < Math.min(rows, (task + 1) * ROWS); r++) {
                int gate = 2 * r * hidden;
                for (int c = 0; c < hidden; c += LANES) {
                    FloatVector g = FloatVector.fromArray(FLOATS, gateUp, gate + c);
                    FloatVector u = FloatVector.fromArray(FLOATS, gateUp, gate + hidden + c);
                    FloatVector d = FloatVector.fromArray(FLOATS, dh, r * hidden + c);
                    FloatVector s = FloatVector.broadcast(FLOATS, 1).div(Exponential.of(g.neg()).add(1));
                    FloatVector silu = g.mul(s);
                    // σ(g) + g σ(g) (1 − σ(g))
                    FloatVector slope = fma(silu.neg(), s, s.add(silu));
                    d.mul(u).mul(slope).intoArray(gateUp, gate + c);
                    d.mul(silu).intoArray(gateUp, gate + hidden + c);
                }
            }
        });
    }

    /** The scalar reference of {@link #forward}. */
    static void forwardScalar(float[] gateUp, int rows, int hidden, float[] h) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < hidden; c++) {
                double g = gateUp[2 * r * hidden + c];
                h[r * hidden + c] = (float) (g / (1 + Math.exp(-g)) * gateUp[(2 * r + 1) * hidden + c]);
            }
        }
    }
}
