package dev.kdeformer.pilot.causal;

import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.FoldedKeys;
import dev.kdeformer.runtime.Scratch;

/** Takes the tiles of spans in place of attention. */
public interface SpanVisitor {
    /**
     * A tile has its near keys and its far field.
     *
     * @param centre centroid of its queries
     * @param rows   the caller's rows of its queries
     * @param near   indices of its near keys, in group order
     * @param far    all other keys that the whole span sees
     * @param folded what the far field was made of, of use until this returns
     */
    void tile(float[] centre, int[] rows, int[] near, FarField far, FoldedKeys folded);

    /** Makes the visitor of a share of the spans. */
    @FunctionalInterface
    interface Maker {
        /** Makes it, with memory of the running thread that lasts until the share is done. */
        SpanVisitor make(int share, Scratch scratch);
    }
}
