package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import jdk.incubator.vector.FloatVector;

/**
 * What a node folds away, per group and relative to one exponent: the mass of the keys, and their mean key, mean square
 * and mean value. Kept per thread.
 */
public final class Fold {
    private final int stride;
    private final int valueStride;
    private final float[] mass;
    private final float[] keys;
    private final float[] squares;
    private final float[] values;
    private float top;

    /** Makes room for sums over groups of keys and values of so many floats. */
    public Fold(int groups, int stride, int valueStride) {
        this.stride = stride;
        this.valueStride = valueStride;
        this.mass = new float[groups];
        this.keys = new float[groups * stride];
        this.squares = new float[groups * stride];
        this.values = new float[groups * valueStride];
    }

    /**
     * Begins a fold.
     *
     * @param exponent what the masses of the groups will be relative to
     */
    public void begin(float exponent) {
        top = exponent;
    }

    /**
     * Sets a group.
     *
     * @param total its mass
     * @param sums  weighted sums of its keys, their squares and values, from index {@code at} on
     */
    public void set(int group, float total, float[] sums, int at) {
        mass[group] = total;
        float scale = total > 0 ? 1 / total : 0;
        for (int c = 0; c < stride; c += LANES) {
            int to = group * stride + c;
            FloatVector.fromArray(FLOATS, sums, at + c).mul(scale).intoArray(keys, to);
            FloatVector.fromArray(FLOATS, sums, at + stride + c).mul(scale).intoArray(squares, to);
        }
        for (int c = 0; c < valueStride; c += LANES) {
            FloatVector.fromArray(FLOATS, sums, at + 2 * stride + c).mul(scale)
                    .intoArray(values, group * valueStride + c);
        }
    }

    /** What masses are relative to, as an exponent. */
    public float top() {
        return top;
    }

    /** The sum of a group's weights, relative to what {@link #begin} was told. */
    public float mass(int group) {
        return mass[group];
    }

    /** Mean key of group g from index {@code g · stride} on; zeros without mass. */
    public float[] keys() {
        return keys;
    }

    /** Mean squares of the features of the keys of group g, from index {@code g · stride} on. */
    public float[] squares() {
        return squares;
    }

    /** Mean value of group g from index {@code g · value stride} on. */
    public float[] values() {
        return values;
    }
}
