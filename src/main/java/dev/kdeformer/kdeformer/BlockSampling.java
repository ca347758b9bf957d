package dev.kdeformer.kdeformer;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.AttentionMethod.Statistics;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.method.Call;
import dev.kdeformer.runtime.Team;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * The computation that KDEformer in its practical form and HyperAttention share, as a value.
 *
 * @param blockSize  most keys in a block
 * @param samples    draws of keys for the rest
 * @param hashBits   signs of the hash that sorts queries and keys
 * @param seed       of directions and draws
 * @param weights    what keys are drawn in proportion to
 * @param draws      how they are drawn
 * @param exactBelow numbers of keys below this are computed exactly; so are numbers that a block and the samples would
 *                   cover, which costs no more
 */
record BlockSampling(int blockSize, int samples, int hashBits, long seed, KeyWeights weights, Draws draws,
        int exactBelow) {
    /** Whether queries attend {@code keys} keys exactly. */
    boolean isExact(int keys) {
        return keys <= mostExact();
    }

    /** Most keys that queries attend exactly. */
    int mostExact() {
        return (int) Math.min(Integer.MAX_VALUE, Math.max(exactBelow - 1L, (long) blockSize + samples));
    }

    /** Whether no key of any head is left out. */
    boolean isExact(AttentionInput input) {
        if (input.mask().hasWindow() && isExact(input.mask().window())) {
            return true;
        }
        for (int b = 0; b < input.batch(); b++) {
            int keys = input.mask().keyLength(b, input.keys());
            if (!isExact(keys) && !(input.mask().isCausal() && split(input, keys).isExact())) {
                return false;
            }
        }
        return true;
    }

    /** The cut of a causal head. */
    CausalSplit split(AttentionInput input, int keys) {
        int offset = input.mask().causalOffset(input.queries(), input.keys());
        return new CausalSplit(this, input.queries(), offset, keys);
    }

    /** Queries of all parts of a head. */
    long rows(AttentionInput input, int keys) {
        return input.mask().isCausal() ? split(input, keys).rows() : input.queries();
    }

    Statistics run(Call call) {
        AttentionInput input = call.input();
        if (isExact(input)) {
            return new Statistics(TiledAttention.run(call).columns(),
                    "exact, because the keys are so few");
        }
        Team team = call.team();
        int units = call.keyHeads();
        LongAdder pairs = new LongAdder();
        for (int b = 0; b < input.batch(); b++) {
            int keys = input.mask().keyLength(b, input.keys());
            team.expect(input.heads() * rows(input, keys));
        }
        team.deal(units, 4, (unit, its) -> attend(call, unit, its, pairs));
        double queries = (double) input.batch() * input.heads() * input.queries();
        return new Statistics((pairs.sum() + overhead(input)) / queries, "");
    }

    private void attend(Call call, int unit, Team team, LongAdder pairs) {
        long mark = team.scratch().mark();
        HashedHead head = new HashedHead(this, call, unit, team);
        int keys = head.keyHead().keys();
        AttentionInput input = call.input();
        if (input.mask().isCausal()) {
            int offset = input.mask().causalOffset(input.queries(), input.keys());
            new CausalHead(head, split(input, keys), offset, team).attend(team, pairs);
        } else {
            Rectangle all = new Rectangle(head, 0, input.queries(), 0, keys, 0, team);
            all.attend(team, head::finish);
            pairs.add(all.pairs());
        }
        team.scratch().release(mark);
    }

    /** Work besides the blocks and samples, for all heads, in key evaluations. */
    private double overhead(AttentionInput input) {
        double operations = 0;
        for (int b = 0; b < input.batch(); b++) {
            int keys = input.mask().keyLength(b, input.keys());
            if (!isExact(keys)) {
                double queries = (double) input.groupSize() * input.queries();
                double hash = 2.0 * input.d() * hashBits * (keys + queries);
                double norms = weights == KeyWeights.UNIFORM ? 0 : 3.0 * input.dv() * keys;
                double mass = weights == KeyWeights.COLUMN_MASS ? 2.0 * input.d() * ColumnMass.QUERIES * keys : 0;
                operations += input.kvHeads() * (hash + norms + mass);
            }
        }
        return operations / (2.0 * (input.d() + input.dv()));
    }

    Estimate estimate(AttentionInput input, int threads) {
        if (isExact(input)) {
            return TiledAttention.estimate(input, threads);
        }
        double pairs = 0;
        int exactKeys = 0;
        for (int b = 0; b < input.batch(); b++) {
            int keys = input.mask().keyLength(b, input.keys());
            if (input.mask().isCausal()) {
                CausalSplit split = split(input, keys);
                pairs += input.heads() * (double) split.trianglePairs();
                for (CausalSplit.Part part : split.triangles()) {
                    exactKeys = Math.max(exactKeys, part.keyTo() - part.keyFrom());
                }
                for (List<CausalSplit.Part> level : split.levels()) {
                    for (CausalSplit.Part part : level) {
                        pairs += input.heads() * (double) (part.queryTo() - part.queryFrom())
                                * columns(part.keyTo() - part.keyFrom());
                    }
                }
            } else {
                exactKeys = isExact(keys) ? Math.max(exactKeys, keys) : exactKeys;
                pairs += input.heads() * (double) input.queries() * columns(keys);
            }
        }
        return new Estimate(scratchBytes(input, threads, exactKeys),
                2.0 * (pairs + overhead(input)) * (input.d() + input.dv()));
    }

    /** Key evaluations per query that sees {@code keys} keys; repeated draws are not foreseen. */
    private double columns(int keys) {
        return isExact(keys) ? keys : (double) keys / Math.ceilDiv(keys, blockSize) + samples;
    }

    private long scratchBytes(AttentionInput input, int threads, int exactKeys) {
        long head = 4L * ((long) input.keys() * 3 + (long) input.queries() * 2 * input.groupSize())
                + PackedKeys.bytes(samples, input.d(), input.dv())
                + (weights == KeyWeights.COLUMN_MASS ? ColumnMass.bytes(input.keys()) : 0)
                + (input.mask().isCausal() ? input.groupSize() * PartialRows.bytes(input.queries(), input.dv()) : 0);
        long tile = PackedKeys.bytes(Math.max(exactKeys, blockSize), input.d(), input.dv()) + 4L * samples
                + 4L * QueryTile.ROWS * (2 * Lanes.STRIDE + 2 * Lanes.LANES + Lanes.padColumns(input.dv()));
        int units = input.batch() * input.kvHeads();
        int heads = units >= 4 * threads || threads == 1 ? Math.min(units, threads) : 1;
        return heads * head + threads * tile;
    }
}
