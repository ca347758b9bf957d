package dev.kdeformer.exact.tiled;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.kernel.KeyRanges;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.LogitTerms;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;

/**
 * The gradients of one key head and the query heads that read it. Queries are taken in phases that bound the memory;
 * in each, the tiles of keys are dealt to a fixed number of shares that run at the same time, each with query gradients
 * of its own, which are then added in the order of the shares. Keys and values are summed by one share each. So every
 * sum has one order, whatever the number of threads.
 */
final class HeadGradient {
    /** Queries of a phase; a multiple of a block and of what a task packs. */
    private static final int PHASE = 9600;

    /** Queries packed by one task; a multiple of every panel. */
    private static final int PACK = 1920;

    /** Log-sum-exps beyond this are computed anew, with the digits that a float does not hold. */
    private static final float LARGE = 64;

    /** Most shares of the keys. */
    private static final int SHARES = 16;

    private final AttentionInput input;
    private final GradientCall call;
    private final KeyHead head;
    private final PairGradients pairs;
    private final boolean whole;
    private final LogitScale scale;
    private final Centring centring;
    private final int tiles;
    private final int shares;

    /**
     * The gradient of a key head and the query heads that read it.
     *
     * @param pairs adds up gradients by biases; null where nobody wants them
     * @param whole whether the saved log-sum-exps are those of the keys that the mask shows, and of no others
     */
    HeadGradient(GradientCall call, int unit, PairGradients pairs, boolean whole) {
        this.pairs = pairs;
        this.whole = whole;
        this.input = call.input();
        this.call = call;
        this.head = call.forward().keyHead(unit);
        this.scale = LogitScale.of(input.scale());
        this.centring = new Centring(head.centre(), head.largestBias());
        this.tiles = tiles(head.keys());
        this.shares = shares(head.keys());
    }

    private static int tiles(int keys) {
        return Math.ceilDiv(keys, GradientTile.KEYS);
    }

    private static int shares(int keys) {
        return Math.max(1, Math.min(SHARES, tiles(keys) / 2));
    }

    private static int phaseRows(AttentionInput input) {
        return Math.min(PHASE, input.queries());
    }

    private static int blocks(int rows) {
        return Math.ceilDiv(rows, GradientTile.QUERIES);
    }

    /** Units of progress of a head. */
    static long steps(AttentionInput input) {
        return (long) input.groupSize() * Math.ceilDiv(input.queries(), PHASE);
    }

    /** Scratch memory of a head. */
    static long bytes(AttentionInput input) {
        int rows = phaseRows(input);
        long sums = tiles(input.keys()) * GradientTile.sumFloats(input.d(), input.dv());
        long partial = shares(input.keys()) * blocks(rows) * GradientTile.blockFloats(input.d());
        return GradientRows.bytes(rows, input.d(), input.dv()) + (sums + partial) * Float.BYTES;
    }

    void run(Team team) {
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        long tileBytes = GradientTile.sumFloats(input.d(), input.dv()) * Float.BYTES;
        long sums = scratch.allocate(tiles * tileBytes);
        Memory.fillFloats(sums, tiles * tileBytes / Float.BYTES, 0);
        int rows = phaseRows(input);
        GradientRows packed = new GradientRows(scratch, rows, input.d(), input.dv(), scale);
        long blockBytes = GradientTile.blockFloats(input.d()) * Float.BYTES;
        long partial = scratch.allocate(shares * blocks(rows) * blockBytes);
        PackedKeys keys = whole && largeLogits() ? packKeys(team) : null;
        if (pairs != null) {
            pairs.begin(shares);
        }
        for (int member = 0; member < input.groupSize(); member++) {
            for (int from = 0; from < input.queries(); from += PHASE) {
                int count = Math.min(PHASE, input.queries() - from);
                Phase phase = new Phase(member, from, count, packed, partial, blockBytes);
                phase.pack(team);
                if (keys != null) {
                    phase.sumAgain(team, keys);
                }
                if (pairs != null) {
                    pairs.beginPhase(from, count);
                }
                team.forEach(shares, (share, memory) -> phase.share(share, sums, tileBytes, memory));
                if (pairs != null) {
                    pairs.endPhase(head.batch(), head.queryHead(member));
                }
                team.forEach(blocks(count), phase::writeBlock);
                team.advance(1);
            }
        }
        if (pairs != null) {
            pairs.end();
        }
        int all = tiles(input.keys());
        team.forEach(all, (tile, memory) -> writeTile(tile, sums + tile * tileBytes));
        scratch.release(mark);
    }

