package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.PackedKeys;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The keys that a node and its ancestors have folded away, as groups weighted by their pilot weights: log-mass, mean
 * key, mean value and second central moments per group, and one matrix that says how the mean value moves with the
 * query (the value tilt). All about the centroid x of the node's queries: for a query x + δ, group g stands for a key
 * with logit a_g + δ·κ_g + ½ Σ δ²c_g and value ν_g + M δ.
 */
public final class FarField {
    /** Log-mass of a group without keys. */
    public static final float EMPTY = -1e30f;

    /** A group of less mass than this, relative to the largest weight, counts as empty. */
    private static final double LEAST_MASS = 1e-30;

    private int groups;
    private final int d;
    private final int stride;
    private final int valueStride;
    private final float[] logMass;
    private final float[] keys;
    private final float[] values;
    private final float[] variances;
    /** The tilt, row c for feature c of the query; empty without one. */
    private final float[] tilt;
    /** Index distances of one feature in consecutive groups. */
    private final int[] lanes = new int[LANES];

    /**
     * Makes room for groups of keys with d features and values of so many floats.
     *
     * @param tilted whether values move with the query
     */
    public FarField(int groups, int d, int stride, int valueStride, boolean tilted) {
        this.groups = groups;
        this.d = d;
        this.stride = stride;
        this.valueStride = valueStride;
        this.logMass = new float[groups];
        this.keys = new float[groups * stride];
        this.values = new float[groups * valueStride];
        this.variances = new float[groups * stride];
        this.tilt = new float[tilted ? d * valueStride : 0];
        Arrays.setAll(lanes, g -> g * stride);
        clear();
    }

    /** Becomes a copy of another field of the same sizes. */
    public void become(FarField other) {
        System.arraycopy(other.logMass, 0, logMass, 0, logMass.length);
        System.arraycopy(other.keys, 0, keys, 0, keys.length);
        System.arraycopy(other.values, 0, values, 0, values.length);
        System.arraycopy(other.variances, 0, variances, 0, variances.length);
        System.arraycopy(other.tilt, 0, tilt, 0, tilt.length);
    }

    /** Makes this a field of fewer groups, or of as many as it was made for again, whose contents are undefined. */
    public void resize(int count) {
        groups = count;
    }

    /** Number of groups. */
    public int groups() {
        return groups;
    }

    /** Makes all groups empty. */
    public void clear() {
        Arrays.fill(logMass, EMPTY);
        Arrays.fill(keys, 0);
        Arrays.fill(values, 0);
        Arrays.fill(variances, 0);
        Arrays.fill(tilt, 0);
    }

    /** Log-mass of every group. */
    public float[] logMasses() {
        return logMass;
    }

    /** Natural logarithm of the sum of a group's weights at the centroid; {@link #EMPTY} for an empty one. */
    public float logMass(int group) {
        return logMass[group];
    }

    /**
     * Becomes {@code parent} as seen from the centroid {@code shift} away from the parent's. First order only: the
     * second order of a step between levels costs accuracy on real keys, whose groups are far from Gaussian.
     */
    public void move(FarField parent, float[] shift) {
        System.arraycopy(parent.keys, 0, keys, 0, keys.length);
        System.arraycopy(parent.variances, 0, variances, 0, variances.length);
        System.arraycopy(parent.tilt, 0, tilt, 0, tilt.length);
        float[] moved = new float[valueStride];
        for (int c = 0; c < d && tilt.length > 0; c++) {
            Lanes.addTimes(tilt, c * valueStride, shift[c], moved, 0, valueStride);
        }
        for (int g = 0; g < groups; g++) {
            if (parent.logMass[g] <= EMPTY) {
                logMass[g] = EMPTY;
                Arrays.fill(values, g * valueStride, (g + 1) * valueStride, 0);
                continue;
            }
            logMass[g] = parent.logMass[g] + Lanes.dot(shift, 0, keys, g * stride, stride);
            for (int v = 0; v < valueStride; v += LANES) {
                FloatVector.fromArray(FLOATS, parent.values, g * valueStride + v)
                        .add(FloatVector.fromArray(FLOATS, moved, v)).intoArray(values, g * valueStride + v);
            }
        }
    }

