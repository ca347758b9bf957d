package dev.kdeformer.pilot.gradient;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.FoldedKeys;
import dev.kdeformer.pilot.tile.NodeScratch;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Gradients by the far field of one node: by the log-mass a, the mean key κ and the mean value ν of each group; and
 * what they mean for the keys that the node has folded and for the far field of its parent.
 *
 * <p>A key j of weight w_j = exp(x·k_j + b_j), x the node's centroid, takes the part p_j = w_j / exp(a) of its group. A
 * change of its logit moves a by p_j, κ by p_j (k_j − κ) and ν by p_j (v_j − ν). What was there before is to the group
 * like one more key. Moving a parent's group by Δ moves its a by Δ·κ.
 */
final class FarGradient {
    private final KeyGroups groups;
    private final int stride;
    private final int valueStride;
    private final float[] masses;
    private final float[] keys;
    private final float[] values;
    private final float[] keep;
    private final float[] take;
    private final float[] keysBefore;
    private final float[] valuesBefore;
    private final float[] centre;
    private final double[] base;
    private final float[] lanes = new float[LANES];
    private int[] folded = new int[0];
    private float[] weights = new float[0];
    private int count;
    private boolean touched;

    FarGradient(KeyGroups groups) {
        this.groups = groups;
        this.stride = groups.keys().stride();
        this.valueStride = groups.values().stride();
        int number = groups.groups();
        this.masses = new float[number];
        this.keys = new float[number * stride];
        this.values = new float[number * valueStride];
        this.keep = new float[number];
        this.take = new float[number];
        this.keysBefore = new float[number * stride];
        this.valuesBefore = new float[number * valueStride];
        this.centre = new float[stride];
        this.base = new double[number];
    }

    /** Starts a node that has folded nothing. */
    void enter(float[] centroid) {
        if (touched) {
            Arrays.fill(masses, 0);
            Arrays.fill(keys, 0);
            Arrays.fill(values, 0);
            touched = false;
        }
        System.arraycopy(centroid, 0, centre, 0, stride);
        count = 0;
    }

    /** Notes what is about to be merged, and with which weights. */
    void fold(FarField far, Fold fold, Candidates list, NodeScratch node) {
        for (int g = 0; g < keep.length; g++) {
            double old = far.mass(g, fold.top());
            double whole = old + fold.mass(g);
            keep[g] = fold.mass(g) > 0 ? (float) (old / whole) : 1;
            take[g] = fold.mass(g) > 0 ? (float) (1 / whole) : 0;
        }
        System.arraycopy(far.keys(), 0, keysBefore, 0, keysBefore.length);
        System.arraycopy(far.values(), 0, valuesBefore, 0, valuesBefore.length);
        if (folded.length < node.foldedCount) {
            folded = new int[node.foldedCount + node.foldedCount / 2];
            weights = new float[folded.length];
        }
        count = 0;
        for (int j = 0; j < list.count; j++) {
            if (node.folded[j] > 0) {
                folded[count] = list.index[j];
                weights[count++] = node.folded[j];
            }
        }
    }

    /** Notes what a node without ancestors has folded, all that its far field stands for. */
    void fold(FarField far, FoldedKeys all) {
        for (int g = 0; g < keep.length; g++) {
            keep[g] = 0;
            take[g] = far.logMass(g) > FarField.EMPTY ? (float) (1 / all.masses()[g]) : 0;
        }
        folded = all.index();
        weights = all.weights();
        count = all.count();
    }

    /** Gradients by the log-masses, to be added to. */
    float[] masses() {
        touched = true;
        return masses;
    }

    /** Gradients by the mean keys, to be added to: group g from index {@code g · stride} on. */
    float[] keys() {
        touched = true;
        return keys;
    }

    /** Gradients by the mean values, to be added to. */
    float[] values() {
        touched = true;
        return values;
    }