    /** Whether a saved log-sum-exp is so large that as a float it has too few digits after the point. */
    private boolean largeLogits() {
        boolean large = false;
        for (int member = 0; member < input.groupSize(); member++) {
            Matrix sums = head.logSumExp(member);
            for (int i = 0; i < input.queries(); i++) {
                large |= large(sums.get(i, 0));
            }
        }
        return large;
    }

    private static boolean large(float logSumExp) {
        return Math.abs(logSumExp) > LARGE && logSumExp != Float.NEGATIVE_INFINITY;
    }

    /** The keys as the forward computation packs them, without values. */
    private PackedKeys packKeys(Team team) {
        PackedKeys keys = new PackedKeys(team.scratch(), head.keys(), input.d(), 0, scale);
        team.forEach(Math.max(1, Math.ceilDiv(head.keys(), PACK)), (index, scratch) -> scratch
                .keep(Packer.class, Packer::new).pack(keys, index * PACK, Math.min(head.keys(), (index + 1) * PACK),
                        head.source(0, centring)));
        return keys;
    }

    /** Writes the rows of a tile of keys and values; zeros for padding. */
    private void writeTile(int tile, long sums) {
        Matrix dKey = head.ofKeys(call.dKey());
        Matrix dValue = head.ofKeys(call.dValue());
        float[] keyRow = new float[input.d()];
        float[] valueRow = new float[input.dv()];
        long values = sums + GradientTile.valueOffset(input.d());
        int first = tile * GradientTile.KEYS;
        for (int j = first; j < Math.min(input.keys(), first + GradientTile.KEYS); j++) {
            boolean valid = j < head.keys();
            for (int c = 0; c < keyRow.length; c++) {
                keyRow[c] = valid
                        ? input.scale() * Memory.getFloat(sums + GradientTile.index(j - first, c, keyRow.length)) : 0;
            }
            for (int c = 0; c < valueRow.length; c++) {
                valueRow[c] = valid ? Memory.getFloat(values + GradientTile.index(j - first, c, valueRow.length)) : 0;
            }
            dKey.writeRow(j, keyRow, 0);
            dValue.writeRow(j, valueRow, 0);
        }
    }

    /** Some queries of one query head. */
    private final class Phase {
        private final int from;
        private final int count;
        private final int member;
        private final GradientRows packed;
        private final long partial;
        private final long blockBytes;
        /** What the queries of each block see. */
        private final KeyRanges[] ranges;

        Phase(int member, int from, int count, GradientRows packed, long partial, long blockBytes) {
            this.member = member;
            this.from = from;
            this.count = count;
            this.packed = packed;
            this.partial = partial;
            this.blockBytes = blockBytes;
            packed.resize(count);
            this.ranges = new KeyRanges[blocks(count)];
            for (int block = 0; block < ranges.length; block++) {
                int start = block * GradientTile.QUERIES;
                ranges[block] = new KeyRanges();
                head.ranges(from + start, Math.min(GradientTile.QUERIES, count - start), ranges[block]);
            }
        }

        void pack(Team team) {
            GradientRows.Source source = GradientRows.Source.of(call, head, member, from, count);
            team.forEach(Math.ceilDiv(count, PACK), (index, scratch) -> packed.pack(head, source, 0, index * PACK,
                    Math.min(count, (index + 1) * PACK), centring, scratch));
        }

