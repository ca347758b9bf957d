package dev.kdeformer.pilot.causal;

import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Metric;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.runtime.Keeping;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.function.Function;

/** What all parts of a key head have in common under a causal rule. */
public final class CausalPlan {
    private final CausalKeys keys;
    private final Metric metric;

    /**
     * A plan of keys that have been sorted before.
     *
     * @param unit the key head
     * @param kept where what is made of the keys is put
     */
    public CausalPlan(Unit unit, KeyGroups groups, Scratch kept) {
        Team keeping = new Keeping(unit.team(), kept);
        groups.pack(keeping);
        this.keys = CausalKeys.of(unit.head(), groups, unit.call().input().scale(), keeping);
        this.metric = Metric.of(groups.keys(), keeping);
    }

    /**
     * Finds what parts have in common.
     *
     * @param kept where what is found of the keys is put
     * @return null if no key is visible
     */
    public static CausalPlan of(Unit unit, Scratch kept) {
        CausalPlan[] found = new CausalPlan[1];
        Team team = unit.team();
        boolean visible = SharedKeys.forEach(unit.head(), unit.call().input().scale(),
                unit.options().expansion().groups(), Function.identity(), (member, queries, groups) -> {
                    if (member == 0) {
                        found[0] = new CausalPlan(unit, groups, kept);
                    }
                }, team, new Keeping(team, kept));
        return visible ? found[0] : null;
    }

    /** The sorted keys. */
    public KeyGroups groups() {
        return keys.groups();
    }

    CausalKeys keys() {
        return keys;
    }

    Metric metric() {
        return metric;
    }
}
