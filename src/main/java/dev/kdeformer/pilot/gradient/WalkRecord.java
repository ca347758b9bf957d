package dev.kdeformer.pilot.gradient;

import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.pilot.walk.NodeVisitor;
import dev.kdeformer.pilot.walk.PilotHead;
import dev.kdeformer.pilot.walk.PilotWalk;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What a walk down the tree of one query head decided, written down leaf by leaf. */
final class WalkRecord implements NodeVisitor {
    /**
     * A node on the way to a leaf.
     *
     * @param centre its centroid
     * @param move   what the mean values of its parent's groups are moved by
     * @param folded the keys that it folds
     */
    record Step(double[] centre, double[] move, int[] folded) {
    }

    /**
     * A leaf.
     *
     * @param rows    the caller's rows of its queries
     * @param near    its near keys
     * @param steps   the way to it, itself last
     * @param moments second central moments of every group's keys
     * @param spread  the mean of these
     * @param tilt    the value tilt, a row of values for every feature
     * @param exact   the caller's keys [first, end) that each of the queries meets beside; null for none
     */
    record Leaf(int[] rows, int[] near, List<Step> steps, double[][] moments, double[] spread, double[][] tilt,
            int[][] exact) {
    }

    private final PilotHead head;
    private final KeyGroups keys;
    private final List<Leaf> leaves = new ArrayList<>();
    private final Step[] steps;
    private final FarField[] fars;

    WalkRecord(PilotHead head) {
        this.head = head;
        this.keys = head.keys();
        this.steps = new Step[head.levels() / PilotWalk.LEVELS + 2];
        this.fars = new FarField[steps.length];
    }

    /** The leaves, of which a later one replaces the rows that it shares with others. */
    List<Leaf> leaves() {
        return leaves;
    }

    /** Adds a leaf of queries that all keys are near to. */
    void exact(int[] rows) {
        int d = keys.keys().columns();
        int dv = keys.values().columns();
        leaves.add(new Leaf(rows, IntStream.range(0, keys.count()).toArray(),
                List.of(new Step(new double[d], new double[dv], new int[0])), new double[keys.groups()][d],
                new double[d], new double[d][dv], null));
    }

    @Override
    public void enter(int depth, float[] centre, FarField far) {
        double[] move = new double[keys.values().columns()];
        for (int g = 0; g < keys.groups() && depth > 0; g++) {
            if (far.logMass(g) > FarField.EMPTY) {
                for (int c = 0; c < move.length; c++) {
                    int at = g * keys.values().stride() + c;
                    move[c] = (double) far.values()[at] - fars[depth - 1].values()[at];
                }
                break; // all groups move alike
            }
        }
        fars[depth] = far;
        steps[depth] = new Step(doubles(centre, 0, keys.keys().columns()), move, new int[0]);
    }

    @Override
    public void fold(int depth, FarField far, Fold fold, Candidates list, NodeScratch node) {
        steps[depth] = new Step(steps[depth].centre, steps[depth].move,
                IntStream.range(0, list.count).filter(j -> node.folded[j] > 0).map(j -> list.index[j]).toArray());
    }

    @Override
    public void leaf(int depth, int from, int to, int[] near, int count, FarField far) {
        leaves.add(new Leaf(Arrays.copyOfRange(head.order(), from, to), Arrays.copyOf(near, count),
                List.of(Arrays.copyOf(steps, depth + 1)), moments(far, keys),
                doubles(far.meanVariances(), 0, keys.keys().columns()), tilt(far, keys), null));
    }

    /** Second central moments of every group. */
    static double[][] moments(FarField far, KeyGroups keys) {
        double[][] moments = new double[keys.groups()][];
        Arrays.setAll(moments, g -> doubles(far.variances(), g * keys.keys().stride(), keys.keys().columns()));
        return moments;
    }

    /** The value tilt, a row of values for every feature. */
    static double[][] tilt(FarField far, KeyGroups keys) {
        int dv = keys.values().columns();
        double[][] tilt = new double[keys.keys().columns()][];
        Arrays.setAll(tilt, c -> far.tilt().length == 0 ? new double[dv]
                : doubles(far.tilt(), c * keys.values().stride(), dv));
        return tilt;
    }

    @Override
    public void leave(int depth, FarField far) {
    }

    static double[] doubles(float[] x, int at, int count) {
        double[] y = new double[count];
        Arrays.setAll(y, c -> x[at + c]);
        return y;
    }
}
