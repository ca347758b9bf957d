package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The keys that one node of a walk took out of its list, with what the far field became of them: everything that is
 * needed to draw some of them later and to say what part of the far field each stands for. A key j of group g that was
 * folded with weight w_j has the part w_j / {@link #mass} of what this node put into the group.
 */
final class LeftOut {
    /** Spreads are cut here before they go into a sampling weight. */
    private static final float LARGEST_SPREAD = 8;

    /** Memory for each key in the lists of a walk, whose nodes below the top hold a part of what the top holds. */
    static final long BYTES = 2 * (3 * Float.BYTES + Double.BYTES);

    private final int stride;
    private final float[] mass;
    private final float[] keys;
    /** What the move of the far field to this node's centroid added to each group's log-mass. */
    private final float[] moved;
    /** First entry of every group, and the number of entries after the last. */
    final int[] starts;
    int[] index = new int[0];
    /** Weights relative to exp(top); 0 for keys so light that they were dropped. */
    float[] weights = new float[0];
    /** Sums of the sampling weights before every entry, relative to exp(top), and of all after the last. */
    double[] cumulated = new double[0];
    private float[] densities = new float[0];
    int count;
    float top;

    LeftOut(int groups, int stride) {
        this.stride = stride;
        this.mass = new float[groups];
        this.keys = new float[groups * stride];
        this.moved = new float[groups];
        this.starts = new int[groups + 1];
    }

    /** A walk comes to the node: nothing has been taken out yet. */
    void enter(FarField parent, FarField far) {
        count = 0;
        Arrays.fill(mass, 0);
        Arrays.fill(starts, 0);
        for (int g = 0; g < moved.length; g++) {
            moved[g] = parent == null || parent.logMass(g) <= FarField.EMPTY ? 0 : far.logMass(g) - parent.logMass(g);
        }
    }

    /**
     * Notes the keys of {@code list} that are not among the {@code taken} first of {@code chosen}, both in group order.
     *
     * @param exponent   what the node's weights are relative to
     * @param negligible weights up to this were dropped
     */
    void rest(KeyGroups all, Candidates list, int[] chosen, int taken, NodeScratch node, float exponent,
            float negligible) {
        top = exponent;
        room(list.count);
        densities(node, list.count);
        int next = 0;
        int group = 0;
        double sum = 0;
        for (int i = 0; i < list.count; i++) {
            int key = list.index[i];
            if (next < taken && chosen[next] == key) {
                next++;
                continue;
            }
            while (key >= all.starts()[group + 1]) {
                starts[++group] = count;
            }
            index[count] = key;
            float w = node.weights[i];
            weights[count] = w > negligible ? w : 0;
            cumulated[count++] = sum;
            sum += densities[i];
        }
        cumulated[count] = sum;
        while (group < mass.length) {
            starts[++group] = count;
        }
    }

    /** Sampling weights: what the key's weight deviates by over the node's queries, w √(e^s − 1), by the series. */
    private void densities(NodeScratch node, int count) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector s = FloatVector.fromArray(FLOATS, node.spreads, i).max(0);
            s = s.blend(LARGEST_SPREAD, s.compare(VectorOperators.GT, LARGEST_SPREAD));
            FloatVector series = s.mul(1f / 4).add(1).mul(s.mul(1f / 3)).add(1).mul(s.mul(0.5f)).add(1).mul(s);
            series.sqrt().mul(FloatVector.fromArray(FLOATS, node.weights, i)).intoArray(densities, i);
        }
    }

    private void room(int size) {
        if (index.length < size) {
            index = new int[size];
            weights = new float[size];
            cumulated = new double[size + 1];
            densities = new float[size + LANES];
        }
    }

    /** Notes what was folded. */
    void folded(Fold fold) {
        for (int g = 0; g < mass.length; g++) {
            mass[g] = fold.mass(g);
        }
        System.arraycopy(fold.keys(), 0, keys, 0, keys.length);
    }

    float moved(int group) {
        return moved[group];
    }

    /** Mass that was folded into a group, relative to exp(top). */
    float mass(int group) {
        return mass[group];
    }

    /** A feature of the weighted mean of the keys folded into a group that has mass. */
    float meanKey(int group, int feature) {
        return keys[group * stride + feature];
    }

    /** The sampling weight of an entry, relative to exp(top). */
    double density(int entry) {
        return cumulated[entry + 1] - cumulated[entry];
    }
}
