package dev.kdeformer.kernel;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.VECTOR_BYTES;

import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import jdk.incubator.vector.FloatVector;

/**
 * Keys, values and biases of one head, or of a selection of its keys, in the layout that the kernels read. Keys are
 * feature-major in panels of {@link Lanes#PANEL} keys; values are key-major in column panels of two or three
 * vectors (one where there is no more); there is one bias a key, in units of
 * {@link LogitScale#bias}. Padding has zero keys, zero values and
 * a bias of −∞.
 */
public final class PackedKeys {
    private final int d;
    private final int dv;
    private final int capacity;
    private final int valueVectors;
    private final long keys;
    private final long values;
    private final long bias;
    private final long zeros;
    private final LogitScale scale;
    /** Address of what biases lose as floats; 0 where nothing is kept. */
    private long rests;
    private int count;
    private int padded;

    /** Takes memory for {@code count} keys of d features and values of dv features from {@code scratch}. */
    public PackedKeys(Scratch scratch, int count, int d, int dv, LogitScale scale) {
        this.d = d;
        this.dv = dv;
        this.count = count;
        this.padded = Lanes.padKeys(count);
        this.capacity = padded;
        this.valueVectors = Lanes.padColumns(dv) / LANES;
        this.keys = scratch.floats((long) padded * d);
        this.values = scratch.floats((long) padded * valueVectors * LANES);
        this.bias = scratch.floats(padded);
        this.zeros = scratch.floats(PANEL);
        Memory.fillFloats(zeros, PANEL, 0);
        this.scale = scale;
    }

    private PackedKeys(PackedKeys other, long bias) {
        this.d = other.d;
        this.dv = other.dv;
        this.count = other.count;
        this.padded = other.padded;
        this.capacity = other.padded;
        this.valueVectors = other.valueVectors;
        this.keys = other.keys;
        this.values = other.values;
        this.bias = bias;
        this.zeros = other.zeros;
        this.scale = other.scale;
    }

    /** Off-heap bytes for {@code count} keys. */
    public static long bytes(int count, int d, int dv) {
        return (long) Lanes.padKeys(count) * ((long) d + Lanes.padColumns(dv) + 1) * Float.BYTES + PANEL * 4L;
    }

    /** The same keys and values with a copy of the biases, to be changed by {@link #hide}. */
    public PackedKeys withOwnBias(Scratch scratch) {
        long copy = scratch.floats(padded);
        Memory.copy(bias, copy, (long) padded * Float.BYTES);
        return new PackedKeys(this, copy);
    }

    /**
     * Makes this a set of {@code newCount} keys, to be packed anew in the same memory.
     *
     * @throws IllegalArgumentException if there is no room for so many
     */
    public void resize(int newCount) {
        if (Lanes.padKeys(newCount) > capacity) {
            throw new IllegalArgumentException("at most " + capacity + " keys fit, got " + newCount);
        }
        count = newCount;
        padded = Lanes.padKeys(newCount);
    }

    /** Features of a key. */
    public int d() {
        return d;
    }

    /** Features of a value. */
    public int dv() {
        return dv;
    }

    /** Number of keys. */
    public int count() {
        return count;
    }

    /** Number of keys with padding. */
    public int padded() {
        return padded;
    }

    /** How logits with these keys are scaled. */
    public LogitScale scale() {
        return scale;
    }

    /** Number of column panels of the values. */
    int valuePanels() {
        return Math.ceilDiv(valueVectors, ValueKernel.WIDEST);
    }

    /** First vector of column panel {@code panel}; the number of vectors for the one after the last. */
    int panelStart(int panel) {
        return (int) ((long) valueVectors * panel / valuePanels());
    }

    /** Vectors across column panel {@code panel}. */
    int panelVectors(int panel) {
        return panelStart(panel + 1) - panelStart(panel);
    }

    /** Address of the key panel that starts at {@code key}, a multiple of PANEL, from feature {@code feature} on. */
    long keyPanel(int key, int feature) {
        return keys + ((long) key * d + (long) feature * PANEL) * Float.BYTES;
    }

    /** Address of the value row of {@code key} in column panel {@code panel}. */
    long valueRow(int panel, int key) {
        return values + (long) padded * (panelStart(panel) * VECTOR_BYTES) + key * (panelVectors(panel) * VECTOR_BYTES);
    }

    /** Address of the bias of {@code key}. */
    long bias(int key) {
        return bias + (long) key * Float.BYTES;
    }

    /** Sets the bias of a key, natural logarithm. */
    public void setBias(int key, float value) {
        Memory.putFloat(bias(key), value * scale.bias());
    }

    /** Keeps from now on what biases of {@link #setExponent} lose as floats, for as many keys as there are. */
    public void keepRests(Scratch scratch) {
        rests = scratch.floats(capacity);
        Memory.fillFloats(rests, capacity, 0);
    }

    /**
     * Sets the bias of a key in units of exponents, and what is missing to it as a float.
     *
     * @param value finite, or −∞
     * @param more  what is to be added to it; apart, because a large value leaves no room for its digits
     */
    public void setExponent(int key, double value, double more) {
        float inLogits = (float) (value / scale.factor());
        Memory.putFloat(bias(key), inLogits);
        Memory.putFloat(rests + key * 4L, value == Double.NEGATIVE_INFINITY ? 0
                : (float) (value - (double) inLogits * scale.factor() + more));
    }

    /** Address of PANEL zeros, for logits that biases are added to later. */
    long noBias() {
        return zeros;
    }

    /** Address of what the bias of {@code key} lacks, in units of exponents; 0 where nothing is kept. */
    long rest(int key) {
        return rests == 0 ? 0 : rests + key * 4L;
    }

    /** Makes all keys, values and biases zeros, and hides the padding. */
    public void clear() {
        Memory.fillFloats(keys, (long) padded * d, 0);
        Memory.fillFloats(values, (long) padded * valueVectors * LANES, 0);
        Memory.fillFloats(bias, padded, 0);
        for (int j = count; j < padded; j++) {
            hide(j);
        }
    }

    /** Sets a feature of a key. */
    public void setKey(int key, int feature, float value) {
        Memory.putFloat(keyPanel(key / PANEL * PANEL, feature) + key % PANEL * 4L, value);
    }

    /** Sets a feature of the LANES keys from {@code first}, a multiple of LANES, on. */
    public void setKeys(int first, int feature, FloatVector values) {
        Lanes.store(values, keyPanel(first / PANEL * PANEL, feature) + first % PANEL * 4L);
    }

    /** Sets the value row of a key from {@code at} on, whole vectors. */
    public void setValue(int key, float[] row, int at) {
        int from = at;
        for (int p = 0; p < valuePanels(); p++) {
            long address = valueRow(p, key);
            for (int v = 0; v < panelVectors(p); v++) {
                Lanes.store(FloatVector.fromArray(Lanes.FLOATS, row, from), address + v * VECTOR_BYTES);
                from += LANES;
            }
        }
    }

    /** Hides a key from all queries. */
    public void hide(int key) {
        Memory.putFloat(bias(key), Float.NEGATIVE_INFINITY);
    }
}
