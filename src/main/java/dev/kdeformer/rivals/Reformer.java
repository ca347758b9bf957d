package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.lsh.SortedBlocks;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Reformer's attention (Kitaev, Kaiser and Levskaya, "Reformer: the efficient transformer", ICLR 2020, section 2): in
 * every round, queries and keys are hashed by {@link RotationHash}, sorted by bucket and cut into chunks; a query
 * attends to all keys of its own chunk and of the chunk before it (the last one for the first chunk). The rounds are
 * merged in proportion to the sums of exponentials that they found.
 *
 * <p>The paper shares queries and keys; here both are taken as they are, under the same rotations, and queries are cut
 * in proportion to keys, so that any numbers of both are taken. With query = key the chunks are those of the paper. A
 * query there avoids itself; here it does not, since the exact attention that is approximated does not. As in the
 * published implementations, chunks are not masked by bucket, and a key that is met in several rounds counts once in
 * each, where the paper's equation 6 would divide by their number.
 *
 * <p>Takes key lengths, biases and grouped heads; refuses a causal mask. The log-sum-exp is that of the mean over
 * rounds of the sums of exponentials, a lower bound of the true one up to rounding. With one chunk the output is exact.
 */
public final class Reformer extends HeadwiseMethod {
    private final int chunk;
    private final int rounds;
    private final int buckets;

    private Reformer(Builder builder) {
        super("reformer", builder.seed);
        rounds = builder.rounds;
        chunk = builder.columns > 0 ? Math.max(1, builder.columns / (2 * rounds)) : builder.chunk;
        buckets = builder.buckets;
    }

    /** Starts a builder. */
    public static Builder builder() {
        return new Builder();
    }

    @Override
    void describe(Map<String, Object> parameters) {
        parameters.put("chunk", chunk);
        parameters.put("rounds", rounds);
        parameters.put("buckets", buckets == 0 ? "auto" : buckets);
    }

    @Override
    double attend(Call call, KeyHead head, int[] visible, Team team) {
        AttentionInput input = call.input();
        int n = input.queries();
        float[] centre = head.centre();
        SortedBlocks blocks = SortedBlocks.of(n, visible.length, chunk);
        // A query is in one chunk of a round, so that tasks touch different rows.
        PartialRows[] merged = new PartialRows[head.groupSize()];
        Arrays.setAll(merged, member -> new PartialRows(team.scratch(), n, input.dv()));
        int[] everyQuery = IntStream.range(0, n).toArray();
        double operations = 0;
        for (int round = 0; round < rounds; round++) {
            RotationHash hash = RotationHash.of(buckets == 0 ? defaultBuckets(visible.length) : buckets, chunk,
                    input.d(), random(head).stream(round));
            int[] keys = hash.sorted(head.key(), visible, team);
            int[][] queries = new int[head.groupSize()][];
            for (int member = 0; member < queries.length; member++) {
                queries[member] = hash.sorted(head.query(member), everyQuery, team);
            }
            double[] pairs = new double[blocks.count()];
            team.forEach(blocks.count(), (b, scratch) -> {
                int[] own = chunkAndBefore(keys, blocks, b);
                PackedKeys packed = Selection.pack(head, own, input.scale(), centre, scratch);
                for (int member = 0; member < queries.length; member++) {
                    int[] rows = Arrays.copyOfRange(queries[member], blocks.queryFrom(b), blocks.queryFrom(b + 1));
                    merge(head.query(member), rows, packed, merged[member], scratch);
                    pairs[b] += (double) rows.length * own.length;
                }
            });
            operations += Arrays.stream(pairs).sum() * 2 * (input.d() + input.dv())
                    + 2.0 * hash.directions() * input.d() * (visible.length + (double) n * head.groupSize());
        }
        forEachTile(call, head, team, (member, from, count, scratch) -> {
            Matrix sums = head.logSumExp(member);
            double[] shift = sums == null ? null : head.shift(head.query(member), 0, from, count, centre);
            for (int r = 0; r < count && shift != null; r++) {
                shift[r] -= Math.log(rounds);
            }
            merged[member].write(from, count, head.output(member), sums, shift);
        });
        return operations;
    }

