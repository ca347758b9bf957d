package dev.kdeformer.pilot.walk;

import dev.kdeformer.ErrorBudget;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.Leverage;
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
    static final Climb CLIMB = new Climb(new Climb.Cost(1.2, 900), new Climb.Steps(0.1, 1.33, 1.7, 1.37, 1.2),
            Climb.Worth.USUAL);

    /**
     * What an expansion to the second order leaves grows with the variance of logits over a tile to the power of 3/2,
     * and with how much values vary beside the output. Where the product is up to so many budgets, few near keys and
     * few candidates are likely to keep them: on seven heads of language models and word vectors of 4,096 to 131,072
     * rows below it they had half the error of a budget of 0.05, on five above it one to three times that.
     */
    private static final double CALM = 18;

    /** The error that the first rung usually has there, and the candidates that are enough. */
    private static final double CALM_FIRST = 0.136;
    private static final int CALM_CANDIDATES = 2;

    /** Leaves of a sketch, at least. */
    private static final int LEAVES = 16;

    /** Added to variances so that their logarithm is finite. */
    private static final double TINY = 1e-300;

    private final PilotHead head;
    private final int tile;
    private final Doubts doubts;
    /** What sketches have found, and the pass after them would find again; null where keys are drawn for every leaf. */
    private final Found found;
    /** Logarithm of how much values vary beside the output. */
    private final double variation;
    /** The rung that is likely to keep the budget because logits vary little over a tile; negative for none. */
    private final double calm;

    private TilePasses(PilotHead head, SketchLeaves leaves, double variation, double calm, ExactTiles exact,
            Team team) {
        super(leaves, exact, team);
        this.head = head;
        this.calm = calm;
        tile = head.narrowing().tile(head.queries().count(), Effort.TILE);
        doubts = new Doubts(head.queries().count());
        found = head.samples() > 0 ? null : new Found(head.leafLevel(effort(0)));
        this.variation = Math.log(variation + TINY);
    }

    static TilePasses of(PilotHead head, PackedKeys packed, ErrorBudget budget, CounterRandom random, Team team) {
        ExactTiles exact = new ExactTiles(head.queries()::read, packed, head.order(), head::finish);
        RowSample sample = new RowSample(head.output(), head.order(), budget, head.sinks());
        CheckRows check = new CheckRows(sample, head.queries().count(), exact::sample, random);
        int[] starts = BalancedTree.starts(head.queries().count(), head.levels());
        Leverage leverage = head.leverage(team);
        SketchLeaves leaves = SketchLeaves.of(check, leverage.parts(), starts, LEAVES, team);
        double variation = head.keys().valueVariance() / Math.max(sample.meanSquare(), TINY);
        boolean calm = Math.sqrt(Math.pow(leverage.mean(), 3) * variation) <= CALM * budget.error();
        double rung = calm ? Math.max(0, CLIMB.stepsFor(CALM_FIRST / budget.error())) : -1;
        return new TilePasses(head, leaves, variation, rung, exact, team);
    }

    /** The pass to begin with: at once where logits vary little over a tile; null if none promises enough. */
    Climb.Plan plan(double budget) {
        return calm >= 0 ? CLIMB.unseen(this, calm) : CLIMB.plan(this, budget);
    }

    @Override
    public double top() {
        return Effort.TOP;
    }

    @Override
    protected double sketch(double rung, boolean[] chosen, int[] rows) {
        Pass pass = new Pass(effort(rung), chosen, rows, null, null, found);
        return run(pass) / pass.wanted(0, chosen.length);
    }

    @Override
    protected double whole(double rung) {
        return run(new Pass(effort(rung), null, null, doubts, null, found)) / head.queries().count();
    }

    private Effort effort(double rung) {
        Effort effort = Effort.at(rung, tile).relativeTo(variation);
        return rung <= calm ? Effort.adaptive(CALM_CANDIDATES, effort.threshold(), tile) : effort;
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
