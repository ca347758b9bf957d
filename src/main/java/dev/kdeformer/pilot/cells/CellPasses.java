package dev.kdeformer.pilot.cells;

import dev.kdeformer.pilot.search.CheckedPasses;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.ExactTiles;
import dev.kdeformer.pilot.search.SketchLeaves;
import dev.kdeformer.runtime.Team;

/** The passes over cells that an error budget chooses from, with tiles of one size. */
final class CellPasses extends CheckedPasses {
    /** The way up the efforts; the costs were measured at 3 to 64 features and 16,384 keys. */
    static final Climb CLIMB = new Climb(new Climb.Cost(1.6, 900), new Climb.Steps(0.4, 1.35, 1.6, 1.25, 2),
            Climb.Worth.USUAL);

    private final CellHead head;
    private final int tile;

    CellPasses(CellHead head, int tile, SketchLeaves leaves, ExactTiles exact, Team team) {
        super(leaves, exact, team);
        this.head = head;
        this.tile = tile;
    }

    @Override
    public double top() {
        return CellEffort.TOP;
    }

    @Override
    protected double sketch(double rung, boolean[] chosen, int[] rows) {
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
