package dev.kdeformer.onnx.run;

import dev.kdeformer.PairBias;

/**
 * Masks of no simpler form as a bias for each pair, read where the graph left them. The largest of a row is taken off
 * all of it, which no softmax sees and keeps more of the logits' digits.
 */
final class SumBias implements PairBias {
    private final MaskSum sum;
    private final int batches;
    private final int heads;
    private final VisibleKeys[] seen;

    /**
     * A bias that reads masks again.
     *
     * @param batches batch items whose masks differ, or 1
     * @param heads   heads whose masks differ, or 1
     * @param seen    what was found in each of them, (batches, heads)
     */
    SumBias(MaskSum sum, int batches, int heads, VisibleKeys[] seen) {
        this.sum = sum;
        this.batches = batches;
        this.heads = heads;
        this.seen = seen;
    }

    @Override
    public void fill(Piece piece, float[] target, int stride) {
        int b = Math.min(piece.batch(), batches - 1);
        int h = Math.min(piece.head(), heads - 1);
        for (int r = 0; r < piece.queries(); r++) {
            int query = piece.query() + r;
            int at = r * stride;
            try {
                sum.read(new MaskSum.Keys(b, h, query, piece.key(), piece.keys()), target, at, null);
            } catch (CannotRun e) {
                throw new IllegalStateException("masks cannot be read again: " + e.getMessage(), e);
            }
            float largest = seen[b * heads + h].largest(query);
            for (int c = at; c < at + piece.keys(); c++) {
                target[c] = RowScan.isVisible(target[c], largest) ? target[c] - largest : Float.NEGATIVE_INFINITY;
            }
        }
    }

    @Override
    public double bound() {
        return RowScan.HIDDEN;
    }
}
