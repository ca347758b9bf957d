package dev.kdeformer.pilot.walk;

import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.search.CheckedPasses;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.ExactTiles;
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
     * The way up the efforts; the costs were measured at 32 to 100 features and 16,384 keys: 1.3 to 1.8, 800 to 1,100.
     */
    static final Climb CLIMB = new Climb(new Climb.Cost(1.5, 900), new Climb.Steps(0.2, 1.6, 1.8, 1.35));

    /** Added to variances so that their logarithm is finite. */
    private static final double TINY = 1e-300;

    private final PilotHead head;
    private final Doubts doubts;
    /** Logarithm of how much values vary beside the output. */
    private final double variation;

    TilePasses(PilotHead head, PackedKeys packed, CounterRandom random, Team team) {
        super(head.output(), new ExactTiles(head.queries()::read, packed, head.order(), head::finish), random, team);
        this.head = head;
        doubts = new Doubts(head.queries().count());
        start(1 << Math.max(0, head.levels() - PilotWalk.LEVELS));
        variation = Math.log(head.keys().valueVariance() / Math.max(check().meanSquare(), TINY) + TINY);
    }

    @Override
    public double top() {
        return Effort.TOP;
    }

    @Override
    protected double pass(double rung, boolean[] wanted, int count) {
        Effort effort = Effort.at(rung).relativeTo(variation);
        Pass.Done done = head.run(new Pass(effort, wanted, doubts, null), team());
        count(done.work());
        return done.projected() / evaluation() / count;
    }

    @Override
    protected Doubts doubts() {
        return doubts;
    }

    /** First query of a node above the leaves. */
    @Override
    protected int start(int stretch, int stretches) {
        return BalancedTree.start(head.queries().count(), Integer.numberOfTrailingZeros(stretches), stretch);
    }
}
