package dev.kdeformer.pilot.causal;

import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/** The spans of a query head at a fixed cost, for those who do something else with their tiles than attention. */
public final class CausalWalk {
    private final CausalPilot head;
    private final CausalEffort effort;
    private final int[] firstExact;

    private CausalWalk(CausalPilot head, CausalEffort effort) {
        this.head = head;
        this.effort = effort;
        this.firstExact = head.firstExact(effort);
    }

    /** What is done with a query head. */
    @FunctionalInterface
    public interface Member {
        /**
         * Does it; memory that is taken from the team's scratch meanwhile is given back.
         *
         * @param member index of the query head among those of the key head
         */
        void accept(int member, CausalWalk walk);
    }

    /**
     * Does something with every query head of a unit.
     *
     * @return false if no key is visible; nothing has been done then
     */
    public static boolean forEach(Unit unit, Member each) {
        CausalEffort effort = new CausalCost(unit.options()).effort(unit.call().input());
        return CausalPilot.forEach(unit, (member, head) -> each.accept(member, new CausalWalk(head, effort)));
    }

    /** The keys, in groups. */
    public KeyGroups keys() {
        return head.keys().groups();
    }

    /** The queries, times the scale and reflected like the keys, in the caller's order. */
    public Rows queries() {
        return head.queries();
    }

    /** The first key that every query meets exactly: those before it are approximated. */
    public int[] firstExact() {
        return firstExact;
    }

    /** The last key that a query sees; below 0 for none. */
    public int last(int query) {
        return head.last(query);
    }

    /** Number of spans that meet approximated keys. */
    public int spans() {
        int[] starts = head.starts(effort);
        return (int) Arrays.stream(starts, 0, starts.length - 1).filter(start -> firstExact[start] > 0).count();
    }

    /**
     * Lets visitors take the tiles of all spans, which are dealt to them in turns.
     *
     * @param shares number of visitors, which run at the same time
     */
    public void visit(int shares, Team team, SpanVisitor.Maker maker) {
        head.visit(effort, shares, team, maker);
    }
}
