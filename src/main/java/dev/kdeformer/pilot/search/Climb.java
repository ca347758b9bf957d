package dev.kdeformer.pilot.search;

import java.util.function.ToDoubleFunction;

/**
 * The way to a pass whose error stays within a budget: a first pass at the effort that usually keeps it, a check on as
 * few exact rows as decide it, and where it fails, the most doubtful queries computed exactly if that is enough, else
 * another pass at the effort that the error found asks for. Where what is still missing would cost about as much as
 * exact attention, the climb ends: the sooner, the less it has cost in vain.
 *
 * <p>A pass begins with a part of the queries. Whether it is too dear, or too weak for what is missing, shows there,
 * and it is given up; else the rest follows, and nothing was in vain.
 *
 * @param cost  the time of a pass
 * @param steps what steps usually gain
 */
public record Climb(Cost cost, Steps steps) {
    /** Below this many queries or keys exact attention is cheaper than a search. */
    public static final int SHORTEST = 8192;

    /** A pass is not worth its risk when it takes more than this part of the time of exact attention. */
    private static final double WORTH = 0.8;

    /** Parts of the queries that may be computed exactly to keep a budget, the most doubtful ones. */
    private static final double[] REPAIRS = {1.0 / 128, 1.0 / 64, 1.0 / 32};

    /** An estimate below this part of the budget needs no second sample. */
    private static final double SURE = 0.65;

    /** Where the likely error is below this part of the budget, more rows are likely to show it. */
    private static final double CLEAR = 0.8;

    /** Part of a step that is taken beyond what should be enough. */
    private static final double MARGIN = 0.2;

    /** A step that gains less is not worth taking, however many there are. */
    private static final double LEAST_STEP = 1.05;

    /** The beginning of a pass has few checked rows; it is trusted so far. */
    private static final double TRUST = 1.5;

    /** A beginning whose error is too large by more than this will not get there by steps. */
    private static final double HOPELESS = 3;

    /** No first pass is higher up than this part of the way. */
    private static final double HIGHEST_START = 0.6;

    /** Most steps to go further than what has been tried. */
    private static final double LEAP = 2.5;

    /** Beginnings that are given up for a higher one before a pass is finished. */
    private static final int ATTEMPTS = 2;

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
     * @param first the error that the first rung usually has
     * @param usual what one step usually divides the error by
     * @param best  what it divides it by at best
     * @param cost  what it multiplies the cost by
     */
    public record Steps(double first, double usual, double best, double cost) {
    }

    /**
     * What the beginning of a pass has shown.
     *
     * @param error       the likely error of its queries
     * @param gain        what their error was divided by since the last pass, infinite for the first
     * @param evaluations key evaluations per query that the pass takes
     */
    public record Beginning(double error, double gain, double evaluations) {
    }

    /** The passes over a query head that a ladder is made of, and the exact rows they are checked on. */
    public interface Passes {
        /** The highest effort, counted in steps from 0 on. */
        double top();

        /** Key evaluations per query of exact attention. */
        double exact();

        /** Runs a few queries at the effort of a rung, which need not be whole. */
        Beginning probe(double rung);

        /** Runs more of them at this effort. */
        Beginning begin(double rung);

        /** Runs all others at this effort. */
        void finish(double rung);

        /**
         * The error of the last pass, estimated from the rows checked so far.
         *
         * @param repaired as if this part of the queries were exact, the most doubtful ones
         */
        RowSample.Error error(double repaired);

        /** Computes the most doubtful queries of the last pass exactly, this part of all. */
        void repair(double part);

        /** Computes the few queries exactly that the last pass doubts far more than all others. */
        void mend();

        /** Checks on more rows from now on; returns false if there are no more. */
        boolean more();
    }

    /**
     * Climbs.
     *
     * @return the estimated error of the pass that was kept, NaN if there is none within the budget
     */
    public double run(Passes passes, double budget) {
        return run(passes, budget, Math.min(stepsFor(steps.first / budget, steps.usual), HIGHEST_START * passes.top()));
    }

