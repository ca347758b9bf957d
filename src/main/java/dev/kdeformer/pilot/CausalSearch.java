package dev.kdeformer.pilot;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * Finds the cheapest pass over causal spans whose error stays within a budget, as {@link BudgetSearch} does without
 * a mask: a few spans are tried at rising effort against exact rows of theirs, under the same mask; the first effort
 * that passes is run in full and then checked on other exact rows, drawn uniformly, which had no part in the choice.
 */
final class CausalSearch {
    /** Below this many queries or keys exact attention is cheaper than a search. */
    static final int SHORTEST = 8192;

    /**
     * The time of a pass, in key evaluations of exact attention for each query: so many for each key evaluation of the
     * pass, and so many besides. Measured at 32 and 100 features and 16,384 keys: 1.7 to 2.2, and 400 to 500.
     */
    private static final double SLOWNESS = 2;
    private static final double FIXED = 500;

    /** A pass is not worth its risk when it takes more than this part of the time of exact attention. */
    private static final double WORTH = 0.8;

    /** What one step up the ladder divides the error by, usually and at best, and what it multiplies the cost by. */
    private static final double STEP = 1.3;
    private static final double BEST_STEP = 1.5;
    private static final double STEP_COST = 1.3;

    /** Most steps at a time. */
    private static final int LEAP = 3;

    private static final int TRIALS = 8;
    private static final int ROWS_PER_TRIAL = 16;
    private static final int CHECK_ROWS = 192;

    private final CausalPilot head;
    private final double budget;
    private final CounterRandom random;
    private final Team team;
    private double work;
    private double error = Double.NaN;

    CausalSearch(CausalPilot head, double budget, CounterRandom random, Team team) {
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
        double column = 2.0 * (head.keys().ordered().d() + head.keys().ordered().dv());
        boolean[] tried = new boolean[n];
        int[] trialRows = trialRows(tried);
        int[] checkRows = random.stream(1).sample(n, Math.min(n, CHECK_ROWS));
        ExactRows trial = ExactRows.causal(head, trialRows, team);
        ExactRows check = ExactRows.causal(head, checkRows, team);
        work += column * (pairs(trialRows) + pairs(checkRows));
        double visible = pairs(checkRows) / checkRows.length;
        int last = CausalEffort.LADDER.size() - 1;
        // How much worse checks have been than trials of the same pass.
        double excess = 1;
        int rung = 0;
        while (rung <= last) {
            CausalEffort effort = CausalEffort.LADDER.get(rung);
            double part = head.run(effort, tried, team);
            work += part;
            double columns = part / column / head.covered(effort, tried);
            double found = excess * trial.error();
            if (!worthwhile(columns, found, visible)) {
                return false;
            }
            if (found <= budget) {
                work += head.run(effort, null, team);
                error = check.error();
                if (error <= budget) {
                    return true;
                }
                excess *= error / found;
                found = error;
                if (!worthwhile(columns, found, visible)) {
                    return false;
                }
            }
            rung += Math.min(Math.max(1, last - rung), steps(found));
        }
        return false;
    }

    /** Whether a pass that gets from an error to the budget can be expected to be cheaper than exact attention. */
    private boolean worthwhile(double columns, double found, double visible) {
        double more = Math.log(found / budget) / Math.log(BEST_STEP);
        return FIXED + SLOWNESS * columns * Math.pow(STEP_COST, Math.max(0, more)) < WORTH * visible;
    }

    /** Steps up the ladder from an error to the budget. */
    private int steps(double found) {
        double steps = Math.ceil(Math.log(found / budget) / Math.log(STEP));
        return (int) Math.max(1, Math.min(LEAP, steps));
    }

    /** Some rows of a few spans, spread over the sequence; marks them. */
    private int[] trialRows(boolean[] tried) {
        int n = tried.length;
        int width = CausalEffort.LADDER.get(0).span();
        int spans = (n + width - 1) / width;
        int trials = Math.min(TRIALS, spans);
        int[] rows = new int[trials * ROWS_PER_TRIAL];
        int count = 0;
        for (int t = 0; t < trials; t++) {
            int first = (int) ((long) t * spans / trials);
            int span = first + random.below(t, (int) ((long) (t + 1) * spans / trials) - first);
            int from = CausalPilot.start(n, spans, span);
            int to = CausalPilot.start(n, spans, span + 1);
            for (int r = 0; r < Math.min(ROWS_PER_TRIAL, to - from); r++) {
                int row = from + (int) ((long) r * (to - from) / ROWS_PER_TRIAL);
                if (!tried[row]) {
                    tried[row] = true;
                    rows[count++] = row;
                }
            }
        }
        return Arrays.copyOf(rows, count);
    }

    /** Keys that the queries of some rows see together. */
    private double pairs(int[] rows) {
        double sum = 0;
        for (int row : rows) {
            sum += head.last(row) + 1;
        }
        return sum;
    }
}
