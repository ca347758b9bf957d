package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.STRIDE;

import java.util.Arrays;

/**
 * Sums over the keys that a node folds away, per group and relative to one exponent: mass, keys, squared keys, values,
 * and the products of values with the keys' components along the node's directions. Kept per thread.
 */
final class Fold {
    private final int groups;
    private final int d;
    private final int stride;
    private final int valueStride;
    private final float[] mass;
    private final float[] keys;
    private final float[] squares;
    private final float[] values;
    private final float[] tilt;
    private float top;

    Fold(int groups, int d, int stride, int valueStride) {
        this.groups = groups;
        this.d = d;
        this.stride = stride;
        this.valueStride = valueStride;
        this.mass = new float[groups];
        this.keys = new float[groups * stride];
        this.squares = new float[groups * stride];
        this.values = new float[groups * valueStride];
        this.tilt = new float[PrincipalSubspace.MOST * valueStride];
    }

    /**
     * Sums the folded keys of a node, which are in group order.
     *
     * @param exponent what the weights are relative to
     */
    void sum(KeyGroups all, NodeScratch node, int count, float exponent, int rank) {
        top = exponent;
        Arrays.fill(mass, 0);
        Arrays.fill(keys, 0);
        Arrays.fill(squares, 0);
        Arrays.fill(values, 0);
        Arrays.fill(tilt, 0);
        // Sets beyond the rank must not hold what another method left.
        Arrays.fill(node.components, rank * node.capacity, node.components.length, 0);
        int from = 0;
        for (int g = 0; g < groups; g++) {
            int end = all.starts()[g + 1];
            int to = from;
            float sum = 0;
            while (to < count && node.folded[to] < end) {
                sum += node.weights[node.positions[to++]];
            }
            mass[g] = sum;
            if (sum > 0) {
                FoldKernel.moments(all.keys(), node, from, to, keys, squares, g * stride);
                FoldKernel.tilted(all.values(), node, from, to, values, g * valueStride, tilt);
                removeMeans(g, node.subspace.directions(), rank);
            }
            from = to;
        }
    }

    /** Σ w (v − ν)(u·k − u·κ) = Σ w v (u·k) − (Σ w v)(Σ w u·k) / Σ w, group by group. */
    private void removeMeans(int g, float[] directions, int rank) {
        for (int r = 0; r < rank; r++) {
            float dot = 0;
            for (int c = 0; c < d; c++) {
                dot += directions[r * STRIDE + c] * keys[g * stride + c];
            }
            dot /= mass[g];
            for (int v = 0; v < valueStride; v++) {
                tilt[r * valueStride + v] -= dot * values[g * valueStride + v];
            }
        }
    }

    float top() {
        return top;
    }

    float mass(int group) {
        return mass[group];
    }

    float[] keys() {
        return keys;
    }

    float[] squares() {
        return squares;
    }

    float[] values() {
        return values;
    }

    float[] tilt() {
        return tilt;
    }
}
