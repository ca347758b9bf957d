package dev.kdeformer.kdeformer;

import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;

/**
 * The gradients of a {@link Rectangle} with its {@link BlockChoice} held fixed. The blocks are dealt to a fixed number
 * of shares that run at the same time. A block's own keys meet no other queries and are added to by its share alone;
 * sampled keys meet the queries of all blocks, and every share sums them for itself. The shares' sums are added in the
 * order of the shares, so that every sum has one order, whatever the number of threads.
 */
final class RectangleGradient {
    /** Most shares. */
    private static final int SHARES = 64;

    /** Shares that are made however much memory they take, where there are as many blocks. */
    private static final int LEAST_SHARES = 8;

    private final GradientHead head;
    private final BlockChoice choice;
    private final KeySample sample;
    private final long sharedOrder;
    private final int shared;
    private final int blocks;
    private final int shares;
    private final long tileBytes;
    private final long sums;

    /** Prepares, with memory from the team's scratch. */
    RectangleGradient(GradientHead head, BlockChoice choice, Team team) {
        this.head = head;
        this.choice = choice;
        this.sample = choice.sample();
        this.shared = sample == null ? choice.blocks().keys() : sample.count();
        this.sharedOrder = sample == null ? choice.keyOrder() : choice.sampledKeys(team.scratch());
        int queries = choice.blocks().queries();
        this.blocks = sample == null ? Math.ceilDiv(queries, GradientTile.QUERIES)
                : choice.blocks().count();
        this.shares = shares(blocks, choice.blocks().keys(), shared);
        this.tileBytes = tileBytes(head.keyHead().key().columns(), head.keyHead().value().columns());
        this.sums = team.scratch().allocate(shares * tiles(shared) * tileBytes);
    }

    private static long tileBytes(int d, int dv) {
        return GradientTile.sumFloats(d, dv) * Float.BYTES;
    }

    private static int tiles(int keys) {
        return Math.ceilDiv(keys, GradientTile.KEYS);
    }

    /** So many that the sums of all shares take about as much memory as four times the gradients by the keys. */
    private static int shares(int blocks, int keys, int shared) {
        int room = (int) Math.max(LEAST_SHARES, Math.min(SHARES, 4L * keys / Math.max(1, shared)));
        return Math.max(1, Math.min(blocks, room));
    }

    /** Bytes of scratch memory, those of the tasks left out. */
    static long bytes(int keys, int shared, int d, int dv) {
        return shares(Integer.MAX_VALUE, keys, shared) * tiles(shared) * tileBytes(d, dv);
    }

    /** Adds the gradients. */
    void add(Team team) {
        team.forEach(shares, this::share);
        team.forEach(tiles(shared), (tile, scratch) -> reduce(tile));
    }

    /** First query of a block. */
    private int queryFrom(int block) {
        return sample != null ? choice.blocks().queryFrom(block)
                : (int) Math.min(choice.blocks().queries(), (long) block * GradientTile.QUERIES);
    }

    private void share(int share, Scratch scratch) {
        long mine = sums + share * tiles(shared) * tileBytes;
        Memory.fillFloats(mine, tiles(shared) * tileBytes / Float.BYTES, 0);
        QueryPieces pieces = new QueryPieces(head, scratch);
        int last = (int) ((share + 1L) * blocks / shares);
        for (int block = (int) ((long) share * blocks / shares); block < last; block++) {
            for (int member = 0; member < head.members(); member++) {
                int to = queryFrom(block + 1);
                for (int from = queryFrom(block); from < to; from += GradientTile.QUERIES) {
                    pieces.add(block, member, choice.queryOrder(member), from,
                            Math.min(GradientTile.QUERIES, to - from));
                    if (pieces.isFull()) {
                        meet(pieces, mine, scratch);
                    }
                }
            }
        }
        meet(pieces, mine, scratch);
    }

    private void meet(QueryPieces pieces, long mine, Scratch scratch) {
        head.head().call().team().check();
        GradientTile tile = scratch.keep(GradientTile.class, GradientTile::new);
        for (int t = 0; t < tiles(shared) && pieces.count() > 0; t++) {
            int from = t * GradientTile.KEYS;
            int to = Math.min(shared, from + GradientTile.KEYS);
            head.load(tile, sharedOrder, from, to, mine + t * tileBytes);
            for (int entry = from; entry < to && sample != null; entry++) {
                tile.weigh(entry - from, sample.logWeight(entry));
            }
            for (int p = 0; p < pieces.count(); p++) {
                if (sample != null) {
                    tile.leaveOut(Math.max(from, choice.firstSample(pieces.block(p))) - from,
                            Math.min(to, choice.firstSample(pieces.block(p) + 1)) - from);
                }
                pieces.meet(p, tile, -GradientTile.KEYS);
            }
            tile.store(mine + t * tileBytes);
        }
        for (int p = 0; p < pieces.count() && sample != null; ) {
            int next = p + 1;
            while (next < pieces.count() && pieces.block(next) == pieces.block(p)) {
                next++;
            }
            meetOwn(pieces, p, next, tile);
            p = next;
        }
        pieces.finish(head.head().call().team());
    }

    /** Lets pieces [first, last), which are of one block, meet its keys. */
    private void meetOwn(QueryPieces pieces, int first, int last, GradientTile tile) {
        int end = choice.blocks().keyFrom(pieces.block(first) + 1);
        for (int from = choice.blocks().keyFrom(pieces.block(first)); from < end; from += GradientTile.KEYS) {
            head.load(tile, choice.keyOrder(), from, Math.min(end, from + GradientTile.KEYS), 0);
            for (int p = first; p < last; p++) {
                pieces.meet(p, tile, -GradientTile.KEYS);
            }
            tile.addTo(head.dKey(), head.dValue(), choice.keyOrder(), from, head.scale());
        }
    }

    /** Adds the sums of all shares of a tile of sampled keys. */
    private void reduce(int tile) {
        int d = head.keyHead().key().columns();
        int dv = head.keyHead().value().columns();
        float[] keyRow = new float[d];
        float[] valueRow = new float[dv];
        int from = tile * GradientTile.KEYS;
        for (int entry = from; entry < Math.min(shared, from + GradientTile.KEYS); entry++) {
            int key = Memory.getInt(sharedOrder + (long) entry * Integer.BYTES);
            head.dKey().readRow(key, keyRow, 0);
            head.dValue().readRow(key, valueRow, 0);
            for (int share = 0; share < shares; share++) {
                long at = sums + (share * tiles(shared) + tile) * tileBytes;
                for (int c = 0; c < d; c++) {
                    keyRow[c] += head.scale() * Memory.getFloat(at + GradientTile.index(entry - from, c, d));
                }
                at += GradientTile.valueOffset(d);
                for (int c = 0; c < dv; c++) {
                    valueRow[c] += Memory.getFloat(at + GradientTile.index(entry - from, c, dv));
                }
            }
            head.dKey().writeRow(key, keyRow, 0);
            head.dValue().writeRow(key, valueRow, 0);
        }
    }
}
