package dev.kdeformer.pilot.walk;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Outcome;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.function.Function;

/** A key head without a causal rule, with the query heads that read it. */
public final class TreeUnit {
    private final Call call;
    private final int unit;
    private final PilotOptions options;
    private final Team team;
    private final KeyHead head;
    private final Outcome outcome = new Outcome();

    private TreeUnit(Call call, int unit, PilotOptions options, Team team) {
        this.call = call;
        this.unit = unit;
        this.options = options;
        this.team = team;
        this.head = call.keyHead(unit);
    }

    /** Computes all query heads of a unit that is long enough for its budget. */
    public static Outcome attend(Call call, int unit, PilotOptions options, Team team) {
        TreeUnit each = new TreeUnit(call, unit, options, team);
        boolean seen = SharedKeys.forEach(each.head, call.input().scale(), options.expansion().groups(),
                Function.identity(), each::member, team);
        if (!seen) {
            each.head.writeNothing();
        }
        return each.outcome;
    }

    private void member(int member, Rows queries, KeyGroups keys) {
        int tile = options.budget() == null ? options.cuts().tile() : Effort.TILE;
        PilotHead each = new PilotHead(head, member, options, keys, queries, tile, team);
        if (options.budget() != null) {
            search(member, each);
            return;
        }
        Effort effort = each.effort(call.input());
        if (options.draws().peaked() == 0) {
            outcome.add(each.run(Pass.of(effort), team).work());
            return;
        }
        Doubts peaks = new Doubts(each.queries().count());
        outcome.add(each.run(new Pass(effort, null, null, peaks), team).work());
        outcome.add(new PeakedQueries(options.draws().peaked()).run(each, peaks, team));
    }

    private void search(int member, PilotHead each) {
        double error = Double.NaN;
        if (each.keys().count() >= Climb.SHORTEST) {
            TilePasses passes = new TilePasses(each,
                    CounterRandom.of(options.draws().seed()).stream(unit, member), team);
            error = TilePasses.CLIMB.run(passes, options.budget().relativeSpectral());
            outcome.add(passes.work());
        }
        if (Double.isNaN(error)) {
            outcome.exact(call, unit, member, team);
        } else {
            outcome.error(error);
        }
    }

    /** What a call needs. */
    public static Estimate estimate(PilotOptions options, AttentionInput input, int threads) {
        int unbiased = options.draws().unbiased();
        int peaked = options.draws().peaked();
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        long perHead = KeyGroups.bytes(input.keys(), input.d(), input.dv())
                + (3L + input.groupSize()) * Rows.bytes(input.queries(), input.d())
                + (peaked == 0 ? 0 : PeakedQueries.headBytes(input));
        int together = PilotWalk.together(Siblings.MOST, unbiased);
        long perThread = (long) together * NodeScratch.FLOATS * input.keys() * Float.BYTES
                + (unbiased == 0 ? 0 : FarCorrection.bytes(unbiased, input))
                + (peaked == 0 ? 0 : FarCorrection.bytes(peaked, input));
        FixedCost cost = FixedCost.of(options, input, input.keys(), true);
        double each = cost.columns(cost.effort(options, null))
                + (peaked == 0 ? 0 : new PeakedQueries(peaked).columns(input, options.expansion()));
        return new Estimate(heads * perHead + threads * perThread,
                2 * each * (input.d() + input.dv()) * input.queries() * input.batch() * input.heads());
    }
}