    private int defaultBuckets(int keys) {
        int chunks = Math.ceilDiv(keys, chunk);
        return Math.max(2, chunks + chunks % 2);
    }

    private static int[] chunkAndBefore(int[] keys, SortedBlocks blocks, int b) {
        int from = blocks.keyFrom(b);
        int to = blocks.keyFrom(b + 1);
        if (blocks.count() == 1) {
            return keys;
        }
        int before = b == 0 ? blocks.count() - 1 : b - 1;
        int first = blocks.keyFrom(before);
        int size = blocks.keyFrom(before + 1) - first;
        // With two chunks both see all keys; in no case does a chunk come before itself.
        int[] result = new int[size + to - from];
        System.arraycopy(keys, first, result, 0, size);
        System.arraycopy(keys, from, result, size, to - from);
        return result;
    }

    @Override
    Estimate need(AttentionInput input, int threads) {
        int seen = (int) Math.min(input.keys(), 2L * chunk);
        int directions = RotationHash.directions(buckets == 0 ? defaultBuckets(input.keys()) : buckets, chunk);
        double hashed = (double) directions * input.d() * (1 + (double) input.keys() / input.queries()
                / input.groupSize()) / (input.d() + input.dv());
        Estimate whole = estimate(input, threads, 12L * Math.max(input.keys(), input.queries())
                + PanelMatrix.bytes(directions, input.d())
                + input.groupSize() * PartialRows.bytes(input.queries(), input.dv()), rounds * (seen + hashed));
        return new Estimate(whole.scratchBytes() + threads * PackedKeys.bytes(seen, input.d(), input.dv()),
                whole.operations());
    }

    /** Adds what some queries find in the keys of their chunks. */
    private static void merge(Matrix query, int[] rows, PackedKeys keys, PartialRows merged, Scratch scratch) {
        QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
        SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
        long order = scratch.ints(rows, 0, rows.length);
        for (int from = 0; from < rows.length; from += QueryTile.ROWS) {
            int count = Math.min(QueryTile.ROWS, rows.length - from);
            queries.load(query, order, from, count, keys.scale());
            state.begin(count, keys.dv());
            state.add(queries, keys);
            merged.merge(state, count, order, from);
        }
    }

    /** Options. */
    public static final class Builder {
        private int chunk = 64;
        private int rounds = 8;
        private int buckets;
        private int columns;
        private long seed;

        private Builder() {
        }

        /**
         * Sets the most keys in a chunk (default 64); a query attends to two chunks a round. Replaces {@link #columns}.
         *
         * @throws IllegalArgumentException if below 1
         */
        public Builder chunk(int value) {
            chunk = Selection.atLeast("chunk", value, 1);
            columns = 0;
            return this;
        }

        /**
         * Sets the number of hash rounds (default 8, the most that the paper evaluates with).
         *
         * @throws IllegalArgumentException if not between 1 and 1024
         */
        public Builder rounds(int value) {
            rounds = Selection.between("rounds", value, 1, 1024);
            return this;
        }

        /**
         * Sets the buckets of the hash; 0 (the default) for one to each chunk, rounded up to an even number.
         *
         * @throws IllegalArgumentException if not 0, or an even number from 2 to 2²⁰
         */
        public Builder buckets(int value) {
            if (value != 0 && (value < 2 || value % 2 != 0 || value > 1 << 20)) {
                throw new IllegalArgumentException("buckets must be 0 or an even number from 2 to 1048576, got "
                        + value);
            }
            buckets = value;
            return this;
        }

        /**
         * Sets the chunk so that the rounds' pairs of chunks add up to this many keys: columns / (2 · rounds), at least
         * 1. The cost of hashing comes on top. Replaces {@link #chunk}.
         */
        public Builder columns(int value) {
            columns = Selection.atLeast("columns", value, 1);
            return this;
        }

        /** Sets the seed of the rotations (default 0). */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /** Makes the method. */
        public Reformer build() {
            return new Reformer(this);
        }
    }
}
