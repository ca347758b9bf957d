package dev.kdeformer.pilot.walk;

import dev.kdeformer.Calibration;
import dev.kdeformer.Calibration.Kind;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.cells.CellSearch;
import dev.kdeformer.pilot.keys.Dimension;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Unit;

/**
 * The search for the effort that keeps a query head's budget: passes down the tree, or passes over cells of keys where
 * these promise to be cheaper, which is looked into where passes down the tree are dear or do not get there.
 */
final class TreeSearch {
    /** Passes that take more than this part of the time of exact attention are worth looking for others. */
    private static final double DEAR = 0.35;

    /** Passes over cells promise more than they keep, so that they have to be cheaper by this factor. */
    private static final double CHEAPER = 0.6;

    /** Keys that vary along more directions than this are no closer in cells than in groups. */
    private static final double NARROW = 7;

    private final Unit unit;
    private final PilotHead head;
    private final int member;
    private final Calibration.Effort known;
    private final double budget;
    private final PackedKeys packed;
    /** Null until it is needed. */
    private TilePasses tiles;
    private CellSearch cells;

    /** For a query head of a unit with a budget. */
    TreeSearch(Unit unit, int member, PilotHead head) {
        this.unit = unit;
        this.member = member;
        this.head = head;
        known = unit.calibrated(member);
        budget = unit.options().budget().error();
        packed = worthwhile() ? head.packedKeys(unit.team()) : null;
    }

    private boolean worthwhile() {
        return known == null
                ? head.keys().count() >= Climb.shortest(unit.options().promise().thorough(), false)
                : known.kind() != Kind.EXACT;
    }

    /** The effort that was kept, null if there is none. */
    Calibration.Effort run() {
        if (!worthwhile()) {
            return null;
        }
        Calibration.Effort found = known == null ? null : again();
        found = found == null ? search() : found;
        unit.outcome().add((tiles == null ? 0 : tiles.work() + tiles.checked()) + (cells == null ? 0 : cells.work()));
        return found;
    }

    private Calibration.Effort again() {
        return known.kind() == Kind.TILES
                ? Unit.effort(Kind.TILES, TilePasses.CLIMB.again(tiles(), budget, known.rung()))
                : cells().again(known);
    }

    private Calibration.Effort search() {
        Climb.Plan plan = tiles().plan(budget);
        if (plan == null) {
            return cellsMayFit() ? cells().run() : null;
        }
        boolean compared = plan.share() > DEAR && cellsMayFit();
        if (compared && cells().plan() < CHEAPER * plan.share()) {
            return cells().run();
        }
        Calibration.Effort found = climb(plan);
        // What has been spent in vain by now leaves room for a cheap pass only.
        return found == null && cellsMayFit() && cells().plan() < DEAR ? cells().run() : found;
    }

    private Calibration.Effort climb(Climb.Plan plan) {
        return Unit.effort(Kind.TILES,
                TilePasses.CLIMB.run(tiles(), budget, plan, unit.options().promise().thorough()));
    }

    /** Whether cells may be worth making: few keys, or keys that fill too many directions, leave them too coarse. */
    private boolean cellsMayFit() {
        return known != null || head.keys().count() >= Climb.SHORTEST_LATER
                && Dimension.of(head.keys(), head.queries()) < NARROW;
    }

    private TilePasses tiles() {
        if (tiles == null) {
            tiles = TilePasses.of(head, packed, unit.options().budget(), unit.random(member), unit.team());
        }
        return tiles;
    }

    private CellSearch cells() {
        if (cells == null) {
            cells = CellSearch.of(unit, member, new CellSearch.Queries(head.queries(), head.order(), head.offsets()),
                    head.keys(), packed);
        }
        return cells;
    }
}
