package dev.kdeformer.pilot.cells;

import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.search.CheckedPasses;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.ExactTiles;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/** The passes over cells that an error budget chooses from, with tiles of one size. */
final class CellPasses extends CheckedPasses {
    /** The way up the efforts; the costs were measured at 3 to 64 features and 16,384 keys. */
    static final Climb CLIMB = new Climb(new Climb.Cost(1.4, 300), new Climb.Steps(0.4, 1.35, 1.6, 1.25));

    private final CellHead head;
    private final int tile;
    private final int level;

    CellPasses(CellHead head, int tile, PackedKeys packed, CounterRandom random, Team team) {
        super(head.output(), new ExactTiles(head.queries()::read, packed, head.order(), head::finish), random, team);
        this.head = head;
        this.tile = tile;
        this.level = BalancedTree.leafLevel(head.queries().count(), tile);
        start(1 << level);
    }

    @Override
    public double top() {
        return CellEffort.TOP;
    }

    @Override
    protected double pass(double rung, boolean[] wanted, int count) {
        double work = head.run(CellEffort.at(rung, tile), wanted, team());
        count(work);
        return work / evaluation() / count;
    }

    @Override
    protected Doubts doubts() {
        return head.doubts();
    }

    /** First query of a tile. */
    @Override
    protected int start(int stretch, int stretches) {
        return head.start(level, stretch);
    }
}