    /**
     * Hands on what belongs to the folded keys and to the parent.
     *
     * @param far    the node's far field with what it has folded
     * @param dKey   receives what belongs to the keys, added
     * @param dValue receives what belongs to the values, added
     * @param parent null if the node has none
     */
    void leave(FarField far, Rows dKey, Rows dValue, FarGradient parent) {
        if (!touched) {
            return;
        }
        if (count > 0) {
            scatter(far, dKey, dValue);
        }
        if (parent != null) {
            addTo(parent, far);
        }
    }

    private void scatter(FarField far, Rows dKey, Rows dValue) {
        for (int g = 0; g < keep.length; g++) {
            base[g] = masses[g] - Lanes.dot(keys, g * stride, far.keys(), g * stride, stride)
                    - Lanes.dot(values, g * valueStride, far.values(), g * valueStride, valueStride);
        }
        int g = 0;
        for (int i = 0; i < count; i++) {
            int j = folded[i];
            while (j >= groups.starts()[g + 1]) {
                g++;
            }
            float part = take[g] * weights[i];
            float logit = (float) (part * (base[g] + along(g, groups.keys().row(j), groups.values().row(j))));
            add(g, part, logit, dKey.row(j), dValue.row(j));
        }
    }

    /** κ̄·k + ν̄·v for the gradients of a group and the rows of a key and a value. */
    private float along(int g, long key, long value) {
        FloatVector sum = FloatVector.zero(FLOATS);
        int at = g * stride;
        for (int c = 0; c < stride; c += LANES) {
            sum = fma(FloatVector.fromArray(FLOATS, keys, at + c), Lanes.load(key + c * 4L), sum);
        }
        FloatVector more = FloatVector.zero(FLOATS);
        at = g * valueStride;
        for (int c = 0; c < valueStride; c += LANES) {
            more = fma(FloatVector.fromArray(FLOATS, values, at + c), Lanes.load(value + c * 4L), more);
        }
        sum.add(more).intoArray(lanes, 0);
        return Lanes.sum(lanes, 0);
    }

    /** Adds {@code part} times the gradients of a group, and {@code logit} times the centroid, to the rows of a key. */
    private void add(int g, float part, float logit, long dKey, long dValue) {
        FloatVector p = FloatVector.broadcast(FLOATS, part);
        FloatVector l = FloatVector.broadcast(FLOATS, logit);
        int at = g * stride;
        for (int c = 0; c < stride; c += LANES) {
            FloatVector x = fma(FloatVector.fromArray(FLOATS, keys, at + c), p, Lanes.load(dKey + c * 4L));
            Lanes.store(fma(FloatVector.fromArray(FLOATS, centre, c), l, x), dKey + c * 4L);
        }
        at = g * valueStride;
        for (int c = 0; c < valueStride; c += LANES) {
            Lanes.store(fma(FloatVector.fromArray(FLOATS, values, at + c), p, Lanes.load(dValue + c * 4L)),
                    dValue + c * 4L);
        }
    }

    private void addTo(FarGradient parent, FarField far) {
        for (int g = 0; g < keep.length; g++) {
            float kept = count == 0 ? 1 : keep[g];
            if (kept == 0) {
                continue;
            }
            double mass = masses[g];
            if (count > 0) {
                mass += Lanes.dot(keys, g * stride, keysBefore, g * stride, stride)
                        - Lanes.dot(keys, g * stride, far.keys(), g * stride, stride)
                        + Lanes.dot(values, g * valueStride, valuesBefore, g * valueStride, valueStride)
                        - Lanes.dot(values, g * valueStride, far.values(), g * valueStride, valueStride);
            }
            float logMass = (float) (kept * mass);
            parent.masses[g] += logMass;
            for (int c = 0; c < stride; c++) {
                parent.keys[g * stride + c] += kept * keys[g * stride + c]
                        + logMass * (centre[c] - parent.centre[c]);
            }
            for (int c = g * valueStride; c < (g + 1) * valueStride; c++) {
                parent.values[c] += kept * values[c];
            }
        }
        parent.touched = true;
    }
}
