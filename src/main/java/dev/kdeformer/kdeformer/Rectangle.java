package dev.kdeformer.kdeformer;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;

/**
 * A range of queries that all see all of a range of keys: sorted, cut into matching blocks, and the keys sampled for
 * what lies outside the blocks. A query's sum is that over its own block plus the weighted sum over the sampled keys
 * that are not in it, so no key counts twice. A range of few keys is one block without samples, which is exact.
 */
final class Rectangle {
    /** Keys packed by one task. */
    private static final int PACK_KEYS = Lanes.STEP;

    /** Tiles of one task. A block is packed anew for each task, at a few per cent of the cost of so many tiles. */
    private static final int SLICE = 10;

    private final HashedHead head;
    private final KeyHead keyHead;
    private final BlockChoice choice;
    private final KeySample sample;
    private final PackedKeys sampled;
    private final int members;

    /** Takes what the tiles of queries that have seen a rectangle's keys hold. */
    @FunctionalInterface
    interface Sink {
        /**
         * Takes a tile.
         *
         * @param member query head of the group
         * @param count  number of queries
         * @param order  address of ints, the query at every position
         * @param from   position of the first query
         */
        void take(int member, SoftmaxTile state, int count, long order, int from);
    }

    /**
     * Chooses and packs for queries [queryFrom, queryTo) and keys [keyFrom, keyTo), with memory from the team's
     * scratch.
     *
     * @param index number of this rectangle among those of its head; different ones draw different samples
     */
    Rectangle(HashedHead head, int queryFrom, int queryTo, int keyFrom, int keyTo, int index, Team team) {
        this.head = head;
        this.keyHead = head.keyHead();
        this.members = keyHead.groupSize();
        this.choice = new BlockChoice(head, queryFrom, queryTo, keyFrom, keyTo, index, team);
        this.sample = choice.sample();
        if (sample == null) {
            this.sampled = null;
            return;
        }
        this.sampled = new PackedKeys(team.scratch(), sample.count(), keyHead.key().columns(),
                keyHead.value().columns(), head.scale());
        packSample(team);
    }

    private void packSample(Team team) {
        long rows = choice.sampledKeys(team.scratch());
        team.forEach(Math.ceilDiv(sample.count(), PACK_KEYS), (chunk, scratch) -> {
            int from = chunk * PACK_KEYS;
            int to = Math.min(sample.count(), from + PACK_KEYS);
            scratch.keep(Packer.class, Packer::new).pack(sampled, from, to, new KeySource(keyHead.key(),
                    keyHead.value(), null, rows, Centring.of(head.centre())));
            for (int entry = from; entry < to; entry++) {
                int key = Memory.getInt(rows + (long) entry * Integer.BYTES);
                float bias = keyHead.bias() == null ? 0 : keyHead.bias().get(0, key);
                sampled.setBias(entry, bias + sample.logWeight(entry));
            }
        });
    }

    /** Number of keys evaluated, summed over the queries of all query heads. */
    long pairs() {
        long sum = 0;
        for (int block = 0; block < choice.blocks().count(); block++) {
            sum += (long) choice.queries(block) * (choice.keys(block) + (sample == null ? 0 : sample.count()));
        }
        return sum * members;
    }

    /** Computes all tiles and hands them over. */
    void attend(Team team, Sink sink) {
        int most = 0;
        for (int block = 0; block < choice.blocks().count(); block++) {
            most = Math.max(most, choice.queries(block));
        }
        int slices = Math.ceilDiv(members * tiles(most), SLICE);
        team.forEach(choice.blocks().count() * slices,
                (index, scratch) -> attend(index / slices, index % slices, scratch, sink));
    }

    private static int tiles(int queries) {
        return Math.ceilDiv(queries, QueryTile.ROWS);
    }

    private void attend(int block, int slice, Scratch scratch, Sink sink) {
        int tiles = tiles(choice.queries(block));
        int first = slice * SLICE;
        int end = Math.min(members * tiles, first + SLICE);
        if (first >= end) {
            return;
        }
        PackedKeys own = packBlock(block, scratch);
        PackedKeys others = sample == null ? null : samplesOutside(block, scratch);
        int size = Lanes.roundUp(Math.ceilDiv(choice.queries(block), tiles), LogitKernel.ROWS);
        QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
        SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
        for (int index = first; index < end; index++) {
            head.call().team().check();
            int member = index / tiles;
            int from = choice.blocks().queryFrom(block) + index % tiles * size;
            int count = Math.min(size, choice.blocks().queryFrom(block + 1) - from);
            if (count <= 0) {
                continue;
            }
            queries.load(keyHead.query(member), choice.queryOrder(member), from, count, head.scale());
            state.begin(count, keyHead.value().columns());
            state.add(queries, own);
            if (others != null) {
                state.add(queries, others);
            }
            sink.take(member, state, count, choice.queryOrder(member), from);
            head.call().team().advance(count);
        }
    }

    private PackedKeys packBlock(int block, Scratch scratch) {
        int from = choice.blocks().keyFrom(block);
        int count = choice.keys(block);
        PackedKeys own = new PackedKeys(scratch, count, keyHead.key().columns(), keyHead.value().columns(),
                head.scale());
        scratch.keep(Packer.class, Packer::new).pack(own, 0, count, keyHead.source(
                choice.keyOrder() + (long) from * Integer.BYTES, Centring.of(head.centre())));
        return own;
    }

    /** The sample without the keys of a block. */
    private PackedKeys samplesOutside(int block, Scratch scratch) {
        int from = choice.firstSample(block);
        int to = choice.firstSample(block + 1);
        if (from == to) {
            return sampled;
        }
        PackedKeys others = sampled.withOwnBias(scratch);
        for (int entry = from; entry < to; entry++) {
            others.hide(entry);
        }
        return others;
    }
}
