package dev.kdeformer.exact.tiled;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.PairBias;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/**
 * Adds up the derivatives by the biases of pairs, by what these are made of, and by sinks. Shares of one head have
 * different keys, so that they write different columns of a gradient by pairs; parameters they sum apart. Heads come
 * one after the other, since they may share both.
 */
final class PairGradients {
    private final AttentionInput input;
    private final Tensor pairs;
    private final PairBias bias;
    private final double[] parameters;
    /** Null where nobody wants the parts of a grid. */
    private final GridGradients grid;
    private double[][] ofShares = new double[0][];
    /** First query of the phase. */
    private int from;

    PairGradients(GradientCall call) {
        this.input = call.input();
        this.pairs = call.biases().pairs();
        this.bias = input.pairBias();
        this.parameters = call.biases().parameters() == null ? null : new double[bias.parameters()];
        this.grid = call.biases().rows() == null ? null
                : new GridGradients(call.biases().rows(), call.biases().columns());
    }

    /** Whether a call wants what this adds up while tiles are computed. */
    static boolean isWanted(BiasGradients biases) {
        return !biases.tensors().isEmpty() || biases.parameters() != null;
    }

    /** Starts a head whose keys are dealt to some shares. */
    void begin(int shares) {
        ofShares = new double[shares][parameters == null ? 0 : parameters.length];
    }

    /** Starts some queries of a query head. */
    void beginPhase(int first, int queries) {
        from = first;
        if (grid != null) {
            grid.begin(ofShares.length, queries);
        }
    }

    /** Adds the shares of these queries. */
    void endPhase(int batch, int head) {
        if (grid != null) {
            grid.end(batch, head, from);
        }
    }

    /**
     * Adds the derivatives of a tile of keys and some queries.
     *
     * @param share  the share that the keys belong to
     * @param tile   the queries and the keys
     * @param slopes a row for each key with row distance STRIDE, a column for each query
     */
    void add(int share, PairBias.Piece tile, float[] slopes) {
        if (pairs != null) {
            addPairs(tile, slopes);
        }
        if (grid != null) {
            grid.add(share, tile.query() - from, tile.queries(), tile.key(), tile.keys(), slopes);
        }
        for (int r = 0; r < tile.keys() && parameters != null; r++) {
            for (int i = 0; i < tile.queries(); i++) {
                float slope = slopes[r * Lanes.STRIDE + i];
                int parameter = slope == 0 ? -1 : bias.parameter(tile.head(), tile.query() + i, tile.key() + r);
                if (parameter >= 0) {
                    ofShares[share][parameter] += slope;
                }
            }
        }
    }

    private void addPairs(PairBias.Piece tile, float[] slopes) {
        Matrix target = pairs.sharedMatrix(tile.batch(), tile.head());
        for (int r = 0; r < tile.keys(); r++) {
            int key = tile.key() + r;
            if (target.rows() == 1) {
                double sum = target.get(0, key);
                for (int i = 0; i < tile.queries(); i++) {
                    sum += slopes[r * Lanes.STRIDE + i];
                }
                target.set(0, key, (float) sum);
            } else {
                for (int i = 0; i < tile.queries(); i++) {
                    int query = tile.query() + i;
                    target.set(query, key, target.get(query, key) + slopes[r * Lanes.STRIDE + i]);
                }
            }
        }
    }

    /** Adds the shares of a head in their order. */
    void end() {
        for (double[] share : ofShares) {
            for (int i = 0; i < share.length; i++) {
                parameters[i] += share[i];
            }
        }
    }

    /** Writes the gradient by parameters. */
    void writeTo(float[] target) {
        for (int i = 0; target != null && i < target.length; i++) {
            target[i] = (float) parameters[i];
        }
    }
}
