package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * What a node folds away, per group and relative to one exponent: the mass of the keys, and their mean key, mean square
 * and mean value. Kept per thread.
 */
final class Fold {
    private final int stride;
    private final int valueStride;
    private final float[] mass;
    private final float[] keys;
    private final float[] squares;
    private final float[] values;
    private float top;
    /** The next folded key to add. */
    private int next;

    Fold(int groups, int stride, int valueStride) {
        this.stride = stride;
        this.valueStride = valueStride;
        this.mass = new float[groups];
        this.keys = new float[groups * stride];
        this.squares = new float[groups * stride];
        this.values = new float[groups * valueStride];
    }

    /**
     * Starts to sum up the folded keys of a node, which are in group order.
     *
     * @param exponent what the weights are relative to
     */
    void begin(float exponent) {
        top = exponent;
        next = 0;
        Arrays.fill(mass, 0);
        Arrays.fill(keys, 0);
        Arrays.fill(squares, 0);
        Arrays.fill(values, 0);
    }

    /** Adds the next folded keys of a group, those before the key {@code end}. */
    void add(KeyGroups all, NodeScratch node, int group, int end) {
        int to = next;
        while (to < node.foldedCount && node.folded[to] < end) {
            to++;
        }
        if (to > next) {
            mass[group] = FoldKernel.mass(node.foldedWeights, next, to, mass[group]);
            FoldKernel.moments(all.keys(), node, next, to, keys, squares, group * stride);
            FoldKernel.sum(all.values(), node.folded, node.foldedWeights, next, to, values, group * valueStride);
        }
        next = to;
    }

    /** Ends a group: its sums become means. */
    void close(int group) {
        float scale = mass[group] > 0 ? 1 / mass[group] : 0;
        for (int c = group * stride; c < (group + 1) * stride; c += LANES) {
            FloatVector.fromArray(FLOATS, keys, c).mul(scale).intoArray(keys, c);
            FloatVector.fromArray(FLOATS, squares, c).mul(scale).intoArray(squares, c);
        }
        for (int c = group * valueStride; c < (group + 1) * valueStride; c += LANES) {
            FloatVector.fromArray(FLOATS, values, c).mul(scale).intoArray(values, c);
        }
    }

    /** What masses are relative to, as an exponent. */
    float top() {
        return top;
    }

    float mass(int group) {
        return mass[group];
    }

    /** Mean key of group g from index {@code g · stride} on; zeros without mass. */
    float[] keys() {
        return keys;
    }

    /** Mean square of the keys, likewise. */
    float[] squares() {
        return squares;
    }

    /** Mean value of group g from index {@code g · value stride} on. */
    float[] values() {
        return values;
    }
}
