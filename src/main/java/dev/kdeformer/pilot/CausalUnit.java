package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/** A key head under a causal rule, with the query heads that read it and share what is made of its keys. */
final class CausalUnit {
    private final Call call;
    private final int unit;
    private final CausalSettings settings;
    private final Team team;
    private final KeyHead head;
    private CausalKeys keys;

    CausalUnit(Call call, int unit, CausalSettings settings, Team team) {
        this.call = call;
        this.unit = unit;
        this.settings = settings;
        this.team = team;
        this.head = call.keyHead(unit);
    }

    /** Computes all query heads. */
    void attend(Outcome outcome) {
        Scratch scratch = team.scratch();
        AttentionInput input = call.input();
        for (int member = 0; member < head.groupSize(); member++) {
            if (settings.budget() != null && Math.min(head.keys(), input.queries()) < BudgetSearch.SHORTEST) {
                PilotAttention.exact(call, unit, member, team, outcome);
                continue;
            }
            long start = scratch.mark();
            boolean first = keys == null;
            Rows queries = Rows.load(head.query(member), null, null, input.scale(), team);
            Reflection reflection = Reflection.reflect(queries, first ? null : keys.groups(), team);
            if (first) {
                KeyGroups groups = KeyGroups.of(head, queries, reflection, settings.groups(), team);
                keys = groups == null ? null : CausalKeys.of(head, groups, input.scale(), team);
                start = scratch.mark();
            }
            if (keys == null) {
                PilotAttention.nothing(head, member);
                continue;
            }
            member(member, queries, outcome);
            scratch.release(start);
        }
    }

    private void member(int member, Rows queries, Outcome outcome) {
        AttentionInput input = call.input();
        CausalPilot each = new CausalPilot(head, member, keys, queries,
                input.mask().causalOffset(input.queries(), input.keys()),
                keys.groups().valuesFollow() ? settings.tilt() : 0, team);
        if (settings.budget() == null) {
            outcome.add(each.run(settings.effort(input), null, team));
            return;
        }
        CausalSearch search = new CausalSearch(each, settings.budget().relativeSpectral(),
                CounterRandom.of(settings.seed()).stream(unit, member), team);
        boolean found = search.run();
        outcome.add(search.work());
        if (found) {
            outcome.error(search.error());
        } else {
            PilotAttention.exact(call, unit, member, team, outcome);
        }
    }
}