    /**
     * Takes up what a node has folded.
     *
     * @param tiltSums products of the deviations of keys and values of what joins, relative to the same exponent; null
     *                 where values do not move
     */
    public void merge(Fold fold, float[] tiltSums) {
        double before = 0;
        double after = 0;
        for (int g = 0; g < groups; g++) {
            double old = mass(g, fold.top());
            double whole = old + fold.mass(g);
            before += old;
            after += whole;
            if (fold.mass(g) <= 0) {
                continue;
            }
            float keep = (float) (old / whole);
            float take = (float) (fold.mass(g) / whole);
            for (int i = g * stride; i < (g + 1) * stride; i += LANES) {
                FloatVector key = FloatVector.fromArray(FLOATS, keys, i);
                FloatVector mean = key.mul(keep).add(FloatVector.fromArray(FLOATS, fold.keys(), i).mul(take));
                FloatVector square = fma(key, key, FloatVector.fromArray(FLOATS, variances, i)).mul(keep)
                        .add(FloatVector.fromArray(FLOATS, fold.squares(), i).mul(take));
                mean.intoArray(keys, i);
                square.sub(mean.mul(mean)).max(0).intoArray(variances, i);
            }
            for (int i = g * valueStride; i < (g + 1) * valueStride; i += LANES) {
                FloatVector.fromArray(FLOATS, values, i).mul(keep)
                        .add(FloatVector.fromArray(FLOATS, fold.values(), i).mul(take)).intoArray(values, i);
            }
            logMass[g] = (float) (Math.log(whole) + fold.top());
        }
        if (tiltSums == null || after <= before) {
            return;
        }
        FloatVector keep = FloatVector.broadcast(FLOATS, (float) (before / after));
        FloatVector take = FloatVector.broadcast(FLOATS, (float) (1 / after));
        for (int i = 0; i < tilt.length; i += LANES) {
            FloatVector.fromArray(FLOATS, tiltSums, i).mul(take).add(FloatVector.fromArray(FLOATS, tilt, i).mul(keep))
                    .intoArray(tilt, i);
        }
    }

    /** Sets the mass of a group, relative to exp(top). */
    public void setMass(int group, double mass, float top) {
        logMass[group] = mass > LEAST_MASS ? (float) (Math.log(mass) + top) : EMPTY;
    }

    /**
     * Sets the moments of a group from sums over its keys.
     *
     * @param sums keys, squared keys and values, each whole vectors long, from index {@code at} on
     */
    public void setMoments(int group, double mass, float[] sums, int at) {
        float scale = mass > LEAST_MASS ? (float) (1 / mass) : 0;
        for (int c = 0; c < stride; c += LANES) {
            FloatVector mean = FloatVector.fromArray(FLOATS, sums, at + c).mul(scale);
            mean.intoArray(keys, group * stride + c);
            FloatVector.fromArray(FLOATS, sums, at + stride + c).mul(scale).sub(mean.mul(mean)).max(0)
                    .intoArray(variances, group * stride + c);
        }
        for (int c = 0; c < valueStride; c += LANES) {
            FloatVector.fromArray(FLOATS, sums, at + 2 * stride + c).mul(scale)
                    .intoArray(values, group * valueStride + c);
        }
    }

    /** The mass of a group, relative to exp(top). */
    public double mass(int group, float top) {
        return logMass[group] <= EMPTY ? 0 : Math.exp(logMass[group] - top);
    }

    /** The mass of all groups, relative to exp(top). */
    public double mass(float top) {
        double mass = 0;
        for (int g = 0; g < groups; g++) {
            mass += mass(g, top);
        }
        return mass;
    }

