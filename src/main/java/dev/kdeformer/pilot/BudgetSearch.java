package dev.kdeformer.pilot;

import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * Finds the cheapest pass whose error stays within a budget. A few tiles, in runs spread over the tree, are tried at
 * rising effort against exact rows of theirs; the first effort that passes is run in full and then checked on other
 * exact rows, spread over all tiles, which had no part in the choice. Of every pass the most doubtful queries are
 * computed exactly. A failed check goes on to the next effort.
 *
 * <p>The expected error that allocates keys to tiles is no use for the check: over real heads the ratio of measured to
 * expected error ran from 0.01 to 20.
 */
final class BudgetSearch {
    /** Below this many queries or keys exact attention is cheaper than a search. */
    static final int SHORTEST = 8192;

    /**
     * The time of a pass, in key evaluations of exact attention for each query: so many for each key evaluation of the
     * pass, selection and gathering included, and so many besides. Measured at 32 to 100 features and 16,384 keys: 1.3
     * to 1.8, and 800 to 1,100.
     */
    private static final Climb CLIMB = new Climb(1.5, 900, 1.6, 1.8, 1.35, 0.5);

    /** Trial tiles lie together, two below each of two parents that share their own: those are walked once for all. */
    private static final int TRIAL_RUNS = 8;
    private static final int TILES_IN_RUN = 1 << 2 * PilotWalk.LEVELS;
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

    private final PilotHead head;
    private final double budget;
    private final CounterRandom random;
    private final Team team;
    private double work;
    private double error = Double.NaN;

    BudgetSearch(PilotHead head, double budget, CounterRandom random, Team team) {
        this.head = head;
        this.budget = budget;
        this.random = random;
        this.team = team;
    }

    /** Work done, in floating-point operations. */
    double work() {
        return work;
    }

    /** The estimated error of what was kept, NaN for exact. */
    double error() {
        return error;
    }

    /**
     * Searches.
     *
     * @return whether the output is within the budget; if not, it has to be computed exactly
     */
    boolean run() {
        int n = head.queries().count();
        int m = head.keys().count();
        if (m < SHORTEST) {
            return false;
        }
        head.doubt();
        PackedKeys packed = ExactRows.pack(head.keys(), team);
        boolean[] tried = new boolean[n];
        ExactRows trial = ExactRows.at(head, trialPositions(tried), packed, team);
        ExactRows check = ExactRows.at(head, checkPositions(n), packed, team);
        double column = 2.0 * (packed.d() + packed.dv());
        work += (double) (trial.count() + check.count()) * column * m;
        double variation = Math.log(head.keys().valueVariance() / Math.max(trial.meanSquare(), 1e-300) + 1e-300);
        error = CLIMB.run(new Climb.Passes() {
            private double columns;
            private double doubtful;

            @Override
            public double attempt(int rung) {
                pass(rung, tried);
                columns = head.projected() / column / count(tried);
                doubtful = Math.min(MOST_DOUBTFUL, columns / (2 * m));
                return trial.error(head.doubts().largest((int) (doubtful * count(tried)), tried));
            }

            @Override
            public double columns() {
                return columns;
            }

            @Override
            public double complete(int rung) {
                pass(rung, null);
                int[] rows = head.doubts().largest((int) (doubtful * n), null);
                ExactRows.write(head, rows, packed, team);
                work += rows.length * column * m;
                return check.error();
            }

            private void pass(int rung, boolean[] wanted) {
                head.want(wanted);
                work += head.run(Effort.LADDER.get(rung).relativeTo(variation), team);
            }
        }, Effort.LADDER.size(), budget, m);
        return !Double.isNaN(error);
    }

    /** Some rows of every trial tile; marks all positions of these tiles. */
    private int[] trialPositions(boolean[] tried) {
        int n = head.queries().count();
        int all = (1 << head.levels()) / TILES_IN_RUN;
        int runs = Math.min(TRIAL_RUNS, all);
        int children = 1 << PilotWalk.LEVELS;
        int[] positions = new int[runs * 4 * ROWS_PER_TILE];
        int next = 0;
        for (int t = 0; t < runs; t++) {
            int first = (int) ((long) t * all / runs);
            int width = (int) ((long) (t + 1) * all / runs) - first;
            int run = (first + random.below(t, width)) * TILES_IN_RUN;
            for (int parent : random.stream(2, t).sample(children, 2)) {
                for (int tile : random.stream(3, t, parent).sample(children, 2)) {
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
