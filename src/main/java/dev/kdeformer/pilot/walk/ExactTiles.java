package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/** Exact attention for some of a head's queries, wherever they are in the order of its tree. */
final class ExactTiles {
    private static final int TILE = 48;

    private ExactTiles() {
    }

    /** All keys of a head, packed. */
    static PackedKeys pack(KeyGroups keys, Team team) {
        PackedKeys packed = new PackedKeys(team.scratch(), keys.count(), keys.keys().columns(),
                keys.values().columns(), LogitScale.of(1));
        int[] identity = new int[keys.count()];
        Arrays.setAll(identity, j -> j);
        new Packer().packRows(packed, identity, keys.keys().address(), keys.keys().stride(),
                keys.values().address(), keys.values().stride(), keys.biases());
        return packed;
    }

    /** The exact rows at {@code positions}. */
    static RowSample sample(PilotHead head, int[] positions, PackedKeys packed, Team team) {
        RowSample sample = new RowSample(head.output(), head.order(), positions);
        compute(head, positions, packed, team, sample::set);
        return sample;
    }

    /** Computes the rows at {@code positions} and makes them the output. */
    static void write(PilotHead head, int[] positions, PackedKeys packed, Team team) {
        long mark = team.scratch().mark();
        long rows = team.scratch().ints(positions.length);
        for (int i = 0; i < positions.length; i++) {
            Memory.putInt(rows + i * 4L, head.order()[positions[i]]);
        }
        compute(head, positions, packed, team, (state, from, count) -> head.finish(state, rows, from, count));
        team.scratch().release(mark);
    }

    /** Takes the finished state of a tile, indices [from, from + count) of the positions. */
    private interface Receiver {
        void take(SoftmaxTile state, int from, int count);
    }

    private static void compute(PilotHead head, int[] positions, PackedKeys packed, Team team, Receiver receiver) {
        team.forEach(Math.ceilDiv(positions.length, TILE), (index, scratch) -> {
            int from = index * TILE;
            int count = Math.min(TILE, positions.length - from);
            QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            queries.resize(count, packed.d());
            for (int r = 0; r < count; r++) {
                head.queries().read(positions[from + r], queries.data(), r * STRIDE);
            }
            state.begin(count, packed.dv());
            state.add(queries, packed);
            receiver.take(state, from, count);
        });
    }
}
