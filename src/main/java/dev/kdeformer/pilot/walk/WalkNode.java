package dev.kdeformer.pilot.walk;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;

/** A node of the query tree while a walk is at it or below it. */
final class WalkNode {
    /** Shared with the nodes in the same place among their siblings at all depths: of use until the walk goes down. */
    final NodeScratch buffers;
    final Fold fold;
    final FarField far;
    final float[] centre;
    private int[] kept = new int[0];

    /** The node's number in its level. */
    int index;
    /** Its queries are at positions [from, to) of the tree order. */
    int from;
    int to;
    /** How many of them are to be computed. */
    int queries;
    /** Candidates that it wants to keep. */
    int wanted;
    /** Whether its children get the list that it was given. */
    boolean passes;
    /** The keys that are kept, {@link #count} in group order. */
    int[] chosen;
    int count;
    /** Variance of the queries in each direction beside the leading ones. */
    double rest;
    /** What weights are relative to. */
    float top;
    /** Sum of the weights of all keys. */
    double mass;
    /** Floating-point operations of a pass for all queries. */
    double work;
    /** Of these, the ones that have not been done: of rows that are not wanted, or because they had been before. */
    double spared;

    WalkNode(NodeScratch buffers, Fold fold, FarField far, int stride) {
        this.buffers = buffers;
        this.fold = fold;
        this.far = far;
        this.centre = new float[stride];
    }

    /** Whether it puts keys into its far field; of use until the walk goes down. */
    boolean folds() {
        return !passes && buffers.foldedCount > 0;
    }

    /** Becomes what has been found at it before, which spares the work for it. */
    void become(Found.Node known) {
        NodeChoice choice = known.choice();
        passes = false;
        chosen = choice.chosen();
        count = choice.count();
        System.arraycopy(choice.centre(), 0, centre, 0, centre.length);
        far.become(choice.far());
        work = known.work();
        spared = known.work();
    }

    /** Room to keep {@code keys} keys, and a vector more: compressed vectors are stored whole. */
    int[] room(int keys) {
        if (kept.length < keys + Lanes.LANES) {
            kept = new int[keys + Lanes.LANES];
        }
        return kept;
    }
}
