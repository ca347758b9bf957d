package dev.kdeformer.pilot.gradient;

import dev.kdeformer.pilot.causal.SpanVisitor;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.FoldedKeys;
import dev.kdeformer.runtime.Scratch;

/** The gradients of a share of the spans of a query head, but for the keys at the diagonal. */
final class SpanGradient implements SpanVisitor {
    private final LeafGradient tiles;
    private final LeafGradient.Targets targets;
    private final FarGradient far;
    private final Scratch scratch;

    SpanGradient(KeyGroups keys, LeafGradient tiles, LeafGradient.Targets targets, Scratch scratch) {
        this.tiles = tiles;
        this.targets = targets;
        this.far = new FarGradient(keys);
        this.scratch = scratch;
    }

    @Override
    public void tile(float[] centre, int[] rows, int[] near, FarField field, FoldedKeys folded) {
        long mark = scratch.mark();
        far.enter(centre);
        far.fold(field, folded);
        long address = scratch.ints(rows, 0, rows.length);
        tiles.add(centre, new LeafGradient.Queries(rows, address, 0, rows.length, false), near, near.length, field,
                far);
        far.leave(field, targets.dKey(), targets.dValue(), null);
        scratch.release(mark);
    }
}