    /**
     * Climbs from a rung on.
     *
     * @return the estimated error of the pass that was kept, NaN if there is none within the budget
     */
    public double run(Passes passes, double budget, double start) {
        double rung = within(start, passes);
        Beginning beginning = begin(passes, rung, b -> b.error / budget);
        if (beginning == null) {
            return Double.NaN;
        }
        while (true) {
            passes.finish(rung);
            double error = check(passes, budget);
            if (error <= budget) {
                passes.mend();
                return error;
            }
            double factor = error / budget;
            if (rung == passes.top() || !worthwhile(beginning.evaluations, stepsFor(factor, steps.best), passes)) {
                return Double.NaN;
            }
            double next = within(rung + stepsFor(factor, steps.usual) + MARGIN, passes);
            for (int attempt = 0; true; attempt++) {
                beginning = begin(passes, next, b -> factor / b.gain);
                if (beginning == null) {
                    return Double.NaN;
                }
                double missing = factor / beginning.gain;
                if (missing <= 1 || next == passes.top() || attempt == ATTEMPTS) {
                    break;
                }
                double step = Math.clamp(Math.pow(beginning.gain, 1 / (next - rung)), LEAST_STEP, steps.best);
                next = within(Math.min(next + LEAP, rung + stepsFor(factor, step) + MARGIN), passes);
            }
            rung = next;
        }
    }

    /**
     * Begins a pass.
     *
     * @param missing what the error that a beginning shows is still too large by
     * @return null if it is not worthwhile
     */
    private Beginning begin(Passes passes, double rung, ToDoubleFunction<Beginning> missing) {
        Beginning probed = passes.probe(rung);
        // So few rows show little but what a pass costs.
        double least = missing.applyAsDouble(probed) / TRUST;
        if (least > HOPELESS || !worthwhile(probed.evaluations, stepsFor(least / TRUST, steps.best), passes)) {
            return null;
        }
        Beginning begun = passes.begin(rung);
        double wrong = missing.applyAsDouble(begun);
        if (wrong > HOPELESS) {
            return null;
        }
        if (!worthwhile(begun.evaluations, stepsFor(wrong / TRUST, steps.best), passes)) {
            return null;
        }
        // Where it will not do, it is paid for besides the one that will.
        double share = share(begun.evaluations, 0, passes);
        boolean both = share + share(begun.evaluations, stepsFor(wrong, steps.usual), passes) < WORTH;
        return wrong <= CLEAR || both ? begun : null;
    }

    private static double within(double rung, Passes passes) {
        return Math.clamp(rung, 0, passes.top());
    }

    /** Steps that usually divide an error by a factor. */
    public double stepsFor(double factor) {
        return stepsFor(factor, steps.usual);
    }

    private static double stepsFor(double factor, double step) {
        return Math.log(factor) / Math.log(step);
    }

    /** Whether the last pass keeps the budget, repaired if need be: an upper estimate of its error if it does. */
    private double check(Passes passes, double budget) {
        boolean seconded = false;
        while (true) {
            RowSample.Error error = passes.error(0);
            if (error.upper() <= budget) {
                // A narrow pass may be the luck of few rows, where few rows hold the error.
                if (seconded || error.upper() <= SURE * budget || !passes.more()) {
                    return error.upper();
                }
                seconded = true;
                continue;
            }
            boolean clear = error.likely() <= CLEAR * budget;
            if (clear && passes.more()) {
                continue;
            }
            for (double part : REPAIRS) {
                double repaired = part * passes.exact() < cost.fixed ? passes.error(part).upper() : budget + 1;
                if (repaired <= budget) {
                    passes.repair(part);
                    return repaired;
                }
            }
            if (error.likely() > budget || !passes.more()) {
                return error.upper();
            }
        }
    }

    /** Whether a pass so many steps further up can be expected to be cheaper than exact attention. */
    private boolean worthwhile(double evaluations, double more, Passes passes) {
        return share(evaluations, more, passes) < WORTH;
    }

    /** The time of a pass so many steps further up, as a part of that of exact attention. */
    private double share(double evaluations, double more, Passes passes) {
        return (cost.fixed + cost.each * evaluations * Math.pow(steps.cost, Math.max(0, more))) / passes.exact();
    }
}
