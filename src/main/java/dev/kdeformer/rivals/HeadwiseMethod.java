package dev.kdeformer.rivals;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.Engine;
import dev.kdeformer.InputFeature;
import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.MethodFrame;
import dev.kdeformer.method.Pieces;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The frame of methods that prepare something for each key head, such as a selection of its keys, and then attend
 * tiles of queries to it. Many heads run one per thread, few heads use all threads together. Keys that a bias of −∞
 * hides are left out before a method sees the head; a head without visible keys is answered here.
 *
 * <p>These methods take padding, packed sequences, biases, grouped heads and, with an estimate of the log-sum-exp,
 * sinks; a causal mask is refused.
 */
abstract class HeadwiseMethod implements AttentionMethod {
    private final String name;
    private final Long seed;
    private final MethodFrame frame;

    /**
     * A method with a name.
     *
     * @param seed of everything random; null where nothing is
     */
    HeadwiseMethod(String name, Long seed) {
        this.name = name;
        this.seed = seed;
        this.frame = MethodFrame.of(this, this::run).inPieces();
    }

    @Override
    public final String name() {
        return name;
    }

    @Override
    public final Map<String, Object> parameters() {
        Map<String, Object> parameters = new LinkedHashMap<>();
        describe(parameters);
        if (seed != null) {
            parameters.put("seed", seed);
        }
        return parameters;
    }

    /** Puts down the options other than the seed, in the order in which they are shown. */
    abstract void describe(Map<String, Object> parameters);

    @Override
    public final Statistics apply(Engine engine, AttentionInput input, Tensor output, Tensor logSumExp) {
        return frame.apply(engine, input, output, logSumExp);
    }

    @Override
    public final Set<InputFeature> takes() {
        Set<InputFeature> features = EnumSet.of(InputFeature.KEY_LENGTHS, InputFeature.QUERY_LENGTHS,
                InputFeature.SEQUENCES, InputFeature.KEY_BIAS);
        if (estimatesLogSumExp()) {
            features.add(InputFeature.SINKS);
        }
        return features;
    }

    /** Whether there is an estimate of the log-sum-exp, without which nobody knows what sinks take. */
    boolean estimatesLogSumExp() {
        return true;
    }

    @Override
    public final Estimate estimate(AttentionInput input, int threads) {
        return Pieces.estimate(input, one -> need(one, threads));
    }

    /** What a call would need that has queries and keys, which are neither packed nor, the queries, padded. */
    abstract Estimate need(AttentionInput input, int threads);

    /**
     * Attends all queries that read a key head.
     *
     * @param visible indices of its visible keys, at least one, ascending
     * @return floating-point operations done
     */
    abstract double attend(Call call, KeyHead head, int[] visible, Team team);

    /** Computes the output of a checked call. */
    Statistics run(Call call) {
        AttentionInput input = call.input();
        int units = call.keyHeads();
        double[] operations = new double[units];
        call.team().expect((long) units * input.groupSize() * input.queries());
        call.team().deal(units, 1, (unit, team) -> operations[unit] = attend(call, unit, team));
        double pairs = (double) input.batch() * input.heads() * input.queries();
        return new Statistics(Arrays.stream(operations).sum() / pairs / (2.0 * (input.d() + input.dv())), "");
    }

    private double attend(Call call, int unit, Team team) {
        KeyHead head = call.keyHead(unit);
        int[] visible = head.visibleKeys();
        long mark = team.scratch().mark();
        double operations = 0;
        if (visible.length > 0) {
            operations = attend(call, head, visible, team);
        } else {
            head.writeNothing();
            call.team().advance((long) head.groupSize() * call.input().queries());
        }
        team.scratch().release(mark);
        return operations;
    }

    /** The stream of a head. */
    final CounterRandom random(KeyHead head) {
        return CounterRandom.of(seed).stream(head.index());
    }

    /** What a piece of work on one tile of queries of one query head gets. */
    @FunctionalInterface
    interface TileTask {
        /** Does queries [from, from + count) of member {@code member} of the group. */
        void run(int member, int from, int count, Scratch scratch);
    }

    /** Runs a task for every tile of queries of a key head. */
    static void forEachTile(Call call, KeyHead head, Team team, TileTask task) {
        int n = call.input().queries();
        int tiles = Math.ceilDiv(n, QueryTile.ROWS);
        team.forEach(tiles * head.groupSize(), (index, scratch) -> {
            int from = index % tiles * QueryTile.ROWS;
            int count = Math.min(QueryTile.ROWS, n - from);
            task.run(index / tiles, from, count, scratch);
            team.advance(count);
        });
    }

    /**
     * Softmax attention of all queries of a key head to packed keys.
     *
     * @param centre   what was subtracted from the keys
     * @param shift    what to add to every log-sum-exp
     * @return operations
     */
    static double attendTo(PackedKeys keys, Call call, KeyHead head, float[] centre, double shift, Team team) {
        AttentionInput input = call.input();
        forEachTile(call, head, team, (member, from, count, scratch) -> {
            Matrix query = head.query(member);
            QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            queries.load(query, 0, from, count, keys.scale());
            state.begin(count, input.dv());
            state.add(queries, keys);
            Matrix sums = head.logSumExp(member);
            double[] shifts = null;
            if (sums != null) {
                shifts = head.shift(query, 0, from, count, new Centring(centre, shift));
            }
            state.finish(head.output(member), sums, 0, from, shifts);
        });
        return 2.0 * (input.d() + input.dv()) * keys.count() * input.queries() * input.groupSize();
    }

    /** An estimate of packed keys for each head in hand, and of a share of work for each query. */
    static Estimate estimate(AttentionInput input, int threads, long bytesPerHead, double columns) {
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        return new Estimate(heads * bytesPerHead, 2 * columns * (input.d() + input.dv()) * input.queries()
                * input.batch() * input.heads());
    }
}
