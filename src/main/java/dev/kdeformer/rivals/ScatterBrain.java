package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.linalg.SoftmaxSums;
import dev.kdeformer.lsh.CountingSort;
import dev.kdeformer.lsh.SignHash;
import dev.kdeformer.lsh.SortedBlocks;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.Map;

/**
 * Scatterbrain (Chen, Dao, Winsor, Song, Rudra and Ré, "Scatterbrain: unifying sparse and low-rank attention
 * approximation", NeurIPS 2021): exact kernel values on a sparse support, Performer's random features everywhere else.
 * The features of the supported keys are taken out of the sums before they are used, so that every key counts once;
 * the paper's residual form, (exact − feature) on the support plus features everywhere, is the same sum.
 *
 * <p>The support is block-diagonal: queries and keys in the order of an angular hash, or of their positions, are cut
 * into the same number of blocks, and a query is exact on the keys of its block.
 *
 * <p>Takes key lengths, biases and grouped heads; refuses a causal mask. The log-sum-exp is the logarithm of the
 * estimated sum of exponentials. Keys with a large common part are centred.
 */
public final class ScatterBrain extends HeadwiseMethod {
    /** How the keys of a query's support are found. */
    public enum Support {
        /** Blocks of queries and keys sorted by an angular hash. */
        LSH,
        /** Blocks of neighbouring positions. */
        LOCAL
    }

    private final int block;
    private final int features;
    private final int bits;
    private final Support support;
    private final boolean orthogonal;

