package dev.kdeformer.pilot.gradient;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.Mask;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.exact.tiled.TiledGradient;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.SinkGradient;
import dev.kdeformer.pilot.causal.CausalWalk;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/**
 * Gradients of pilot attention at a fixed cost under a causal mask. Those by the keys at the diagonal are the gradients
 * of exact attention by these keys, with the output and the log-sum-exp of all; to them the tiles of the spans add
 * theirs. The spans are dealt to a fixed number of shares with sums of their own, as in {@link PilotGradient}.
 */
final class CausalGradient {
    /** A share has at least so many spans. */
    private static final int LEAST_SPANS = 4;

    private final PilotOptions options;

    CausalGradient(PilotOptions options) {
        this.options = options;
    }

    /** Writes the gradients of a key head and the queries that read it. */
    void run(GradientCall call, int index, Team team) {
        AttentionInput input = call.input();
        Unit unit = Unit.of(call.forward(), index, options, team);
        int[] last = new int[input.queries()];
        boolean visible = CausalWalk.forEach(unit, (member, walk) -> {
            if (member == 0) {
                Arrays.setAll(last, walk::last);
                diagonal(call, index, walk.firstExact(), last, team);
            }
            add(call, unit, member, walk);
            SinkGradient.addCentre(call, unit.head(), member, row -> true, team);
            team.advance(1);
        });
        if (!visible) {
            Arrays.fill(last, -1);
            diagonal(call, index, new int[last.length], last, team);
        }
    }

    /** Writes what goes through the keys at the diagonal, and zeros where there are none. */
    private static void diagonal(GradientCall call, int index, int[] first, int[] last, Team team) {
        AttentionInput input = call.input();
        Mask mask = Mask.none().withRanges(first, last);
        if (input.mask().hasKeyLengths()) {
            int[] lengths = new int[input.batch()];
            Arrays.setAll(lengths, batch -> input.mask().keyLength(batch, input.keys()));
            mask = mask.withKeyLengths(lengths);
        }
        Call forward = call.forward();
        TiledGradient.part(new GradientCall(new Call(input.withMask(mask), forward.output(), forward.logSumExp(),
                team), call.outputGradient(), call.gradients(), call.biases()), index, team);
    }

    private static void add(GradientCall call, Unit unit, int member, CausalWalk walk) {
        int spans = walk.spans();
        if (spans == 0) {
            return;
        }
        KeyHead head = unit.head();
        Team team = unit.team();
        int shares = Math.clamp(spans / LEAST_SPANS, 1, PilotGradient.SHARES);
        GradientSums sums = new GradientSums(walk.keys(), shares, team.scratch());
        LeafGradient.Head queries = new LeafGradient.Head(head, walk.keys(), walk.queries(),
                PilotGradient.reflected(call, head, member, walk.keys(), team));
        Matrix dQuery = head.ofQueries(call.dQuery(), member);
        walk.visit(shares, team, (share, memory) -> {
            LeafGradient.Targets targets = sums.targets(share, dQuery);
            return new SpanGradient(walk.keys(), new LeafGradient(queries, targets, call.input().scale(), memory),
                    targets, memory);
        });
        sums.addTo(head.ofKeys(call.dKey()), head.ofKeys(call.dValue()), team);
    }

    /** Writes down what the spans of all query heads decide. */
    void record(Call call, PlainPilot[] heads) {
        for (int index = 0; index < call.keyHeads(); index++) {
            Unit unit = Unit.of(call, index, options, call.team());
            int first = index * unit.head().groupSize();
            CausalWalk.forEach(unit, (member, walk) -> {
                SpanRecord record = new SpanRecord(walk);
                walk.visit(1, call.team(), (share, scratch) -> record);
                heads[first + member] = new PlainPilot(call.input(), walk.keys(), record.leaves(),
                        unit.head().laterSink(member));
            });
        }
    }

    /** What a call needs, given what the forward call does. */
    Estimate estimate(Estimate forward, AttentionInput input, int threads) {
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        int d = input.d();
        int dv = input.dv();
        double near = Math.min(TiledAttention.meanVisibleKeys(input),
                options.spending().near() + options.cuts().span() / 2.0 + 3 * options.expansion().groups());
        return new Estimate(forward.scratchBytes()
                + heads * (GradientSums.bytes(input.keys(), d, dv, PilotGradient.SHARES)
                + Rows.bytes(input.queries(), d) + TiledGradient.headBytes(input))
                + threads * LeafGradient.bytes(input.keys(), options.expansion().groups(), d, dv),
                forward.operations() + 2 * near * (3.0 * d + 2.0 * dv) * input.queries() * input.batch()
                        * input.heads());
    }
}
