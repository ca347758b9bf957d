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
    /**
     * The time of a pass, in key evaluations of exact attention for each query: so many for each key evaluation of the
     * pass, and so many besides. Measured at 32 and 100 features and 16,384 keys: 1.7 to 2.2, and 400 to 500.
     */
    private static final Climb CLIMB = new Climb(2, 500, 1.3, 1.5, 1.3, 0);

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
        error = CLIMB.run(new Climb.Passes() {
            private double columns;

            @Override
            public double attempt(int rung) {
                CausalEffort effort = CausalEffort.LADDER.get(rung);
                double part = head.run(effort, tried, team);
                work += part;
                columns = part / column / head.covered(effort, tried);
                return trial.error();
            }

            @Override
            public double columns() {
                return columns;
            }

            @Override
            public double complete(int rung) {
                work += head.run(CausalEffort.LADDER.get(rung), null, team);
                return check.error();
            }
        }, CausalEffort.LADDER.size(), budget, visible);
        return !Double.isNaN(error);
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
