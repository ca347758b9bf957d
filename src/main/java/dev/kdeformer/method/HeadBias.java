package dev.kdeformer.method;

import dev.kdeformer.PairBias;
import dev.kdeformer.kernel.LogitTerms;
import dev.kdeformer.tensor.Matrix;

/** The biases per pair of one query head, as kernels read them. */
final class HeadBias implements LogitTerms.Pairs {
    private final PairBias bias;
    private final int batch;
    private final int head;
    private final boolean slide;
    private final Matrix rowParts;
    private final Matrix columnParts;

    HeadBias(PairBias bias, int batch, int head) {
        this.bias = bias;
        this.batch = batch;
        this.head = head;
        this.slide = bias.layout() == PairBias.Layout.DISTANCES;
        boolean grid = bias.layout() == PairBias.Layout.GRID;
        this.rowParts = grid ? bias.tensors().get(0).sharedMatrix(batch, head) : null;
        this.columnParts = grid ? bias.tensors().get(1).sharedMatrix(batch, head) : null;
    }

    @Override
    public void fill(int query, int queries, int key, int keys, float[] target, int stride) {
        bias.fill(new PairBias.Piece(batch, head, query, queries, key, keys), target, stride);
    }

    @Override
    public boolean slide() {
        return slide;
    }

    @Override
    public Matrix rowParts() {
        return rowParts;
    }

    @Override
    public Matrix columnParts() {
        return columnParts;
    }
}
