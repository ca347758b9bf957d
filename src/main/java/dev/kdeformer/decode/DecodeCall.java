package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.kernel.DecodeTile;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.linalg.SoftmaxSums;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.List;

/**
 * A checked decoding call. The rows of a key head are the queries of all query heads that read it: row
 * {@code member · n + i} is query i of its {@code member}-th query head.
 */
record DecodeCall(Store store, List<Region> regions, int length, int kvHeads, Tensor query, Tensor output,
        Tensor logSumExp, float scale, Team team) {
    /** Key heads of all batch items. */
    int units() {
        return query.shape().batch() * kvHeads;
    }

    /** Queries of a head. */
    int queries() {
        return query.shape().rows();
    }

    /** Rows of a key head. */
    int rows() {
        return query.shape().heads() / kvHeads * queries();
    }

    /** Number of groups that hold keys. */
    int groups() {
        return (length + GROUP - 1) / GROUP;
    }

    /** First group that no region has. */
    int firstUnsorted() {
        return regions.isEmpty() ? 0 : regions.get(regions.size() - 1).end() / GROUP;
    }

    LogitScale logitScale() {
        return LogitScale.of(scale);
    }

    /** Reads a row's query. */
    void readQuery(int unit, int row, float[] target, int at) {
        of(query, unit, row).readRow(row % queries(), target, at);
    }

    private Matrix of(Tensor tensor, int unit, int row) {
        return tensor.matrix(unit / kvHeads, unit % kvHeads * (rows() / queries()) + row / queries());
    }

    /** Number of keys that a row sees. */
    int visible(int row) {
        return Math.max(0, length - queries() + 1 + row % queries());
    }

    /**
     * Adds the keys of consecutive groups.
     *
     * @param firstRow row of the tile's first query
     * @param rows     queries in the tile
     */
    void add(DecodeTile tile, int unit, int firstRow, int rows, int from, int to) {
        int[] visible = new int[rows];
        int all = length - queries() + 1;
        for (int group = from; group < to; group++) {
            boolean masked = (group + 1) * (long) GROUP > all;
            for (int r = 0; r < rows && masked; r++) {
                visible[r] = visible(firstRow + r) - group * GROUP;
            }
            tile.put(store.keys(unit, group), store.values(unit, group), masked ? visible : null);
        }
        tile.flush();
    }

    /** Loads the queries of a tile, multiplied by the power of two of the scale, and empties its state. */
    void begin(DecodeTile tile, int unit, int firstRow, int rows) {
        LogitScale logitScale = logitScale();
        int d = store.d();
        tile.begin(rows, d, store.dv(), logitScale.factor());
        float[] q = tile.queries();
        for (int r = 0; r < rows; r++) {
            readQuery(unit, firstRow + r, q, r * d);
        }
        for (int i = 0; i < rows * d; i++) {
            q[i] *= logitScale.power();
        }
    }

    /**
     * Merges the states of a row in their order, divides and writes the row.
     *
     * @param states   address of the first state
     * @param distance bytes from state to state
     * @return binary logarithm of the sum of all weights, −∞ for none
     */
    double write(int unit, int row, long states, int count, long distance) {
        SoftmaxSums total = new SoftmaxSums(1, store.dv(), SoftmaxSums.BINARY);
        float[] values = new float[store.valueStride()];
        for (int s = 0; s < count; s++) {
            PartialRows state = PartialRows.at(states + s * distance, store.dv());
            state.readValues(0, values);
            total.add(0, state.reference(0), state.sum(0), values, 0);
        }
        total.means(0, values);
        of(output, unit, row).writeRow(row % queries(), values, 0);
        if (logSumExp != null) {
            of(logSumExp, unit, row).set(row % queries(), 0, (float) total.log(0));
        }
        return total.log(0) / Math.log(2);
    }

    /** Reads a row of the output. */
    void readOutput(int unit, int row, float[] target) {
        of(output, unit, row).readRow(row % queries(), target, 0);
    }

    /** Adds to a row of the output, unless the sum would not be finite. */
    void addToOutput(int unit, int row, float[] more) {
        float[] o = new float[store.dv()];
        readOutput(unit, row, o);
        for (int c = 0; c < o.length; c++) {
            o[c] += more[c];
            if (!Float.isFinite(o[c])) {
                return;
            }
        }
        of(output, unit, row).writeRow(row % queries(), o, 0);
    }

    /** Euclidean norm of a row of the output. */
    double outputNorm(int unit, int row) {
        float[] o = new float[store.dv()];
        readOutput(unit, row, o);
        double sum = 0;
        for (float each : o) {
            sum += (double) each * each;
        }
        return Math.sqrt(sum);
    }
}