        /** Replaces the saved log-sum-exps of tiles that have large ones by sums of the same logits, not rounded. */
        void sumAgain(Team team, PackedKeys keys) {
            Matrix saved = head.logSumExp(member);
            team.forEach(Math.ceilDiv(count, QueryTile.ROWS), (index, scratch) -> {
                int first = index * QueryTile.ROWS;
                int rows = Math.min(QueryTile.ROWS, count - first);
                boolean large = false;
                for (int r = 0; r < rows; r++) {
                    large |= large(saved.get(from + first + r, 0));
                }
                if (!large) {
                    return;
                }
                QueryTile tile = scratch.keep(QueryTile.class, QueryTile::new);
                SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
                tile.load(head.query(member), 0, from + first, rows, scale);
                state.begin(rows, 0);
                KeyRanges seen = scratch.keep(KeyRanges.class, KeyRanges::new);
                head.ranges(from + first, rows, seen);
                state.setTerms(head.terms(member), from + first);
                state.add(tile, keys, 0, keys.count(), seen);
                float sink = head.sink(member);
                if (sink != Float.NEGATIVE_INFINITY) {
                    state.addSink(sink, head.shift(head.query(member), 0, from + first, rows, centring));
                }
                for (int r = 0; r < rows; r++) {
                    double sum = state.sum(r);
                    packed.queries().setExponent(first + r, sum > 0 ? -state.reference(r) : Double.NEGATIVE_INFINITY,
                            -Math.log(sum) / Math.log(2));
                }
            });
        }

        /** All queries of the phase with every {@code shares}-th tile of keys. */
        void share(int share, long sums, long tileBytes, Scratch scratch) {
            long mine = partial + share * blocks(count) * blockBytes;
            Memory.fillFloats(mine, blocks(count) * blockBytes / Float.BYTES, 0);
            GradientTile tile = scratch.keep(GradientTile.class, GradientTile::new);
            LogitTerms terms = head.terms(member);
            for (int t = share; t < tiles; t += shares) {
                int key = t * GradientTile.KEYS;
                int keys = Math.min(GradientTile.KEYS, head.keys() - key);
                boolean loaded = false;
                for (int block = 0; block < blocks(count); block++) {
                    KeyRanges seen = ranges[block];
                    if (seen.most() <= key || seen.least() >= key + keys) {
                        continue;
                    }
                    if (!loaded) {
                        tile.load(head.source(0, centring), key, keys, scale, 0);
                        loaded = true;
                    }
                    int start = block * GradientTile.QUERIES;
                    tile.add(packed.queries(), packed.gradients(), start, new GradientTile.Visible(-GradientTile.KEYS,
                            seen.showAll(key, key + keys) ? null : seen, key, terms, from), mine + block * blockBytes,
                            scratch);
                    if (pairs != null) {
                        pairs.add(share, new PairBias.Piece(head.batch(), head.queryHead(member), from + start,
                                Math.min(GradientTile.QUERIES, count - start), key, keys), tile.pairSlopes());
                    }
                }
                if (!loaded) {
                    continue;
                }
                tile.addTo(sums + t * tileBytes);
            }
        }

        /** Adds the shares of a block of queries, in their order, and writes its rows. */
        void writeBlock(int block, Scratch scratch) {
            Matrix dQuery = head.ofQueries(call.dQuery(), member);
            int start = block * GradientTile.QUERIES;
            int d = input.d();
            int rows = Math.min(GradientTile.QUERIES, count - start);
            float[] sums = scratch.keep(GradientTile.class, GradientTile::new)
                    .blockRows(partial + block * blockBytes, shares, blocks(count) * blockBytes, d, rows);
            float[] row = new float[d];
            for (int i = 0; i < rows; i++) {
                for (int c = 0; c < d; c++) {
                    row[c] = input.scale() * sums[i * d + c];
                }
                dQuery.writeRow(from + start + i, row, 0);
            }
        }
    }
}
