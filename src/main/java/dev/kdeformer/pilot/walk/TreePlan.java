package dev.kdeformer.pilot.walk;

import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.runtime.Keeping;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.function.Function;

/**
 * What all parts of a key head have in common, without a causal rule: the sorted keys, and what is known of every query
 * head that reads them.
 */
public final class TreePlan {
    private final KeyGroups keys;
    private final int[] keyAtRow;
    private final HeadPlan[] members;

    private TreePlan(KeyHead head, KeyGroups keys, HeadPlan[] members) {
        this.keys = keys;
        this.keyAtRow = PilotHead.keyAtRow(head, keys);
        this.members = members;
    }

    /**
     * Finds what parts have in common.
     *
     * @param kept where what is found of the keys is put
     * @return null if no key is visible
     */
    public static TreePlan of(Unit unit, Scratch kept) {
        HeadPlan[] members = new HeadPlan[unit.head().groupSize()];
        KeyGroups[] found = new KeyGroups[1];
        DoubleAdder work = new DoubleAdder();
        Team team = unit.team();
        boolean visible = SharedKeys.forEach(unit.head(), unit.call().input().scale(),
                unit.options().expansion().groups(), Function.identity(), (member, queries, keys) -> {
                    PilotHead each = new PilotHead(unit.head(), member, unit.options(), keys, queries, team);
                    found[0] = keys;
                    members[member] = each.plan(each.fixedPass(unit.call().input(), team), team, work);
                }, team, new Keeping(team, kept));
        unit.outcome().add(work.sum());
        return visible ? new TreePlan(unit.head(), found[0], members).packed(team, kept) : null;
    }

    /** Packs the keys where some walk has to look at all of them. */
    private TreePlan packed(Team team, Scratch kept) {
        if (Arrays.stream(members).anyMatch(member -> member.tops() == null)) {
            keys.pack(new Keeping(team, kept));
        }
        return this;
    }

    /**
     * A plan of what has been found before.
     *
     * @param members what is known of every query head
     * @param kept    where what is made of the keys is put
     * @throws IllegalArgumentException if that is not what walks look for
     */
    public static TreePlan of(Unit unit, KeyGroups keys, HeadPlan[] members, Scratch kept) {
        TreePlan plan = new TreePlan(unit.head(), keys, members).packed(unit.team(), kept);
        plan.check(unit);
        return plan;
    }

    private void check(Unit unit) {
        for (int member = 0; member < members.length; member++) {
            long mark = unit.team().scratch().mark();
            PilotHead each = head(unit, member);
            each.checkTops(each.fixedPass(unit.call().input(), unit.team()).effort());
            unit.team().scratch().release(mark);
        }
    }

    /** The keys. */
    public KeyGroups keys() {
        return keys;
    }

    /** What is known of the query heads. */
    public HeadPlan[] members() {
        return members;
    }

    /** A query head that nothing is loaded of yet. */
    PilotHead head(Unit unit, int member) {
        return new PilotHead(unit.head(), member, unit.options(), keys, keyAtRow, members[member], unit.team());
    }
}
