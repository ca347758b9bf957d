package dev.kdeformer.pilot.cells;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.Calibration.Kind;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.KeyCells;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Leverage;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.CheckRows;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.ExactTiles;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.pilot.search.SinkShares;
import dev.kdeformer.pilot.search.SketchLeaves;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/** The search for a pass over cells of keys that keeps an error budget. */
public final class CellSearch {
    /** Apart from what other passes draw. */
    private static final long CELLS = 2;

    /** Leaves of a sketch, at least. */
    private static final int LEAVES = 8;

    /** The rung that sizes of tiles are compared at. */
    private static final double COMPARED = 4;

    /** The few rows of a sketch are trusted so far. */
    private static final double TRUST = 2;

    /** Large tiles whose error is below this part of the budget need no comparison. */
    private static final double WELL = 0.25;

    private final Unit unit;
    private final CellPasses large;
    private final CellPasses small;
    private CellPasses better;
    private Climb.Plan plan;
    private boolean planned;

    private CellSearch(Unit unit, CellPasses large, CellPasses small) {
        this.unit = unit;
        this.large = large;
        this.small = small;
    }

    /**
     * The queries of a head.
     *
     * @param scaled  times the scale, in the order of a tree
     * @param rows    the caller's row of each of them
     * @param offsets distances at which a query has a key of its own
     */
    public record Queries(Rows scaled, int[] rows, int[] offsets) {
    }

    /**
     * Prepares a search, which makes cells of the keys.
     *
     * @param member index of the query head among those that read the key head
     * @param packed all keys
     */
    public static CellSearch of(Unit unit, int member, Queries queries, KeyGroups groups, PackedKeys packed) {
        Team team = unit.team();
        CounterRandom random = unit.random(member).stream(CELLS);
        KeyCells keys = KeyCells.of(groups, queries.scaled, FarField.EMPTY, team);
        CellHead each = new CellHead(unit, member, keys, queries.scaled, queries.rows, queries.offsets);
        ExactTiles exact = new ExactTiles(each.queries()::read, packed, each.order(), each::finish);
        RowSample sample = new RowSample(each.output(), each.order(), unit.options().budget(),
                SinkShares.of(unit.head(), member, groups.centre()));
        CheckRows check = new CheckRows(sample, each.queries().count(), exact::sample, random);
        // Leaves as large as the largest tiles, so that passes of all sizes are sketched on the same rows.
        int n = each.queries().count();
        int[] starts = BalancedTree.starts(n, BalancedTree.leafLevel(n, CellEffort.LARGE_TILE));
        double[] leverage = Leverage.of(each.queries(), starts, keys.keys(), team).parts();
        SketchLeaves leaves = SketchLeaves.of(check, leverage, starts, LEAVES, team);
        return new CellSearch(unit, new CellPasses(each, CellEffort.LARGE_TILE, leaves, exact, team),
                new CellPasses(each, CellEffort.SMALL_TILE, leaves, exact, team));
    }

    /** Work done, in floating-point operations. */
    public double work() {
        return large.work() + small.work() + large.checked();
    }

    /** Runs a pass at an effort that has kept the budget before; null if it does not. */
    public Effort again(Effort known) {
        CellPasses passes = known.kind() == Kind.SMALL_CELLS ? small : large;
        return Unit.effort(known.kind(), CellPasses.CLIMB.again(passes, budget(), known.rung()));
    }

    /**
     * Looks for a pass that keeps the budget, with the size of tiles that a few of them say is better.
     *
     * @return its time as a part of that of exact attention, infinite if none promises to be worthwhile
     */
    public double plan() {
        if (!planned) {
            plan = look();
            planned = true;
        }
        return plan == null ? Double.POSITIVE_INFINITY : plan.share();
    }

    /** Runs the planned pass, or others after it; the effort of the one that was kept, null if there is none. */
    public Effort run() {
        if (plan() == Double.POSITIVE_INFINITY) {
            return null;
        }
        return Unit.effort(better == small ? Kind.SMALL_CELLS : Kind.LARGE_CELLS,
                CellPasses.CLIMB.run(better, budget(), plan, unit.options().promise().thorough()));
    }

    private double budget() {
        return unit.options().budget().error();
    }

    private Climb.Plan look() {
        Climb.Sketch ofLarge = large.sketch(COMPARED);
        if (!CellPasses.CLIMB.worthwhile(ofLarge, 0, large)) {
            return null;
        }
        Climb.Sketch ofBetter = ofLarge;
        better = large;
        if (ofLarge.error() > WELL * budget()) {
            Climb.Sketch ofSmall = small.sketch(COMPARED);
            if (price(ofSmall) < price(ofLarge)) {
                ofBetter = ofSmall;
                better = small;
            }
        }
        double rung = COMPARED + CellPasses.CLIMB.stepsFor(TRUST * ofBetter.error() / budget());
        return rung > CellEffort.TOP || !CellPasses.CLIMB.worthwhile(ofBetter, rung - COMPARED, better) ? null
                : CellPasses.CLIMB.plan(better, budget(), rung);
    }

    /** Bytes that a head needs beyond its groups. */
    public static long headBytes(AttentionInput input) {
        return KeyCells.bytes(input.keys(), input.d(), input.dv()) + Rows.bytes(input.queries(), input.d());
    }

    /** Bytes that a thread needs. */
    public static long threadBytes(AttentionInput input) {
        return (long) CellWalk.TOGETHER * CellTile.FLOATS * input.keys() * Float.BYTES;
    }

    /** Errors fall about in proportion to the cost. */
    private static double price(Climb.Sketch sketch) {
        return sketch.error() * sketch.evaluations();
    }
}
