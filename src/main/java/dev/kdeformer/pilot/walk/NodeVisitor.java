package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.runtime.Scratch;

/**
 * Goes along with a {@link PilotWalk}: is told what each node folds away, and takes the leaves in place of attention.
 */
public interface NodeVisitor {
    /**
     * A node is entered.
     *
     * @param depth  that of its parent and 1; 0 for a node without one
     * @param centre centroid of the node's queries
     * @param far    its far field, which is its parent's, moved to the centroid
     */
    void enter(int depth, float[] centre, FarField far);

    /**
     * What a node folds is about to be merged into its far field.
     *
     * @param list the candidates that the node's weights belong to
     */
    void fold(int depth, FarField far, Fold fold, Candidates list, NodeScratch node);

    /**
     * A leaf has its near keys and its far field.
     *
     * @param from position of the first query
     * @param to   position after the last
     * @param near indices of the near keys, {@code count} of them
     */
    void leaf(int depth, int from, int to, int[] near, int count, FarField far);

    /** A node is left, and all below it; its far field is what it was for those below. */
    void leave(int depth, FarField far);

    /** Makes the visitor of a share of the tree. */
    @FunctionalInterface
    interface Maker {
        /** Makes it, with memory of the running thread that lasts until the share is done. */
        NodeVisitor make(int share, Scratch scratch);
    }
}
