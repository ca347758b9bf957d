package dev.kdeformer.kdeformer;

import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.lsh.SignHash;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;

/**
 * A key head with what its queries and keys are sorted and sampled by: hash ranks of all keys and of the queries of
 * every query head of the group, and sampling weights of the keys. The group shares directions, keys and samples.
 *
 * <p>Queries and keys are hashed as they are. Moving both by one vector changes the errors by a few per cent, up or
 * down; moving the keys alone parts queries from keys that equal them and raises the error on GloVe vectors by a third.
 */
final class HashedHead {
    /** Rows of one task. */
    private static final int CHUNK = 4096;

    private static final int DIRECTIONS = 1;
    private static final int ROWS = 2;
    private static final int DRAWS = 3;

    private final BlockSampling settings;
    private final Call call;
    private final KeyHead head;
    private final float[] centre;
    private final LogitScale scale;
    private final CounterRandom random;
    private final long keyRanks;
    private final long[] queryRanks;
    private final long weights;

    /** Hashes and weighs, with memory from the team's scratch. */
    HashedHead(BlockSampling settings, Call call, int unit, Team team) {
        this.settings = settings;
        this.call = call;
        this.head = call.keyHead(unit);
        this.centre = head.centre();
        this.scale = LogitScale.of(call.input().scale());
        this.random = CounterRandom.of(settings.seed()).stream(unit);
        this.queryRanks = new long[head.groupSize()];
        if (settings.isExact(head.keys())) {
            this.keyRanks = 0;
            this.weights = 0;
            return;
        }
        Scratch memory = team.scratch();
        this.keyRanks = memory.ints(head.keys());
        for (int member = 0; member < queryRanks.length; member++) {
            queryRanks[member] = memory.ints(call.input().queries());
        }
        this.weights = memory.floats(head.keys());
        hash(team);
        weigh(team);
    }

    private void hash(Team team) {
        SignHash hash = SignHash.of(random.stream(DIRECTIONS), head.key().columns(), settings.hashBits());
        int n = call.input().queries();
        int keyChunks = chunks(head.keys());
        int queryChunks = chunks(n);
        team.forEach(keyChunks + queryRanks.length * queryChunks, (index, scratch) -> {
            if (index < keyChunks) {
                hash.hash(head.key(), index * CHUNK, end(index, head.keys()), keyRanks, scratch);
            } else {
                int member = (index - keyChunks) / queryChunks;
                int chunk = (index - keyChunks) % queryChunks;
                hash.hash(head.query(member), chunk * CHUNK, end(chunk, n), queryRanks[member], scratch);
            }
        });
    }

    private void weigh(Team team) {
        ValueNorms norms = switch (settings.weights()) {
            case UNIFORM -> null;
            case VALUE_NORM -> ValueNorms.plain(head);
            case CENTRED_VALUE_NORM, COLUMN_MASS -> ValueNorms.centred(head);
        };
        team.forEach(chunks(head.keys()), (chunk, scratch) -> {
            int from = chunk * CHUNK;
            int to = end(chunk, head.keys());
            if (norms == null) {
                Memory.fillFloats(weights + (long) from * Float.BYTES, to - from, 1);
            } else {
                norms.fill(from, to, weights, scratch);
            }
            for (int key = from; head.bias() != null && key < to; key++) {
                if (head.bias().get(0, key) == Float.NEGATIVE_INFINITY) {
                    Memory.putFloat(weights + (long) key * Float.BYTES, 0);
                }
            }
        });
        if (settings.weights() == KeyWeights.COLUMN_MASS) {
            ColumnMass.multiply(head, call.input().scale(), centre, random.stream(ROWS), team, weights);
        }
    }

    private static int chunks(int rows) {
        return Math.ceilDiv(rows, CHUNK);
    }

    private static int end(int chunk, int rows) {
        return (int) Math.min(rows, (chunk + 1L) * CHUNK);
    }

    BlockSampling settings() {
        return settings;
    }

    Call call() {
        return call;
    }

    KeyHead keyHead() {
        return head;
    }

    /** What is subtracted from the keys. */
    float[] centre() {
        return centre;
    }

    LogitScale scale() {
        return scale;
    }

    /** The stream for the draws of one rectangle. */
    CounterRandom draws(int rectangle) {
        return random.stream(DRAWS, rectangle);
    }

    /** Address of the keys' hash ranks. */
    long keyRanks() {
        return keyRanks;
    }

    /** Address of the hash ranks of a query head's queries. */
    long queryRanks(int member) {
        return queryRanks[member];
    }

    /** Address of the keys' sampling weights. */
    long weights() {
        return weights;
    }

    /** Writes a tile that has seen all its keys. */
    void finish(int member, SoftmaxTile state, int count, long order, int from) {
        Matrix logSumExp = head.logSumExp(member);
        state.finish(head.output(member), logSumExp, order, from,
                logSumExp == null ? null : head.shift(head.query(member), order, from, count, centre));
    }
}
