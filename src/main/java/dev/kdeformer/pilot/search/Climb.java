package dev.kdeformer.pilot.search;

/**
 * The way up a ladder of efforts to the first whose error stays within a budget: each is tried on a part of the
 * queries, run in full where the trial passes, and checked. Where what is still missing would cost about as much as
 * exact attention, judging by what a step usually gains, the climb ends: the sooner, the less it has cost in vain.
 *
 * @param cost     the time of a pass
 * @param steps    what steps usually gain
 * @param lenience part of a step that may be missing for it not to be taken
 */
public record Climb(Cost cost, Steps steps, double lenience) {
    /** Below this many queries or keys exact attention is cheaper than a search. */
    public static final int SHORTEST = 8192;

    /** A pass is not worth its risk when it takes more than this part of the time of exact attention. */
    private static final double WORTH = 0.8;

    /** Most steps at a time. */
    private static final int LEAP = 3;

    /**
     * The time of a pass, in key evaluations of exact attention for each query.
     *
     * @param each  of a key evaluation of the pass, selection and gathering included
     * @param fixed of what a pass does besides
     */
    public record Cost(double each, double fixed) {
    }

    /**
     * The steps of a ladder.
     *
     * @param usual what one step usually divides the error by
     * @param best  what it divides it by at best
     * @param cost  what it multiplies the cost by
     */
    public record Steps(double usual, double best, double cost) {
    }

    /**
     * What a trial found.
     *
     * @param error       the estimated error of the tried queries
     * @param evaluations key evaluations per query that a pass at this effort takes
     */
    public record Trial(double error, double evaluations) {
    }

    /** The passes over a query head that a ladder is made of. */
    public interface Passes {
        /** Number of efforts, of rising cost. */
        int rungs();

        /** Key evaluations per query of exact attention. */
        double exact();

        /** Runs a part of the queries at the effort of a rung. */
        Trial attempt(int rung);

        /** Runs all queries at the effort of a rung; returns their estimated error. */
        double complete(int rung);
    }

    /**
     * Climbs.
     *
     * @return the estimated error of the pass that was kept, NaN if there is none within the budget
     */
    public double run(Passes passes, double budget) {
        int last = passes.rungs() - 1;
        // How much worse checks have been than trials of the same pass.
        double excess = 1;
        int rung = 0;
        while (rung <= last) {
            Trial trial = passes.attempt(rung);
            double found = excess * trial.error();
            if (!worthwhile(trial.evaluations(), found / budget, passes.exact())) {
                return Double.NaN;
            }
            if (found <= budget) {
                double error = passes.complete(rung);
                if (error <= budget) {
                    return error;
                }
                excess *= error / found;
                found = error;
                if (!worthwhile(trial.evaluations(), found / budget, passes.exact())) {
                    return Double.NaN;
                }
            }
            rung += Math.min(Math.max(1, last - rung), stepsFor(found / budget));
        }
        return Double.NaN;
    }

    /** Whether a pass that takes an error down by a factor can be expected to be cheaper than exact attention. */
    private boolean worthwhile(double evaluations, double factor, double exact) {
        double more = Math.log(factor) / Math.log(steps.best);
        return cost.fixed + cost.each * evaluations * Math.pow(steps.cost, Math.max(0, more)) < WORTH * exact;
    }

    private int stepsFor(double factor) {
        double missing = Math.ceil(Math.log(factor) / Math.log(steps.usual) - lenience);
        return (int) Math.max(1, Math.min(LEAP, missing));
    }
}
