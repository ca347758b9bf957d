package dev.kdeformer.pilot.causal;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.Calibration.Kind;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.walk.Glance;
import dev.kdeformer.pilot.walk.Share;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/** A key head under a causal rule, with the query heads that read it. */
public final class CausalUnit {
    /** The tiles of a span are of consecutive queries, whose spread the nearest of all tell less of. */
    private static final double DOUBT = 4;

    private final Unit unit;
    /** Null for all rows. */
    private final Share share;

    private CausalUnit(Unit unit, Share share) {
        this.unit = unit;
        this.share = share;
    }

    /** Computes all query heads of a unit that is long enough for its budget. */
    public static void attend(Unit unit) {
        if (unit.options().budget() != null && !Glance.promises(unit, CausalEffort.SMALLEST_TILE, DOUBT)) {
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
        return CausalPilot.forEach(unit, new CausalUnit(unit, share)::member);
    }

    /** Computes a share of the rows of all query heads of a unit whose plan is known. */
    public static void attend(Unit unit, Share share, CausalPlan plan) {
        AttentionInput input = unit.call().input();
        Team team = unit.team();
        CausalEffort effort = new CausalCost(unit.options()).effort(input);
        for (int member = 0; member < unit.head().groupSize(); member++) {
            long mark = team.scratch().mark();
            Rows queries = Rows.allocate(team.scratch(), input.queries(), input.d());
            CausalPilot each = new CausalPilot(unit, member, plan.keys(), plan.metric(), queries);
            boolean[] wanted = share.spans(unit.query(member), each.starts(effort));
            int[] own = share.rows()[unit.query(member)];
            for (int from = 0; from < own.length;) {
                int to = from + 1;
                while (to < own.length && own[to] == own[to - 1] + 1) {
                    to++;
                }
                Rows span = queries.slice(own[from], own[to - 1] + 1);
                span.fill(unit.head().query(member), Arrays.copyOfRange(own, from, to), null, input.scale(), team);
                plan.groups().reflection().apply(span, team);
                from = to;
            }
            unit.outcome().add(each.run(effort, wanted, team));
            team.scratch().release(mark);
        }
    }

    private void member(int member, CausalPilot each) {
        AttentionInput input = unit.call().input();
        PilotOptions options = unit.options();
        if (options.budget() == null) {
            CausalEffort effort = new CausalCost(options).effort(input);
            boolean[] wanted = share == null ? null
                    : share.spans(unit.query(member), each.starts(effort));
            unit.outcome().add(each.run(effort, wanted, unit.team()));
            return;
        }
        Effort known = unit.calibrated(member);
        if (known != null && known.kind() == Kind.EXACT) {
            unit.keep(member, null);
            return;
        }
        double budget = options.budget().error();
        SpanPasses passes = new SpanPasses(each, options.budget(), unit.random(member), unit.team());
        boolean thorough = options.promise().thorough();
        Climb climb = thorough ? SpanPasses.CLIMB.patient() : SpanPasses.CLIMB;
        Climb.Kept kept = known == null ? null : climb.again(passes, budget, known.rung());
        if (kept == null) {
            kept = climb.run(passes, budget, climb.plan(passes, budget), thorough);
        }
        unit.outcome().add(passes.work());
        unit.keep(member, Unit.effort(Kind.SPANS, kept));
    }
}
