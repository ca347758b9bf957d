package dev.kdeformer.pilot.walk;

import dev.kdeformer.ErrorBudget;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.search.CheckRows;
import dev.kdeformer.pilot.search.CheckedPasses;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.ExactTiles;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.pilot.search.SketchLeaves;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/**
 * The passes down the tree that an error budget chooses from.
 *
 * <p>The expected error that allocates keys to tiles is no use for the check: over real heads the ratio of measured to
 * expected error ran from 0.01 to 20.
 */
final class TilePasses extends CheckedPasses {
    /**
     * The way up the efforts; the costs were measured at 32 to 100 features and 16,384 keys: 1.0 to 1.8, 800 to 1,100.
     */
    static final Climb CLIMB = new Climb(new Climb.Cost(1.2, 900), new Climb.Steps(0.2, 1.6, 1.8, 1.35, 1.4),
            Climb.Worth.USUAL);

    /** Added to variances so that their logarithm is finite. */
    private static final double TINY = 1e-300;

    private final PilotHead head;
    private final int tile;
    private final Doubts doubts;
    /** What sketches have found, and the pass after them would find again; null where keys are drawn for every leaf. */
    private final Found found;
    /** Logarithm of how much values vary beside the output. */
    private final double variation;

    private TilePasses(PilotHead head, SketchLeaves leaves, ExactTiles exact, Team team) {
        super(leaves, exact, team);
        this.head = head;
        tile = head.narrowing().tile(head.queries().count(), Effort.TILE);
        doubts = new Doubts(head.queries().count());
        found = head.samples() > 0 ? null : new Found(head.leafLevel(effort(0)));
        variation = Math.log(head.keys().valueVariance() / Math.max(meanSquare(), TINY) + TINY);
    }

    static TilePasses of(PilotHead head, PackedKeys packed, ErrorBudget budget, CounterRandom random, Team team) {
        ExactTiles exact = new ExactTiles(head.queries()::read, packed, head.order(), head::finish);
        RowSample sample = new RowSample(head.output(), head.order(), budget, head.sinks());
        CheckRows check = new CheckRows(sample, head.queries().count(), exact::sample, random);
        int[] starts = BalancedTree.starts(head.queries().count(), head.levels());
        return new TilePasses(head, SketchLeaves.of(check, head.leverage(team), starts, team), exact, team);
    }

    @Override
    public double top() {
        return Effort.TOP;
    }

    @Override
    protected double sketch(double rung, SketchLeaves chosen, int[] rows) {
        return run(new Pass(effort(rung), chosen.marks(), rows, null, null, found)) / chosen.queries();
    }

    @Override
    protected double whole(double rung) {
        return run(new Pass(effort(rung), null, null, doubts, null, found)) / head.queries().count();
    }

    private Effort effort(double rung) {
        return Effort.at(rung, tile).relativeTo(variation);
    }

    private double run(Pass pass) {
        if (found != null) {
            found.prepare(pass.effort());
        }
        Pass.Done done = head.run(pass, team());
        count(done.work());
        return done.projected() / evaluation();
    }

    @Override
    protected Doubts doubts() {
        return doubts;
    }
}
