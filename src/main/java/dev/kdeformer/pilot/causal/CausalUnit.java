package dev.kdeformer.pilot.causal;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;

/** A key head under a causal rule, with the query heads that read it. */
public final class CausalUnit {
    private final Unit unit;

    private CausalUnit(Unit unit) {
        this.unit = unit;
    }

    /** Computes all query heads of a unit that is long enough for its budget. */
    public static void attend(Unit unit) {
        float scale = unit.call().input().scale();
        boolean seen = SharedKeys.forEach(unit.head(), scale, unit.options().expansion().groups(),
                groups -> CausalKeys.of(unit.head(), groups, scale, unit.team()), new CausalUnit(unit)::member,
                unit.team());
        if (!seen) {
            unit.head().writeNothing();
        }
    }

    private void member(int member, Rows queries, CausalKeys keys) {
        AttentionInput input = unit.call().input();
        PilotOptions options = unit.options();
        CausalPilot each = new CausalPilot(unit.head(), member, keys, queries,
                input.mask().causalOffset(input.queries(), input.keys()),
                keys.groups().valuesFollow() ? options.expansion().tilt() : 0, unit.team());
        if (options.budget() == null) {
            unit.outcome().add(each.run(new CausalCost(options).effort(input), null, unit.team()));
            return;
        }
        SpanPasses passes = new SpanPasses(each, unit.random(member), unit.team());
        double error = SpanPasses.CLIMB.run(passes, options.budget().relativeSpectral());
        unit.outcome().add(passes.work());
        unit.keep(member, error);
    }
}
