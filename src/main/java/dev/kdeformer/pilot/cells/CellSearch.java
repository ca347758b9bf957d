package dev.kdeformer.pilot.cells;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.Calibration.Kind;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.keys.KeyCells;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Leverage;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.CheckRows;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.ExactTiles;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/** The search for a pass over cells of keys that keeps an error budget. */
public final class CellSearch {
    /** Apart from what other passes draw. */
    private static final long CELLS = 2;

    /** The rung that sizes of tiles are compared at. */
    private static final double COMPARED = 4;

    /** The few rows of a probe are trusted so far. */
    private static final double TRUST = 2;

    private final Unit unit;
    private final int member;
    private final Effort known;
    private double work;

    /**
     * For a query head of a unit.
     *
     * @param known the effort that it is calibrated for, of any kind; null for none
     */
    public CellSearch(Unit unit, int member, Effort known) {
        this.unit = unit;
        this.member = member;
        this.known = known;
    }

    /** Work done, in floating-point operations. */
    public double work() {
        return work;
    }

    /**
     * Searches with the size of tiles that a few of them say is better.
     *
     * @param queries times the scale, in the order of a tree
     * @param rows    the caller's row of each of them
     * @param offsets distances at which a query has a key of its own
     * @param packed  all keys
     * @return the effort of the pass that was kept, null if there is none within the budget
     */
    public Effort run(KeyGroups groups, Rows queries, int[] rows, int[] offsets, PackedKeys packed) {
        Team team = unit.team();
        CounterRandom random = unit.random(member).stream(CELLS);
        KeyCells keys = KeyCells.of(groups, queries, FarField.EMPTY, team);
        CellHead each = new CellHead(unit, member, keys, queries, rows, offsets);
        ExactTiles exact = new ExactTiles(each.queries()::read, packed, each.order(), each::finish);
        CheckRows check = new CheckRows(new RowSample(each.output(), each.order()), each.queries().count(),
                exact::sample, random);
        double[] leverage = Leverage.parts(each.queries(), CellPasses.starts(each), keys.keys(), team);
        CellPasses large = new CellPasses(each, CellEffort.LARGE_TILE, check, exact, leverage, team);
        CellPasses small = new CellPasses(each, CellEffort.SMALL_TILE, check, exact, leverage, team);
        Effort found = null;
        if (known != null && known.kind() != Kind.TILES) {
            CellPasses passes = known.kind() == Kind.SMALL_CELLS ? small : large;
            found = Unit.effort(known.kind(), CellPasses.CLIMB.again(passes, budget(), known.rung()));
        }
        found = found == null ? search(large, small) : found;
        work += large.work() + small.work();
        return found;
    }

    private double budget() {
        return unit.options().budget().relativeSpectral();
    }

    private Effort search(CellPasses large, CellPasses small) {
        Climb.Sketch ofLarge = large.sketch(COMPARED);
        if (!CellPasses.CLIMB.worthwhile(ofLarge, 0, large)) {
            return null;
        }
        Climb.Sketch ofSmall = small.sketch(COMPARED);
        boolean smaller = price(ofSmall) < price(ofLarge);
        CellPasses better = smaller ? small : large;
        Climb.Sketch ofBetter = smaller ? ofSmall : ofLarge;
        double rung = COMPARED + CellPasses.CLIMB.stepsFor(TRUST * ofBetter.error() / budget());
        if (rung > CellEffort.TOP || !CellPasses.CLIMB.worthwhile(ofBetter, rung - COMPARED, better)) {
            return null;
        }
        Climb.Kept kept = CellPasses.CLIMB.run(better, budget(), rung);
        boolean lower = kept != null && unit.options().promise().thorough();
        return Unit.effort(smaller ? Kind.SMALL_CELLS : Kind.LARGE_CELLS,
                lower ? CellPasses.CLIMB.lowest(better, budget(), kept) : kept);
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
