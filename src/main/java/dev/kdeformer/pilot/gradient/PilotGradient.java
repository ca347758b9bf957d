package dev.kdeformer.pilot.gradient;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.InputFeature;
import dev.kdeformer.exact.tiled.PlainAttention;
import dev.kdeformer.exact.tiled.TiledGradient;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.GradientFrame;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.SinkGradient;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.walk.Effort;
import dev.kdeformer.pilot.walk.FixedCost;
import dev.kdeformer.pilot.walk.FixedPass;
import dev.kdeformer.pilot.walk.PilotHead;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Gradients of pilot attention at a fixed cost, with all that the walk down the tree decides held fixed; see
 * {@code PilotAttention.gradient} for what that is. The walk is done again; at a leaf its gradients are found, and on
 * the way up each node hands its share of those by the groups to the keys that it folded.
 *
 * <p>The tree is dealt to a fixed number of shares, which run at the same time and have gradients by keys and values of
 * their own; these are added in the order of the shares, so that every sum has one order, whatever the number of
 * threads.
 */
public final class PilotGradient implements GradientFrame.Body {
    /** Most shares of the tree, and of the spans under a causal mask. */
    static final int SHARES = 8;

    /** Rows that one task clears. */
    private static final int CHUNK = 4096;

    private final AttentionMethod method;
    private final PilotOptions options;
    private final CausalGradient causal;
    private final Consumer<AttentionInput> check;

    /**
     * Gradients of a method.
     *
     * @param options of the method, without a mask
     * @param causal  its options under a causal mask
     * @param check   refuses what the method does not take
     */
    public PilotGradient(AttentionMethod method, PilotOptions options, PilotOptions causal,
            Consumer<AttentionInput> check) {
        this.method = method;
        this.options = options;
        this.causal = new CausalGradient(causal);
        this.check = check;
    }

    @Override
    public Set<InputFeature> takes() {
        return method.takes();
    }

    @Override
    public boolean inPieces() {
        return true;
    }

    @Override
    public void checkSupported(AttentionInput input) {
        check.accept(input);
    }

    @Override
    public void run(GradientCall call) {
        if (call.input().mask().hasWindow()) {
            new TiledGradient().run(call);
            return;
        }
        Team team = call.team();
        int units = call.forward().keyHeads();
        boolean spans = call.input().mask().isCausal();
        team.expect(units * (call.input().groupSize() + (spans ? TiledGradient.headSteps(call.input()) : 0)));
        GradientCall plain = call.leavingSinks();
        team.deal(units, 4, (unit, its) -> {
            if (spans) {
                causal.run(plain, unit, its);
            } else {
                head(plain, unit, its);
            }
        });
    }

    private void head(GradientCall call, int unit, Team team) {
        AttentionInput input = call.input();
        KeyHead head = call.forward().keyHead(unit);
        clear(head.ofKeys(call.dKey()), team);
        clear(head.ofKeys(call.dValue()), team);
        for (int member = 0; member < head.groupSize(); member++) {
            clear(head.ofQueries(call.dQuery(), member), team);
        }
        SharedKeys.<KeyGroups>forEach(head, input.scale(), options.expansion().groups(), Function.identity(),
                (member, queries, keys) -> member(call, head, member, queries, keys, team), team);
    }

    private void member(GradientCall call, KeyHead head, int member, Rows queries, KeyGroups keys, Team team) {
        AttentionInput input = call.input();
        PilotHead pilot = pilot(head, member, queries, keys, team);
        FixedPass fixed = pilot.fixedPass(input, team);
        Effort effort = fixed.effort();
        int shares = Math.min(SHARES, pilot.topNodes(effort));
        GradientSums sums = new GradientSums(keys, shares, team.scratch());
        int[] exact = fixed.rows(pilot);
        StragglerGradient stragglers = new StragglerGradient(call, head, member, exact);
        GradientRows.Source source = stragglers.hidden(reflected(call, head, member, keys, team), team.scratch());
        Matrix dQuery = head.ofQueries(call.dQuery(), member);
        LeafGradient.Head leaves = new LeafGradient.Head(head, keys, pilot.queries(), source);
        pilot.visit(effort, shares, team, (share, memory) -> {
            LeafGradient.Targets targets = sums.targets(share, dQuery);
            return new TreeGradient(pilot, new LeafGradient(leaves, targets, input.scale(), memory), targets);
        });
        sums.addTo(head.ofKeys(call.dKey()), head.ofKeys(call.dValue()), team);
        stragglers.add(team);
        BitSet done = new BitSet();
        Arrays.stream(exact).forEach(done::set);
        SinkGradient.addCentre(call, head, member, row -> !done.get(row), team);
        team.advance(1);
    }

