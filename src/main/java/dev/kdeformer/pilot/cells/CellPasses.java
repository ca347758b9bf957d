package dev.kdeformer.pilot.cells;

import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.search.CheckRows;
import dev.kdeformer.pilot.search.CheckedPasses;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.ExactTiles;
import dev.kdeformer.runtime.Team;

/** The passes over cells that an error budget chooses from, with tiles of one size. */
final class CellPasses extends CheckedPasses {
    /** The way up the efforts; the costs were measured at 3 to 64 features and 16,384 keys. */
    static final Climb CLIMB = new Climb(new Climb.Cost(1.6, 900), new Climb.Steps(0.4, 1.35, 1.6, 1.25, 2));

    private final CellHead head;
    private final int tile;

    /** With leaves as large as the largest tiles, so that passes of all sizes can be sketched on the same rows. */
    CellPasses(CellHead head, int tile, CheckRows check, ExactTiles exact, double[] leverage, Team team) {
        super(check, exact, leverage, starts(head), team);
        this.head = head;
        this.tile = tile;
    }

    static int[] starts(CellHead head) {
        int n = head.queries().count();
        return BalancedTree.starts(n, BalancedTree.leafLevel(n, CellEffort.LARGE_TILE));
    }

    @Override
    public double top() {
        return CellEffort.TOP;
    }

    @Override
    protected double sketch(double rung, boolean[] leaves, int[] rows) {
        return run(rung, rows);
    }

    @Override
    protected double whole(double rung) {
        return run(rung, null);
    }

    private double run(double rung, int[] rows) {
        CellHead.Done done = head.run(CellEffort.at(rung, tile), rows, team());
        count(done.work());
        return done.projected() / evaluation() / done.queries();
    }

    @Override
    protected Doubts doubts() {
        return head.doubts();
    }
}
