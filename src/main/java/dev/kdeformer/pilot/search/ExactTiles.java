package dev.kdeformer.pilot.search;

import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * Exact attention for some of a head's queries, wherever they are.
 *
 * @param queries reads them
 * @param keys    all keys of the head
 * @param order   the caller's row of every query
 * @param output  writes results
 */
public record ExactTiles(Reader queries, PackedKeys keys, int[] order, Writer output) {
    /** Tiles are of so many queries or a multiple: what the rows of register tiles divide. */
    private static final int UNIT = 12;

    /** Where queries come from. */
    @FunctionalInterface
    public interface Reader {
        /** Copies the query at a position, times the scale, to {@code target} from {@code at} on. */
        void read(int position, float[] target, int at);
    }

    /** Where results go. */
    @FunctionalInterface
    public interface Writer {
        /**
         * Writes the rows of a finished state.
         *
         * @param rows address of ints, the caller's rows, of which those from {@code from} on are meant
         */
        void write(SoftmaxTile state, long rows, int from, int count);
    }

    /** Sets the rows of a sample from index {@code from} on. */
    public void sample(RowSample sample, int from, Team team) {
        int[] positions = Arrays.copyOfRange(sample.positions(), from, sample.count());
        compute(positions, team, (state, at, count) -> sample.set(state, from + at, count));
    }

    /** Computes the queries at {@code positions} and makes them the output. */
    public void write(int[] positions, Team team) {
        long mark = team.scratch().mark();
        long rows = team.scratch().ints(positions.length);
        for (int i = 0; i < positions.length; i++) {
            Memory.putInt(rows + i * 4L, order[positions[i]]);
        }
        compute(positions, team, (state, from, count) -> output.write(state, rows, from, count));
        team.scratch().release(mark);
    }

    /** Takes the finished state of a tile, indices [from, from + count) of the positions. */
    private interface Receiver {
        void take(SoftmaxTile state, int from, int count);
    }

    private void compute(int[] positions, Team team, Receiver receiver) {
        // Every tile fetches all keys: as few of them as keep all threads busy.
        int tiles = Lanes.roundUp(Math.ceilDiv(Math.max(1, positions.length), QueryTile.ROWS), team.threads());
        int size = Lanes.roundUp(Math.max(1, Math.ceilDiv(positions.length, tiles)), UNIT);
        team.forEach(Math.ceilDiv(positions.length, size), (index, scratch) -> {
            int from = index * size;
            int count = Math.min(size, positions.length - from);
            QueryTile tile = scratch.keep(QueryTile.class, QueryTile::new);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            tile.resize(count, keys.d());
            for (int r = 0; r < count; r++) {
                queries.read(positions[from + r], tile.data(), r * STRIDE);
            }
            state.begin(count, keys.dv());
            state.add(tile, keys);
            receiver.take(state, from, count);
        });
    }
}
