package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

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
    private final float[] row;
    /** Σ w c along each direction, of the group at hand. */
    private final float[] components = new float[PrincipalSubspace.MOST];
    /** Σ w c v along each direction, of the group at hand. */
    private final float[] products;
    private float top;
    private int rank;
    /** First folded key of the group at hand, and the next to add. */
    private int from;
    private int next;

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
        this.row = new float[stride];
        this.products = new float[PrincipalSubspace.MOST * valueStride];
    }

    /**
     * Starts to sum the folded keys of a node, which are in group order. The products are with the deviations of the
     * values from their mean in the group.
     *
     * @param exponent   what the weights are relative to
     * @param directions number of them that the tilt has
     */
    void begin(NodeScratch node, float exponent, int directions) {
        top = exponent;
        rank = directions;
        from = 0;
        next = 0;
        Arrays.fill(mass, 0);
        Arrays.fill(keys, 0);
        Arrays.fill(squares, 0);
        Arrays.fill(values, 0);
        Arrays.fill(tilt, 0);
        Arrays.fill(whole, 0);
        // Sets beyond the rank must not hold what another method left.
        Arrays.fill(node.foldedComponents, rank * node.capacity, node.foldedComponents.length, 0);
    }

    /** Adds the next folded keys of a group, those before the key {@code end}. */
    void add(KeyGroups all, NodeScratch node, int group, int end) {
        int to = next;
        while (to < node.foldedCount && node.folded[to] < end) {
            to++;
        }
        if (to > next) {
            FoldKernel.moments(all.keys(), node, next, to, keys, squares, group * stride);
            if (rank > 0 && whole.length == 0) {
                mass[group] = FoldKernel.masses(node, next, to, mass[group], components);
                FoldKernel.products(all.values(), node, next, to, values, group * valueStride, products);
            } else {
                mass[group] = FoldKernel.mass(node.foldedWeights, next, to, mass[group]);
                FoldKernel.sum(all.values(), node.folded, node.foldedWeights, next, to, values, group * valueStride);
            }
        }
        next = to;
    }

    /** Ends a group: its products become those with deviations. */
    void close(KeyGroups all, NodeScratch node, int group) {
        if (next > from) {
            for (int r = 0; r < rank && whole.length == 0; r++) {
                float mean = -(components[r] / mass[group]);
                FloatVector n = FloatVector.broadcast(FLOATS, mean);
                for (int v = 0; v < valueStride; v += LANES) {
                    int at = r * valueStride + v;
                    FloatVector.fromArray(FLOATS, tilt, at).add(n.fma(FloatVector.fromArray(FLOATS, values,
                            group * valueStride + v), FloatVector.fromArray(FLOATS, products, at))).intoArray(tilt, at);
                }
            }
            multiply(all, node, group);
            Arrays.fill(components, 0);
            Arrays.fill(products, 0);
        }
        from = next;
    }

    /** Adds Σ w (v − ν) k over the folded keys of a group, a row for each feature of the values. */
    private void multiply(KeyGroups all, NodeScratch node, int group) {
        for (int v = 0; v < whole.length / stride; v++) {
            float mean = values[group * valueStride + v] / mass[group];
            for (int j = from; j < next; j++) {
                node.products[j] = node.foldedWeights[j] * (all.values().get(node.folded[j], v) - mean);
            }
            Arrays.fill(row, 0);
            FoldKernel.sum(all.keys(), node.folded, node.products, from, next, row, 0);
            FarField.addTimes(row, 0, 1, whole, v * stride, stride);
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
