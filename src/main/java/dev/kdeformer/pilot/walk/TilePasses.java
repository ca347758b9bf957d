package dev.kdeformer.pilot.walk;

import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * The passes that an error budget chooses from. A few tiles, in runs spread over the tree, are tried at rising effort
 * against exact rows of theirs; the first effort that passes is run in full and then checked on other exact rows,
 * spread over all tiles, which had no part in the choice. Of every pass the most doubtful queries are computed exactly.
 *
 * <p>The expected error that allocates keys to tiles is no use for the check: over real heads the ratio of measured to
 * expected error ran from 0.01 to 20.
 */
final class TilePasses implements Climb.Passes {
    /**
     * The way up the efforts; the costs were measured at 32 to 100 features and 16,384 keys: 1.3 to 1.8, 800 to 1,100.
     */
    static final Climb CLIMB = new Climb(new Climb.Cost(1.5, 900), new Climb.Steps(1.6, 1.8, 1.35), 0.5);

    /** Trial tiles lie together, two below each of two parents that share their own: those are walked once for all. */
    private static final int TRIAL_RUNS = 8;
    private static final int TILES_IN_RUN = 1 << 2 * PilotWalk.LEVELS;
    private static final int PARENTS_TRIED = 2;
    private static final int TILES_TRIED = 2;
    private static final int ROWS_PER_TILE = 16;

    /**
     * The most doubtful queries are computed exactly: so many, or as many as cost half of the key evaluations of the
     * pass if that is less.
     */
    private static final double MOST_DOUBTFUL = 1.0 / 64;

    private static final int LEAST_CHECK_ROWS = 192;
    private static final int MOST_CHECK_ROWS = 1024;
    /** One row in so many is computed exactly to check on. */
    private static final int CHECK_EVERY = 32;

    /** Added to variances so that their logarithm is finite. */
    private static final double TINY = 1e-300;

    private final PilotHead head;
    private final CounterRandom random;
    private final Team team;
    private final Doubts doubts;
    private final PackedKeys packed;
    private final boolean[] tried;
    private final int triedCount;
    private final RowSample trial;
    private final RowSample check;
    /** Floating-point operations of a key evaluation. */
    private final double evaluation;
    /** Logarithm of how much values vary beside the output. */
    private final double variation;
    private double work;
    /** The part of the queries that is computed exactly, at the last tried effort. */
    private double doubtful;

    TilePasses(PilotHead head, CounterRandom random, Team team) {
        this.head = head;
        this.random = random;
        this.team = team;
        int n = head.queries().count();
        int m = head.keys().count();
        doubts = new Doubts(n);
        packed = ExactTiles.pack(head.keys(), team);
        tried = new boolean[n];
        trial = ExactTiles.sample(head, trialPositions(), packed, team);
        triedCount = count(tried);
        check = ExactTiles.sample(head, checkPositions(n), packed, team);
        evaluation = 2.0 * (packed.d() + packed.dv());
        work = (double) (trial.count() + check.count()) * evaluation * m;
        variation = Math.log(head.keys().valueVariance() / Math.max(trial.meanSquare(), TINY) + TINY);
    }

    /** Work done, in floating-point operations. */
    double work() {
        return work;
    }

    @Override
    public int rungs() {
        return Effort.LADDER.size();
    }

    @Override
    public double exact() {
        return head.keys().count();
    }

    @Override
    public Climb.Trial attempt(int rung) {
        double evaluations = pass(rung, tried).projected() / evaluation / triedCount;
        doubtful = Math.min(MOST_DOUBTFUL, evaluations / (2 * head.keys().count()));
        return new Climb.Trial(trial.error(doubts.largest((int) (doubtful * triedCount), tried)), evaluations);
    }

    @Override
    public double complete(int rung) {
        pass(rung, null);
        int[] rows = doubts.largest((int) (doubtful * head.queries().count()), null);
        ExactTiles.write(head, rows, packed, team);
        work += rows.length * evaluation * head.keys().count();
        return check.error();
    }

    private Pass.Done pass(int rung, boolean[] wanted) {
        Effort effort = Effort.LADDER.get(rung).relativeTo(variation);
        Pass.Done done = head.run(new Pass(effort, wanted, doubts, null), team);
        work += done.work();
        return done;
    }

    /** Some rows of every trial tile; marks all positions of these tiles as tried. */
    private int[] trialPositions() {
        int n = head.queries().count();
        int all = (1 << head.levels()) / TILES_IN_RUN;
        int runs = Math.min(TRIAL_RUNS, all);
        int children = 1 << PilotWalk.LEVELS;
        int[] positions = new int[runs * PARENTS_TRIED * TILES_TRIED * ROWS_PER_TILE];
        int next = 0;
        for (int t = 0; t < runs; t++) {
            int first = (int) ((long) t * all / runs);
            int width = (int) ((long) (t + 1) * all / runs) - first;
            int run = (first + random.below(t, width)) * TILES_IN_RUN;
            for (int parent : random.stream(2, t).sample(children, PARENTS_TRIED)) {
                for (int tile : random.stream(3, t, parent).sample(children, TILES_TRIED)) {
                    int from = BalancedTree.start(n, head.levels(), run + parent * children + tile);
                    int to = BalancedTree.start(n, head.levels(), run + parent * children + tile + 1);
                    Arrays.fill(tried, from, to, true);
                    for (int r = 0; r < ROWS_PER_TILE; r++) {
                        positions[next++] = from + (int) ((long) r * (to - from) / ROWS_PER_TILE);
                    }
                }
            }
        }
        return positions;
    }

    /** One row of every stretch of the tree order: errors gather in a few tiles, which chance would miss or repeat. */
    private int[] checkPositions(int n) {
        int rows = Math.min(n, Math.max(LEAST_CHECK_ROWS, Math.min(MOST_CHECK_ROWS, n / CHECK_EVERY)));
        CounterRandom draws = random.stream(1);
        int[] positions = new int[rows];
        for (int i = 0; i < rows; i++) {
            int from = (int) ((long) n * i / rows);
            positions[i] = from + draws.below(i, (int) ((long) n * (i + 1) / rows) - from);
        }
        return positions;
    }

    private static int count(boolean[] marks) {
        int count = 0;
        for (boolean mark : marks) {
            count += mark ? 1 : 0;
        }
        return count;
    }
}
