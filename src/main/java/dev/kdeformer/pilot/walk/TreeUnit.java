package dev.kdeformer.pilot.walk;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.pilot.cells.CellSearch;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.runtime.Team;
import java.util.function.Function;

/** A key head without a causal rule, with the query heads that read it. */
public final class TreeUnit {
    /** Up to so many keys, preparing a search costs so much that a glance at some queries comes before it. */
    private static final int LONG = 12_288;

    private final Unit unit;
    /** Null for all rows. */
    private final Share share;

    private TreeUnit(Unit unit, Share share) {
        this.unit = unit;
        this.share = share;
    }

    /** Computes all query heads of a unit that is long enough for its budget. */
    public static void attend(Unit unit) {
        if (unit.options().budget() != null && !promises(unit)) {
            unit.keepNone();
        } else if (!attend(unit, null)) {
            unit.head().writeNothing();
        }
    }

    /**
     * Computes a share of the rows of all query heads of a unit, at a fixed cost.
     *
     * @return false if no key is visible; nothing has been done then
     */
    public static boolean attend(Unit unit, Share share) {
        return SharedKeys.forEach(unit.head(), unit.call().input().scale(), unit.options().expansion().groups(),
                Function.identity(), new TreeUnit(unit, share)::member, unit.team());
    }

    /** Computes a share of the rows of all query heads of a unit whose plan is known. */
    public static void attend(Unit unit, Share share, TreePlan plan) {
        Team team = unit.team();
        for (int member = 0; member < unit.head().groupSize(); member++) {
            long mark = team.scratch().mark();
            PilotHead each = plan.head(unit, member);
            FixedPass fixed = each.fixedPass(unit.call().input(), team);
            Effort effort = fixed.effort();
            boolean[] wanted = share.positions(unit.query(member), each.leafLevel(effort), each.order());
            int from = 0;
            while (from < wanted.length && !wanted[from]) {
                from++;
            }
            int to = from + share.rows()[unit.query(member)].length;
            if (from < to) {
                each.load(effort, from, to, unit.call().input().scale(), team);
                unit.outcome().add(each.run(Pass.of(effort, wanted), team).work());
                unit.outcome().add(fixed.straggle(each, wanted, team));
            }
            team.scratch().release(mark);
        }
    }

    private void member(int member, Rows queries, KeyGroups keys) {
        PilotOptions options = unit.options();
        PilotHead each = new PilotHead(unit.head(), member, options, keys, queries, unit.team());
        if (share != null) {
            FixedPass fixed = each.fixedPass(unit.call().input(), unit.team());
            boolean[] wanted = share.positions(unit.query(member), each.leafLevel(fixed.effort()), each.order());
            unit.outcome().add(each.run(Pass.of(fixed.effort(), wanted), unit.team()).work());
            unit.outcome().add(fixed.straggle(each, wanted, unit.team()));
        } else if (options.budget() == null) {
            spend(each);
        } else {
            unit.keep(member, new TreeSearch(unit, member, each).run());
        }
    }

    private void spend(PilotHead each) {
        Team team = unit.team();
        FixedPass fixed = each.fixedPass(unit.call().input(), team);
        int peaked = unit.options().draws().peaked();
        Doubts peaks = peaked == 0 ? null : new Doubts(each.queries().count());
        unit.outcome().add(each.run(new Pass(fixed.effort(), null, null, null, peaks, null), team).work());
        if (peaks != null) {
            unit.outcome().add(new PeakedQueries(peaked).run(each, peaks, team));
        }
        unit.outcome().add(fixed.straggle(each, null, team));
    }

    private static boolean promises(Unit unit) {
        return unit.head().visibleKeys().length > LONG || Glance.promises(unit, Effort.TILE, 1);
    }

    /** What a call needs. */
    public static Estimate estimate(PilotOptions options, AttentionInput input, int threads) {
        int unbiased = options.draws().unbiased();
        int peaked = options.draws().peaked();
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        long perHead = KeyGroups.bytes(input.keys(), input.d(), input.dv())
                + (3L + input.groupSize()) * Rows.bytes(input.queries(), input.d())
                + (peaked == 0 ? 0 : PeakedQueries.headBytes(input))
                + (options.budget() == null ? 0 : CellSearch.headBytes(input));
        int together = PilotWalk.together(Siblings.MOST, unbiased);
        long perThread = (long) together * NodeScratch.FLOATS * input.keys() * Float.BYTES
                + (options.budget() == null ? 0 : CellSearch.threadBytes(input))
                + (unbiased == 0 ? 0 : FarCorrection.bytes(unbiased, input))
                + (peaked == 0 ? 0 : FarCorrection.bytes(peaked, input));
        FixedCost cost = FixedCost.of(options, input, input.keys(), true);
        double each = cost.columns(cost.effort(options, null, 0))
                + (peaked == 0 ? 0 : new PeakedQueries(peaked).columns(input, options.expansion()));
        return new Estimate(heads * perHead + threads * perThread,
                2 * each * (input.d() + input.dv()) * input.queries() * input.batch() * input.heads());
    }
}
