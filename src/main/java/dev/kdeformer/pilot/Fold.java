package dev.kdeformer.pilot;

import java.util.Arrays;

/**
 * Sums over the keys that a node folds away, per group and relative to one exponent: mass, keys, squared keys, values,
 * and the products of values with the keys' components along the node's directions. Kept per thread.
 */
final class Fold {
    private final int groups;
    private final int stride;
    private final int valueStride;
    private final float[] mass;
    private final float[] keys;
    private final float[] squares;
    private final float[] values;
    private final float[] tilt;
    private float top;

    Fold(int groups, int stride, int valueStride) {
        this.groups = groups;
        this.stride = stride;
        this.valueStride = valueStride;
        this.mass = new float[groups];
        this.keys = new float[groups * stride];
        this.squares = new float[groups * stride];
        this.values = new float[groups * valueStride];
        this.tilt = new float[PrincipalSubspace.MOST * valueStride];
    }

    /**
     * Sums the folded keys of a node, which are in group order. The products are with the deviations of the values from
     * their mean in the group.
     *
     * @param exponent what the weights are relative to
     */
    void sum(KeyGroups all, NodeScratch node, float exponent, int rank) {
        top = exponent;
        Arrays.fill(mass, 0);
        Arrays.fill(keys, 0);
        Arrays.fill(squares, 0);
        Arrays.fill(values, 0);
        Arrays.fill(tilt, 0);
        // Sets beyond the rank must not hold what another method left.
        Arrays.fill(node.foldedComponents, rank * node.capacity, node.foldedComponents.length, 0);
        int from = 0;
        for (int g = 0; g < groups; g++) {
            int end = all.starts()[g + 1];
            int to = from;
            while (to < node.foldedCount && node.folded[to] < end) {
                to++;
            }
            if (to > from) {
                FoldKernel.moments(all.keys(), node, from, to, keys, squares, g * stride);
                mass[g] = rank > 0
                        ? FoldKernel.tilted(all.values(), node, from, to, values, g * valueStride, tilt)
                        : FoldKernel.sum(all.values(), node, from, to, values, g * valueStride);
            }
            from = to;
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
