package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.PairBias;
import dev.kdeformer.kernel.DecodeTile;
import dev.kdeformer.kernel.KeyRanges;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.LogitTerms;
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
record DecodeCall(Cached cached, CacheQuery asked, Tensor output, Tensor logSumExp, Team team) {
    /**
     * What a cache holds.
     *
     * @param store   keys and values
     * @param regions the regions whose keys are sorted, in the order of their places
     * @param length  keys of every head
     * @param kvHeads key heads of a batch item
     */
    record Cached(Store store, List<Region> regions, int length, int kvHeads) {
    }

    Store store() {
        return cached.store;
    }

    List<Region> regions() {
        return cached.regions;
    }

    /** Keys of every head. */
    int length() {
        return cached.length;
    }

    /** Key heads of a batch item. */
    int kvHeads() {
        return cached.kvHeads;
    }

    /** Key heads of all batch items. */
    int units() {
        return asked.query().shape().batch() * kvHeads();
    }

    /** Queries of a head. */
    int queries() {
        return asked.query().shape().rows();
    }

    /** Rows of a key head. */
    int rows() {
        return members() * queries();
    }

    private int members() {
        return asked.query().shape().heads() / kvHeads();
    }

    /** Number of groups that hold keys. */
    int groups() {
        return Math.ceilDiv(length(), GROUP);
    }

    /** First group that no region has. */
    int firstUnsorted() {
        return regions().isEmpty() ? 0 : regions().get(regions().size() - 1).end() / GROUP;
    }

    /** The factor before the logits. */
    float scale() {
        return asked.scale();
    }

    LogitScale logitScale() {
        return LogitScale.of(scale());
    }

    /** Reads a row's query. */
    void readQuery(int unit, int row, float[] target, int at) {
        of(asked.query(), unit, row).readRow(row % queries(), target, at);
    }

    private Matrix of(Tensor tensor, int unit, int row) {
        return tensor.matrix(unit / kvHeads(), head(unit, row));
    }

    private int head(int unit, int row) {
        return unit % kvHeads() * members() + row / queries();
    }

    /** Finds the places of the keys that the rows of a tile see. */
    void ranges(int unit, int firstRow, int rows, KeyRanges ranges) {
        ranges.begin(rows, length());
        for (int r = 0; r < rows; r++) {
            int query = (firstRow + r) % queries();
            ranges.set(r, asked.mask().firstKey(unit / kvHeads(), query, queries(), length()),
                    asked.mask().endKey(unit / kvHeads(), query, queries(), length()));
        }
        ranges.summarise();
    }

    private LogitTerms terms(int unit) {
        PairBias bias = asked.pairBias();
        return new LogitTerms(asked.softCap(), bias == null ? null : (row, rows, key, keys, target, stride) -> {
            // Rows of one query head at a time.
            int n = queries();
            for (int from = row; from < row + rows;) {
                int to = Math.min(row + rows, (from / n + 1) * n);
                float[] part = from == row ? target : new float[(to - from) * stride];
                bias.fill(new PairBias.Piece(unit / kvHeads(), head(unit, from), from % n, to - from, key, keys), part,
                        stride);
                if (part != target) {
                    System.arraycopy(part, 0, target, (from - row) * stride, part.length);
                }
                from = to;
            }
        });
    }

    /**
     * Adds what rows see of the keys of consecutive groups.
     *
     * @param seen what the rows of the tile see
     */
    void add(DecodeTile tile, int unit, KeyRanges seen, int from, int to) {
        int[] places = new int[GROUP];
        boolean plain = asked.isPlain();
        for (int group = from; group < to; group++) {
            int first = group * GROUP;
            Region region = plain ? null : region(group);
            if (region == null && (first >= seen.most() || first + GROUP <= seen.least())) {
                continue;
            }
            long keys = store().keys(unit, group);
            long values = store().values(unit, group);
            long scales = store().scales(unit, group);
            if (region != null) {
                region.places(unit, group, places);
                tile.put(keys, values, scales, first, GROUP, places, seen);
            } else if (seen.showAll(first, first + GROUP)) {
                tile.put(keys, values, scales, first);
            } else {
                tile.put(keys, values, scales, first, Math.min(GROUP, length() - first), null, seen);
            }
        }
        tile.flush();
    }

    /** The region that has a group, or null. */
    private Region region(int group) {
        for (Region region : regions()) {
            if (group * GROUP >= region.first() && group * GROUP < region.end()) {
                return region;
            }
        }
        return null;
    }

    /** Loads the queries of a tile, multiplied by what its kernels want them to be, and empties its state. */
    void begin(DecodeTile tile, int unit, int firstRow, int rows) {
        LogitScale logitScale = logitScale();
        tile.begin(rows, store().layout(), logitScale);
        tile.setTerms(terms(unit), firstRow);
        float[] q = tile.queries();
        int stride = store().layout().queryStride();
        for (int r = 0; r < rows; r++) {
            readQuery(unit, firstRow + r, q, r * stride);
        }
        float queryUnit = store().layout().queryUnit();
        for (int i = 0; i < rows * stride; i++) {
            // One after the other: their product may be too small for a float.
            q[i] = q[i] * logitScale.power() * queryUnit;
        }
    }

    /**
     * Merges the states of a row in their order and the sink, divides and writes the row.
     *
     * @param states   address of the first state
     * @param distance bytes from state to state
     * @return binary logarithm of the sum of all weights, −∞ for none
     */
    double write(int unit, int row, long states, int count, long distance) {
        SoftmaxSums total = new SoftmaxSums(1, store().dv(), SoftmaxSums.BINARY);
        float[] values = new float[store().valueStride()];
        for (int s = 0; s < count; s++) {
            PartialRows state = PartialRows.at(states + s * distance, store().dv());
            state.readValues(0, values);
            total.add(0, state.reference(0), state.sum(0), values, 0);
        }
        double sink = asked.sink(head(unit, row));
        if (sink > Double.NEGATIVE_INFINITY) {
            total.add(0, sink / Math.log(2), 1);
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

    /** The log-sum-exp that was written for a row; NaN where none is wanted. */
    float logSumExp(int unit, int row) {
        return logSumExp == null ? Float.NaN : of(logSumExp, unit, row).get(row % queries(), 0);
    }

    /** Writes a row of the output, and its log-sum-exp where one is wanted. */
    void writeRow(int unit, int row, float[] values, float sum) {
        of(output, unit, row).writeRow(row % queries(), values, 0);
        if (logSumExp != null) {
            of(logSumExp, unit, row).set(row % queries(), 0, sum);
        }
    }

    /** Adds to a row of the output, unless the sum would not be finite. */
    void addToOutput(int unit, int row, float[] more) {
        float[] o = new float[store().dv()];
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
        float[] o = new float[store().dv()];
        readOutput(unit, row, o);
        double sum = 0;
        for (float each : o) {
            sum += (double) each * each;
        }
        return Math.sqrt(sum);
    }
}
