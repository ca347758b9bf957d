package dev.kdeformer.pilot;

/**
 * The way up a ladder of efforts to the first whose error stays within a budget: each is tried on a part of the
 * queries, run in full where the trial passes, and checked. Where what is still missing would cost about as much as
 * exact attention, judging by what a step usually gains, the climb ends: the sooner, the less it has cost in vain.
 *
 * @param slowness what a key evaluation of a pass costs, in key evaluations of exact attention
 * @param fixed    what a pass costs besides for each query, in the same
 * @param step     what one step up the ladder usually divides the error by
 * @param bestStep what it divides it by at best
 * @param stepCost what it multiplies the cost by
 * @param lenience part of a step that may be missing for it not to be taken
 */
record Climb(double slowness, double fixed, double step, double bestStep, double stepCost, double lenience) {
    /** A pass is not worth its risk when it takes more than this part of the time of exact attention. */
    private static final double WORTH = 0.8;

    /** Most steps at a time. */
    private static final int LEAP = 3;

    /** The passes that a ladder is made of. */
    interface Passes {
        /** Runs a part of the queries at the effort of a rung; returns their estimated error. */
        double attempt(int rung);

        /** Key evaluations per query that the last attempt says a pass takes. */
        double columns();

        /** Runs all queries at the effort of a rung; returns the estimated error. */
        double complete(int rung);
    }

    /**
     * Climbs.
     *
     * @param exact key evaluations per query of exact attention
     * @return the estimated error of the pass that was kept, NaN if there is none within the budget
     */
    double run(Passes passes, int rungs, double budget, double exact) {
        int last = rungs - 1;
        // How much worse checks have been than trials of the same pass.
        double excess = 1;
        int rung = 0;
        while (rung <= last) {
            double found = excess * passes.attempt(rung);
            if (!worthwhile(passes.columns(), found / budget, exact)) {
                return Double.NaN;
            }
            if (found <= budget) {
                double error = passes.complete(rung);
                if (error <= budget) {
                    return error;
                }
                excess *= error / found;
                found = error;
                if (!worthwhile(passes.columns(), found / budget, exact)) {
                    return Double.NaN;
                }
            }
            rung += Math.min(Math.max(1, last - rung), steps(found / budget));
        }
        return Double.NaN;
    }

    /** Whether a pass that takes an error down by a factor can be expected to be cheaper than exact attention. */
    private boolean worthwhile(double columns, double factor, double exact) {
        double more = Math.log(factor) / Math.log(bestStep);
        return fixed + slowness * columns * Math.pow(stepCost, Math.max(0, more)) < WORTH * exact;
    }

    private int steps(double factor) {
        double steps = Math.ceil(Math.log(factor) / Math.log(step) - lenience);
        return (int) Math.max(1, Math.min(LEAP, steps));
    }
}
