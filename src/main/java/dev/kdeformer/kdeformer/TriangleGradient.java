package dev.kdeformer.kdeformer;

import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.runtime.Scratch;

/**
 * The gradients of an exact triangle of a {@link CausalSplit}. No other triangle of its head has its queries or keys.
 */
final class TriangleGradient {
    private final GradientHead head;
    private final CausalSplit.Part part;
    private final long offset;

    /**
     * The gradient of a triangle of a causal head.
     *
     * @param offset what to add to a query's index to get the last key it sees
     */
    TriangleGradient(GradientHead head, CausalSplit.Part part, long offset) {
        this.head = head;
        this.part = part;
        this.offset = offset;
    }

    /** Adds the gradients. */
    void add(Scratch scratch) {
        QueryPieces pieces = new QueryPieces(head, scratch);
        for (int member = 0; member < head.members(); member++) {
            for (int from = part.queryFrom(); from < part.queryTo(); from += GradientTile.QUERIES) {
                pieces.add(0, member, 0, from, Math.min(GradientTile.QUERIES, part.queryTo() - from));
                if (pieces.isFull()) {
                    meet(pieces, scratch);
                }
            }
        }
        meet(pieces, scratch);
    }

    private void meet(QueryPieces pieces, Scratch scratch) {
        head.head().call().team().check();
        GradientTile tile = scratch.keep(GradientTile.class, GradientTile::new);
        for (int from = part.keyFrom(); from < part.keyTo() && pieces.count() > 0; from += GradientTile.KEYS) {
            head.load(tile, 0, from, Math.min(part.keyTo(), from + GradientTile.KEYS), 0);
            for (int p = 0; p < pieces.count(); p++) {
                // The first query of the piece that sees the tile's first key.
                long diagonal = from - offset - pieces.from(p);
                if (diagonal < pieces.size(p)) {
                    pieces.meet(p, tile, (int) Math.max(diagonal, -GradientTile.KEYS));
                }
            }
            tile.addTo(head.dKey(), head.dValue(), 0, from, head.scale());
        }
        pieces.finish(head.head().call().team());
    }
}
