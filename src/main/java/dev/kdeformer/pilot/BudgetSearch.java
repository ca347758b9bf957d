package dev.kdeformer.pilot;

import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * Finds the cheapest pass whose error stays within a budget. A few tiles, spread over the tree, are tried at rising
 * effort against exact rows of theirs; the first effort that passes is run in full and then checked on other exact
 * rows, drawn uniformly, which had no part in the choice. A failed check goes on to the next effort, and the last step
 * is exact attention.
 *
 * <p>The expected error that allocates keys to tiles is no use for the check: over real heads the ratio of measured to
 * expected error ran from 0.01 to 20.
 */
final class BudgetSearch {
    /** Below this many queries or keys exact attention is cheaper than a search. */
    static final int SHORTEST = 8192;

    /**
     * How much more time a key evaluation costs in a pass down the tree than in exact attention, selection and
     * gathering included; measured at 4 to 5.
     */
    private static final double SLOWNESS = 4;

    private static final int TRIAL_TILES = 32;
    private static final int ROWS_PER_TILE = 8;
    private static final int CHECK_ROWS = 192;

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
        PackedKeys packed = ExactRows.pack(head.keys(), team);
        boolean[] tried = new boolean[n];
        ExactRows trial = ExactRows.at(head, trialPositions(tried), packed, team);
        ExactRows check = ExactRows.at(head, checkPositions(n), packed, team);
        double column = 2.0 * (packed.d() + packed.dv());
        double rows = (TRIAL_TILES * ROWS_PER_TILE + CHECK_ROWS) * column * m;
        work += rows;
        double variation = Math.log(head.keys().valueVariance() / Math.max(trial.meanSquare(), 1e-300) + 1e-300);
        int rung = 0;
        while (rung < Effort.LADDER.size()) {
            Effort step = Effort.LADDER.get(rung);
            Effort effort = step.relativeTo(variation);
            head.want(tried);
            double part = head.run(effort, team);
            work += part;
            double columns = part / column / count(tried);
            double spent = (work - rows) / column / n;
            if (SLOWNESS * (spent + columns) > m) {
                return false;
            }
            double tryError = trial.error();
            // Each step takes some 10 to 30 per cent off the error: far from the budget, two or three at a time.
            rung += tryError > 4 * budget ? 3 : tryError > 2 * budget ? 2 : 1;
            if (tryError > budget) {
                continue;
            }
            head.want(null);
            work += head.run(effort, team);
            error = check.error();
            if (error <= budget) {
                return true;
            }
        }
        return false;
    }

    /** Some rows of every trial tile; marks all positions of these tiles. */
    private int[] trialPositions(boolean[] tried) {
        int n = head.queries().count();
        int tiles = 1 << head.levels();
        int trials = Math.min(TRIAL_TILES, tiles);
        int[] positions = new int[trials * ROWS_PER_TILE];
        for (int t = 0; t < trials; t++) {
            int first = (int) ((long) t * tiles / trials);
            int width = (int) ((long) (t + 1) * tiles / trials) - first;
            int tile = first + random.below(t, width);
            int from = BalancedTree.start(n, head.levels(), tile);
            int to = BalancedTree.start(n, head.levels(), tile + 1);
            Arrays.fill(tried, from, to, true);
            for (int r = 0; r < ROWS_PER_TILE; r++) {
                positions[t * ROWS_PER_TILE + r] = from + (int) ((long) r * (to - from) / ROWS_PER_TILE);
            }
        }
        return positions;
    }

    private int[] checkPositions(int n) {
        return random.stream(1).sample(n, Math.min(n, CHECK_ROWS));
    }

    private static int count(boolean[] marks) {
        int count = 0;
        for (boolean mark : marks) {
            count += mark ? 1 : 0;
        }
        return count;
    }
}
