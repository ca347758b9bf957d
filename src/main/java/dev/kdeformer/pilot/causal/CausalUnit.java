package dev.kdeformer.pilot.causal;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.Outcome;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/** A key head under a causal rule, with the query heads that read it. */
public final class CausalUnit {
    private final Call call;
    private final int unit;
    private final PilotOptions options;
    private final Team team;
    private final KeyHead head;
    private final Outcome outcome = new Outcome();

    private CausalUnit(Call call, int unit, PilotOptions options, Team team) {
        this.call = call;
        this.unit = unit;
        this.options = options;
        this.team = team;
        this.head = call.keyHead(unit);
    }

    /** Computes all query heads of a unit that is long enough for its budget. */
    public static Outcome attend(Call call, int unit, PilotOptions options, Team team) {
        CausalUnit each = new CausalUnit(call, unit, options, team);
        float scale = call.input().scale();
        boolean seen = SharedKeys.forEach(each.head, scale, options.expansion().groups(),
                groups -> CausalKeys.of(each.head, groups, scale, team), each::member, team);
        if (!seen) {
            each.head.writeNothing();
        }
        return each.outcome;
    }

    private void member(int member, Rows queries, CausalKeys keys) {
        AttentionInput input = call.input();
        CausalPilot each = new CausalPilot(head, member, keys, queries,
                input.mask().causalOffset(input.queries(), input.keys()),
                keys.groups().valuesFollow() ? options.expansion().tilt() : 0, team);
        if (options.budget() == null) {
            outcome.add(each.run(new CausalCost(options).effort(input), null, team));
            return;
        }
        SpanPasses passes = new SpanPasses(each, CounterRandom.of(options.draws().seed()).stream(unit, member), team);
        double error = SpanPasses.CLIMB.run(passes, options.budget().relativeSpectral());
        outcome.add(passes.work());
        if (Double.isNaN(error)) {
            outcome.exact(call, unit, member, team);
        } else {
            outcome.error(error);
        }
    }
}