    private ScatterBrain(Builder builder) {
        super("scatterbrain", builder.seed);
        block = builder.block;
        features = builder.features;
        bits = builder.bits;
        support = builder.support;
        orthogonal = builder.orthogonal;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    void describe(Map<String, Object> parameters) {
        parameters.put("block", block);
        parameters.put("features", features);
        parameters.put("support", support.name().toLowerCase(java.util.Locale.ROOT));
        if (support == Support.LSH) {
            parameters.put("bits", bits);
        }
        parameters.put("orthogonal", orthogonal);
    }

    @Override
    double attend(Call call, KeyHead head, int[] visible, Team team) {
        AttentionInput input = call.input();
        CounterRandom random = random(head);
        float[] centre = head.centre();
        RandomFeatures map = new RandomFeatures(features, input.d(), orthogonal, random.stream(0));
        SignHash hash = support == Support.LOCAL ? null : SignHash.of(random.stream(1), input.d(), bits);
        int[] keys = hash == null ? visible : sorted(hash, head.key(), visible, team);
        RandomFeatures.Sums all = map.sums(map.pack(head, visible, input.scale(), centre, team.scratch()), team);
        SortedBlocks blocks = SortedBlocks.of(input.queries(), keys.length, block);
        int[] everyQuery = java.util.stream.IntStream.range(0, input.queries()).toArray();
        int[][] queries = new int[head.groupSize()][];
        for (int member = 0; member < queries.length; member++) {
            queries[member] = hash == null ? everyQuery : sorted(hash, head.query(member), everyQuery, team);
        }
        double[] pairs = new double[blocks.count()];
        team.forEach(blocks.count(), (b, scratch) -> {
            int[] own = Arrays.copyOfRange(keys, blocks.keyFrom(b), blocks.keyFrom(b + 1));
            Block work = new Block(call, head, own, map, all, centre, team.alone(scratch));
            for (int member = 0; member < queries.length; member++) {
                int[] rows = Arrays.copyOfRange(queries[member], blocks.queryFrom(b), blocks.queryFrom(b + 1));
                work.attend(member, rows);
                pairs[b] += (double) rows.length * own.length;
                team.advance(rows.length);
            }
        });
        double columns = Arrays.stream(pairs).sum()
                + (double) features * (2.0 * visible.length + (double) input.queries() * head.groupSize());
        double hashed = hash == null ? 0 : 2.0 * bits * input.d()
                * (visible.length + (double) input.queries() * head.groupSize());
        return 2.0 * (input.d() + input.dv()) * columns + hashed;
    }

    /** Rows in the order of their hash, rows of equal hash in the given order. */
    private int[] sorted(SignHash hash, Matrix matrix, int[] rows, Team team) {
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        long all = scratch.ints(matrix.rows());
        hash.hash(matrix, 0, rows[rows.length - 1] + 1, all, scratch);
        long ranks = scratch.ints(rows.length);
        for (int i = 0; i < rows.length; i++) {
            Memory.putInt(ranks + 4L * i, Memory.getInt(all + 4L * rows[i]));
        }
        long order = scratch.ints(rows.length);
        CountingSort.sort(team, ranks, 0, rows.length, bits, order);
        int[] result = new int[rows.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = rows[Memory.getInt(order + 4L * i)];
        }
        scratch.release(mark);
        return result;
    }

    /** One block: its keys packed, and the features of all other keys. */
    private static final class Block {
        private final Call call;
        private final KeyHead head;
        private final RandomFeatures map;
        private final float[] centre;
        private final Team team;
        private final PackedKeys exact;
        private final PackedKeys others;

        Block(Call call, KeyHead head, int[] own, RandomFeatures map, RandomFeatures.Sums all, float[] centre,
                Team team) {
            this.call = call;
            this.head = head;
            this.map = map;
            this.centre = centre;
            this.team = team;
            float scale = call.input().scale();
            RandomFeatures.Sums part = map.sums(map.pack(head, own, scale, centre, team.scratch()), team);
            others = map.pack(all.without(part), scale, team.scratch());
            exact = Selection.pack(head, own, scale, centre, team.scratch());
        }

        void attend(int member, int[] rows) {
            long order = team.scratch().ints(rows, 0, rows.length);
            for (int from = 0; from < rows.length; from += QueryTile.ROWS) {
                tile(member, rows, order, from, Math.min(QueryTile.ROWS, rows.length - from));
            }
        }

        private void tile(int member, int[] rows, long order, int from, int count) {
            int dv = call.input().dv();
            Matrix query = head.query(member);
            Tiles tiles = team.scratch().keep(Tiles.class, Tiles::new);
            SoftmaxTile near = run(tiles.near, tiles.queries, query, order, from, count, exact);
            SoftmaxTile far = run(tiles.far, tiles.queries, query, order, from, count, others);
            double[] offsets = map.offsets(query, rows, from, count, call.input().scale());
            Matrix sums = head.logSumExp(member);
            double[] shift = sums == null ? null : head.shift(query, order, from, count, centre);
            float[] row = new float[dv];
            SoftmaxSums both = new SoftmaxSums(1, dv, SoftmaxSums.BINARY);
            for (int r = 0; r < count; r++) {
                both.clear();
                both.add(0, far.reference(r), far.sum(r), far.values(), r * far.valueStride());
                both.shift(0, -offsets[r]);
                both.add(0, near.reference(r), near.sum(r), near.values(), r * near.valueStride());
                both.means(0, row);
                head.output(member).writeRow(rows[from + r], row, 0);
                if (sums != null) {
                    sums.set(rows[from + r], 0, (float) (both.log(0) + shift[r]));
                }
            }
        }

        private static SoftmaxTile run(SoftmaxTile state, QueryTile queries, Matrix query, long order, int from,
                int count, PackedKeys keys) {
            queries.load(query, order, from, count, keys.scale());
            state.begin(count, keys.dv());
            state.add(queries, keys);
            return state;
        }
    }

    /** A thread's tiles: one for the support, one for the features. */
    private static final class Tiles {
        private final QueryTile queries = new QueryTile();
        private final SoftmaxTile near = new SoftmaxTile();
        private final SoftmaxTile far = new SoftmaxTile();
    }

    @Override
    Estimate need(AttentionInput input, int threads) {
        long packed = PackedKeys.bytes(input.keys(), input.d(), input.dv());
        int own = Math.min(block, input.keys());
        long blockBytes = 2 * PackedKeys.bytes(own, input.d(), input.dv())
                + PackedKeys.bytes(features, input.d(), input.dv());
        Estimate whole = estimate(input, threads, packed + 12L * (input.keys() + input.queries()),
                own + features * (1 + 2.0 * input.keys() / input.queries() / input.groupSize()));
        return new Estimate(whole.scratchBytes() + threads * blockBytes, whole.operations());
    }

    /** Options. */
    public static final class Builder {
        private int block = 128;
        private int features = 128;
        private int bits = 7;
        private Support support = Support.LSH;
        private boolean orthogonal = true;
        private long seed;

        private Builder() {
        }

        /**
         * Sets the most keys in a block of the support (default 128).
         *
         * @throws IllegalArgumentException if below 1
         */
        public Builder block(int value) {
            block = Selection.atLeast("block", value, 1);
            return this;
        }

        /**
         * Sets the number of random features (default 128).
         *
         * @throws IllegalArgumentException if not between 1 and 65536
         */
        public Builder features(int value) {
            features = Selection.between("features", value, 1, 1 << 16);
            return this;
        }

        /**
         * Half of the columns for the block, and a sixth as many features, each of which is evaluated three times with
         * as many queries as keys: for the query, for all keys, and for the keys of the block. At least one of both.
         */
        public Builder columns(int value) {
            block = Math.max(1, Selection.atLeast("columns", value, 1) / 2);
            features = Math.max(1, Math.min(1 << 16, value / 6));
            return this;
        }

        /** How the support is found (default by hash). */
        public Builder support(Support value) {
            support = java.util.Objects.requireNonNull(value, "support");
            return this;
        }

        /**
         * Sets the signs of the hash (default 7).
         *
         * @throws IllegalArgumentException if not between 1 and 30
         */
        public Builder bits(int value) {
            bits = Selection.between("bits", value, 1, SignHash.MAX_BITS);
            return this;
        }

        /** Sets whether every d directions are orthogonal (default true) or all are independent. */
        public Builder orthogonal(boolean value) {
            orthogonal = value;
            return this;
        }

        /** Sets the seed of directions and hash (default 0). */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Makes the method. */
        public ScatterBrain build() {
            return new ScatterBrain(this);
        }
    }
}
