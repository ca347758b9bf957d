package dev.kdeformer.exact.tiled;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.KeyRanges;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitTerms;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.tensor.Matrix;

/**
 * A few tiles of queries that take turns at each block of keys, so that the block comes from memory once for all of
 * them and stays in the second cache between them. Kept per thread.
 */
final class TileGroup {
    /** Most tiles in a group. */
    static final int MOST = 4;

    /** Keys and values of a block; with the group's own arrays they fill little more than half of a cache of 1 MiB. */
    private static final int BLOCK_BYTES = 1 << 18;

    private final QueryTile[] queries = new QueryTile[MOST];
    private final SoftmaxTile[] states = new SoftmaxTile[MOST];
    private final KeyRanges[] ranges = new KeyRanges[MOST];

    TileGroup() {
        for (int t = 0; t < MOST; t++) {
            queries[t] = new QueryTile();
            ranges[t] = new KeyRanges();
            states[t] = t == 0 ? new SoftmaxTile() : new SoftmaxTile(states[0]);
        }
    }

    /** Heap bytes of a group for values of {@code dv} features. */
    static long bytes(int dv) {
        return 4L * QueryTile.ROWS * (Lanes.STRIDE + MOST * (Lanes.STRIDE + 2L * Lanes.LANES + Lanes.padColumns(dv)));
    }

    /**
     * Computes the outputs of group {@code group} of a query head of {@code head}.
     *
     * @param centring what was subtracted from the keys
     */
    void attend(Call call, KeyHead head, int member, Tiling tiling, int group, PackedKeys keys,
            Centring centring) {
        AttentionInput input = call.input();
        Matrix query = head.query(member);
        int first = tiling.firstTile(group);
        int tiles = tiling.firstTile(group + 1) - first;
        LogitTerms terms = head.terms(member);
        int least = Integer.MAX_VALUE;
        int most = 0;
        for (int t = 0; t < tiles; t++) {
            int from = tiling.from(first + t);
            int count = tiling.from(first + t + 1) - from;
            queries[t].load(query, 0, from, count, keys.scale());
            states[t].begin(count, input.dv());
            states[t].setTerms(terms, from);
            head.ranges(from, count, ranges[t]);
            least = Math.min(least, ranges[t].least());
            most = Math.max(most, ranges[t].most());
        }
        int block = Math.max(1, BLOCK_BYTES / (4 * Lanes.STEP * (input.d() + input.dv()))) * Lanes.STEP;
        int start = least / block * block;
        for (int key = start; key < most; key += block) {
            int end = Math.min(keys.count(), key + block);
            for (int t = 0; t < tiles; t++) {
                call.team().check();
                states[t].add(queries[t], keys, key, end, ranges[t]);
            }
        }
        Matrix logSumExp = head.logSumExp(member);
        for (int t = 0; t < tiles; t++) {
            int from = tiling.from(first + t);
            int count = tiling.from(first + t + 1) - from;
            float sink = head.sink(member);
            double[] shift = logSumExp == null && sink == Float.NEGATIVE_INFINITY ? null
                    : head.shift(query, 0, from, count, centring);
            if (sink != Float.NEGATIVE_INFINITY) {
                states[t].addSink(sink, shift);
            }
            states[t].finish(head.output(member), logSumExp, 0, from, shift);
            call.team().advance(1);
        }
    }
}