    /** What is saved of a query head, with the queries reflected like the keys. */
    static GradientRows.Source reflected(GradientCall call, KeyHead head, int member, KeyGroups keys, Team team) {
        Rows reflected = Rows.load(head.query(member), null, null, 1, team);
        keys.reflection().apply(reflected, team);
        return GradientRows.Source.of(call, head, member, 0, call.input().queries())
                .withQuery(GradientSums.matrix(reflected));
    }

    private PilotHead pilot(KeyHead head, int member, Rows queries, KeyGroups keys, Team team) {
        return new PilotHead(head, member, options, keys, queries, team);
    }

    @Override
    public FixedFunction fixed(Call call) {
        AttentionInput input = call.input();
        if (input.mask().hasWindow()) {
            return new PlainAttention(input);
        }
        PlainPilot[] heads = new PlainPilot[input.batch() * input.heads()];
        if (input.mask().isCausal()) {
            causal.record(call.leavingSinks(), heads);
        } else {
            record(call.leavingSinks(), heads);
        }
        return (unit, query, key, value) -> {
            double[][] outputs = new double[input.groupSize()][];
            for (int member = 0; member < outputs.length; member++) {
                int head = unit * outputs.length + member;
                outputs[member] = heads[head] == null ? new double[input.queries() * input.dv()]
                        : heads[head].output(query[head], key[unit], value[unit]);
            }
            return outputs;
        };
    }

    private void record(Call call, PlainPilot[] heads) {
        AttentionInput input = call.input();
        Team team = call.team();
        for (int unit = 0; unit < call.keyHeads(); unit++) {
            KeyHead head = call.keyHead(unit);
            int first = unit * head.groupSize();
            SharedKeys.<KeyGroups>forEach(head, input.scale(), options.expansion().groups(), Function.identity(),
                    (member, queries, keys) -> {
                        PilotHead pilot = pilot(head, member, queries, keys, team);
                        FixedPass fixed = pilot.fixedPass(input, team);
                        WalkRecord record = new WalkRecord(pilot);
                        pilot.visit(fixed.effort(), 1, team, (share, scratch) -> record);
                        record.exact(fixed.rows(pilot));
                        heads[first + member] = new PlainPilot(input, keys, record.leaves(), head.laterSink(member));
                    }, team);
        }
    }

    private static void clear(Matrix rows, Team team) {
        team.forRanges(rows.rows(), CHUNK, (from, to, scratch) -> {
            float[] zeros = new float[rows.columns()];
            for (int row = from; row < to; row++) {
                rows.writeRow(row, zeros, 0);
            }
        });
    }

    @Override
    public Estimate estimate(AttentionInput input, int threads) {
        if (input.mask().hasWindow()) {
            return new TiledGradient().estimate(input, threads);
        }
        Estimate forward = method.estimate(input, threads);
        if (input.mask().isCausal()) {
            return causal.estimate(forward, input, threads);
        }
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        int d = input.d();
        int dv = input.dv();
        return new Estimate(forward.scratchBytes()
                + heads * (GradientSums.bytes(input.keys(), d, dv, SHARES) + Rows.bytes(input.queries(), d)
                + StragglerGradient.bytes(input.queries(), input.keys(), d, dv))
                + threads * LeafGradient.bytes(input.keys(), options.expansion().groups(), d, dv),
                forward.operations() + 2.0 * FixedCost.most(options, input).near() * (3.0 * d + 2.0 * dv)
                        * input.queries() * input.batch() * input.heads());
    }
}