    /** The mean of the groups' central moments by their mass, a new array; zeros if there is no mass. */
    public float[] meanVariances() {
        float[] mean = new float[stride];
        float top = EMPTY;
        for (int g = 0; g < groups; g++) {
            top = Math.max(top, logMass[g]);
        }
        double mass = mass(top);
        for (int g = 0; g < groups && top > EMPTY; g++) {
            float part = (float) (mass(g, top) / mass);
            for (int c = 0; c < stride; c++) {
                mean[c] += part * variances[g * stride + c];
            }
        }
        return mean;
    }

    /** The central moments of all groups together, a new array: within groups and between them. */
    public float[] allVariances() {
        float[] all = meanVariances();
        float top = EMPTY;
        for (int g = 0; g < groups; g++) {
            top = Math.max(top, logMass[g]);
        }
        double[] parts = new double[groups];
        double mass = mass(top);
        for (int g = 0; g < groups; g++) {
            parts[g] = mass(g, top) / mass;
        }
        for (int c = 0; c < stride && top > EMPTY; c++) {
            double mean = 0;
            double square = 0;
            for (int g = 0; g < groups; g++) {
                double part = parts[g];
                mean += part * keys[g * stride + c];
                square += part * keys[g * stride + c] * keys[g * stride + c];
            }
            all[c] += (float) Math.max(0, square - mean * mean);
        }
        return all;
    }

    /** Sets the tilt from products of deviations of keys and values, relative to weights exp(logit − top). */
    public void setTilt(float[] tiltSums, float top) {
        double mass = mass(top);
        float scale = mass > LEAST_MASS ? (float) (1 / mass) : 0;
        for (int i = 0; i < tilt.length; i += LANES) {
            FloatVector.fromArray(FLOATS, tiltSums, i).mul(scale).intoArray(tilt, i);
        }
    }

    /** Mean key of a group from index {@code group · stride} on. */
    public float[] keys() {
        return keys;
    }

    /** Mean value of a group from index {@code group · valueStride} on. */
    public float[] values() {
        return values;
    }

    /** Second central moments of a group's keys from index {@code group · stride} on. */
    public float[] variances() {
        return variances;
    }

    /** The value tilt, a row of value stride for every feature of the query; empty where values do not move. */
    public float[] tilt() {
        return tilt;
    }

    /** Whether nothing has been folded. */
    public boolean isEmpty() {
        for (int g = 0; g < groups; g++) {
            if (logMass[g] > EMPTY) {
                return false;
            }
        }
        return true;
    }

    /**
     * Writes the groups as packed keys of 2 · stride features, to be met by queries (δ, δ²), and the tilt as rows of
     * values.
     *
     * @param target   whose padding is zeros
     * @param tiltRows address of d rows of value stride; left as it is where values do not move
     */
    void pack(PackedKeys target, long tiltRows) {
        for (int first = 0; first < groups; first += LANES) {
            if (first + LANES <= groups) {
                for (int c = 0; c < d; c++) {
                    target.setKeys(first, c, FloatVector.fromArray(FLOATS, keys, first * stride + c, lanes, 0));
                    target.setKeys(first, stride + c,
                            FloatVector.fromArray(FLOATS, variances, first * stride + c, lanes, 0).mul(0.5f));
                }
            } else {
                for (int g = first; g < groups; g++) {
                    for (int c = 0; c < d; c++) {
                        target.setKey(g, c, keys[g * stride + c]);
                        target.setKey(g, stride + c, 0.5f * variances[g * stride + c]);
                    }
                }
            }
        }
        for (int g = 0; g < groups; g++) {
            target.setValue(g, values, g * valueStride);
            target.setBias(g, logMass[g] <= EMPTY ? Float.NEGATIVE_INFINITY : logMass[g]);
        }
        for (int i = 0; i < tilt.length; i += LANES) {
            Lanes.store(FloatVector.fromArray(FLOATS, tilt, i), tiltRows + i * 4L);
        }
    }
}
