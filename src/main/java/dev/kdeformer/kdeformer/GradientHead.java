package dev.kdeformer.kdeformer;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;

/**
 * A key head whose gradients are gathered: what its query heads saved, and the caller's tensors that the parts of the
 * head add to. A row is added to by one task at a time, and by the parts in their order.
 */
final class GradientHead {
    /** Rows that one task clears. */
    private static final int CHUNK = 4096;

    private final HashedHead head;
    private final GradientCall call;
    private final GradientRows.Source[] sources;
    private final Matrix[] dQueries;
    private final Matrix dKey;
    private final Matrix dValue;

    GradientHead(GradientCall call, HashedHead head) {
        KeyHead keyHead = head.keyHead();
        int members = keyHead.groupSize();
        this.head = head;
        this.call = call;
        this.sources = new GradientRows.Source[members];
        this.dQueries = new Matrix[members];
        for (int member = 0; member < members; member++) {
            sources[member] = GradientRows.Source.of(call, keyHead, member, 0, call.input().queries());
            dQueries[member] = keyHead.ofQueries(call.dQuery(), member);
        }
        this.dKey = keyHead.ofKeys(call.dKey());
        this.dValue = keyHead.ofKeys(call.dValue());
    }

    HashedHead head() {
        return head;
    }

    KeyHead keyHead() {
        return head.keyHead();
    }

    int members() {
        return sources.length;
    }

    /** What a query head saved. */
    GradientRows.Source source(int member) {
        return sources[member];
    }

    /** What a query head saved of queries [from, from + count). */
    GradientRows.Source source(int member, int from, int count) {
        return GradientRows.Source.of(call, head.keyHead(), member, from, count);
    }

    /** Gradients by the queries of a query head. */
    Matrix dQuery(int member) {
        return dQueries[member];
    }

    Matrix dKey() {
        return dKey;
    }

    Matrix dValue() {
        return dValue;
    }

    /** The softmax scale. */
    float scale() {
        return head.call().input().scale();
    }

    /** Sets all gradients to zeros. */
    void clear(Team team) {
        for (Matrix each : dQueries) {
            clear(each, team);
        }
        clear(dKey, team);
        clear(dValue, team);
    }

    private static void clear(Matrix rows, Team team) {
        team.forEach(Math.ceilDiv(rows.rows(), CHUNK), (index, scratch) -> {
            float[] zeros = new float[rows.columns()];
            for (int row = index * CHUNK; row < Math.min(rows.rows(), (index + 1) * CHUNK); row++) {
                rows.writeRow(row, zeros, 0);
            }
        });
    }

    /**
     * Loads a tile of keys.
     *
     * @param order address of ints, the key at every position; 0 for the identity
     * @param from  first position
     * @param to    position after the last
     * @param sums  address of the tile's sums so far, 0 for none
     */
    void load(GradientTile tile, long order, int from, int to, long sums) {
        KeyHead keyHead = head.keyHead();
        tile.load(keyHead.source(order, Centring.of(head.centre())), from, to - from, head.scale(), sums);
    }
}
