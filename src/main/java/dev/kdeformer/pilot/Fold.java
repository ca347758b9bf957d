package dev.kdeformer.pilot;

import java.util.Arrays;

/**
 * Sums over the keys that a node folds away, per group and relative to one exponent: mass, keys, squared keys, values,
 * and the products of values with the keys' components along the node's directions, or with whole keys where values
 * have few features. Kept per thread.
 */
final class Fold {
    /** Most features of values whose products with all features of the keys are cheap. */
    static final int FEW = 4;

    private final int groups;
    private final int stride;
    private final int valueStride;
    private final float[] mass;
    private final float[] keys;
    private final float[] squares;
    private final float[] values;
    private final float[] tilt;
    private final float[] whole;
    private final float[] products;
    private float top;

    /**
     * @param wholeFeatures features of the values where their tilt is taken along all directions, 0 where along some
     */
    Fold(int groups, int stride, int valueStride, int wholeFeatures) {
        this.groups = groups;
        this.stride = stride;
        this.valueStride = valueStride;
        this.mass = new float[groups];
        this.keys = new float[groups * stride];
        this.squares = new float[groups * stride];
        this.values = new float[groups * valueStride];
        this.tilt = new float[PrincipalSubspace.MOST * valueStride];
        this.whole = new float[wholeFeatures * stride];
        this.products = new float[stride];
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
        Arrays.fill(whole, 0);
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
                mass[g] = rank > 0 && whole.length == 0
                        ? FoldKernel.tilted(all.values(), node, from, to, values, g * valueStride, tilt)
                        : FoldKernel.sum(all.values(), node.folded, node.foldedWeights, from, to, values,
                        g * valueStride);
                multiply(all, node, from, to, g);
            }
            from = to;
        }
    }

    /** Adds Σ w (v − ν) k over the folded keys of a group, a row for each feature of the values. */
    private void multiply(KeyGroups all, NodeScratch node, int from, int to, int group) {
        for (int v = 0; v < whole.length / stride; v++) {
            float mean = values[group * valueStride + v] / mass[group];
            for (int j = from; j < to; j++) {
                node.products[j] = node.foldedWeights[j] * (all.values().get(node.folded[j], v) - mean);
            }
            FoldKernel.sum(all.keys(), node.folded, node.products, from, to, products, 0);
            FarField.addTimes(products, 0, 1, whole, v * stride, stride);
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

    /** Products of values with whole keys, a row for each feature of the values; empty without them. */
    float[] whole() {
        return whole;
    }
}
