package dev.kdeformer.pilot.search;

/**
 * The way to a pass whose error stays within a budget: sketches find the effort that promises it, one pass runs at that
 * effort, and a check on as few exact rows as decide it shows whether it keeps the budget. Where it fails, the most
 * doubtful queries are computed exactly if that is enough, else there is another pass at the effort that the error
 * found asks for. Where what is still missing would cost about as much as exact attention, the climb ends: the sooner,
 * the less it has cost in vain.
 *
 * @param cost  the time of a pass
 * @param steps what steps usually gain
 * @param worth what a pass may cost
 */
public record Climb(Cost cost, Steps steps, Worth worth) {
    /** Below this many queries or keys exact attention is cheaper than a search down the tree. */
    public static final int SHORTEST = 4096;

    /** The same for a search whose passes take longer to prepare. */
    public static final int SHORTEST_LATER = 8192;

    /** The same under a causal mask, where exact attention takes half the time. */
    private static final int SHORTEST_CAUSAL = 12_288;

    /** The same where the effort is known. */
    private static final int SHORTEST_KNOWN = 2048;

    /**
     * Parts of the queries that may be computed exactly to keep a budget, the most doubtful ones, where another pass
     * would take longer. On dear heads of language models a thirty-second of them held 0.1 to 0.8 of the squared error
     * along the direction that counts.
     */
    private static final double[] REPAIRS = {1.0 / 128, 1.0 / 64, 1.0 / 32, 1.0 / 16};

    /** An error beyond this many budgets is not repaired. */
    private static final double REPAIRABLE = 2;

    /**
     * Where an error is less certain than this, few rows hold it: what a repair would leave is not known, and a dearer
     * pass is not tried after one that took more than this part of the time of exact attention.
     */
    private static final double CERTAIN = 2;
    private static final double RISK = 0.2;

    /** An estimate below this part of the budget needs no second sample. */
    private static final double SURE = 0.9;

    /** Where the likely error is below this part of the budget, more rows are likely to show it. */
    private static final double CLEAR = 0.8;

    /** Part of a step that is taken beyond what should be enough. */
    private static final double MARGIN = 0.2;

    /** A step that gains less is not worth taking, however many there are. */
    private static final double LEAST_STEP = 1.05;

    /** A sketch has few rows; it is trusted so far. */
    private static final double TRUST = 1.5;

    /** What misses by no more than this is tried where nothing else is left. */
    private static final double CLOSE = 1.15;

    /** What a sketch says to be too large by more than this will not get there by steps. */
    private static final double HOPELESS = 3;

    /** Nor what a first sketch says to be too large by more than this. */
    private static final double FAR = 6;

    /** No first pass is higher up than this part of the way. */
    private static final double HIGHEST_START = 0.6;

    /** Most steps to go further than what has been tried. */
    private static final double LEAP = 2.5;

    /** A pass that takes less than this part of the time of exact attention, few steps up, needs no other sketch. */
    private static final double CHEAP = 0.1;
    private static final double BLIND = 1;

    /** Steps down that are tried one after the other, and the part of the budget that is well within it. */
    private static final double DOWN = 0.5;
    private static final double WELL = 0.75;

    /** What a check is taken to find at least, in units of what a sketch shows. */
    private static final double LEAST_RAISE = 0.8;

    /** Sketches of one pass. */
    private static final int SKETCHES = 4;

    /** Of the time of a pass, what may go into the rows that it is checked on. */
    private static final double CHECK = 0.1;

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
     * @param raise what the check of a pass usually finds its error to be at most, in units of what its sketch shows
     */
    public record Steps(double first, double usual, double best, double cost, double raise) {
    }

    /**
     * When a pass is worth its risk, in parts of the time of exact attention.
     *
     * @param first most that the first pass may take
     * @param again most that one after it may take
     * @param leap  a sketch is worth its time where a pass of the effort that is expected to do takes no more than so
     *              many times that
     */
    public record Worth(double first, double again, double leap) {
        /** For passes whose sketches cost little beside exact attention. */
        public static final Worth USUAL = new Worth(0.65, 0.55, Double.POSITIVE_INFINITY);
    }

    /**
     * What a sketch of a pass has shown.
     *
     * @param error       its likely error
     * @param evaluations key evaluations per query that the pass takes
     */
    public record Sketch(double error, double evaluations) {
    }

    /** The passes over a query head that a ladder is made of, and the exact rows they are checked on. */
    public interface Passes {
        /** The highest effort, counted in steps from 0 on. */
        double top();

        /** What rungs are multiples of; 0 where an effort may lie anywhere between two. */
        default double grid() {
            return 0;
        }

        /** Key evaluations per query of exact attention. */
        double exact();

        /** Tries the effort of a rung on fewer queries, only to see whether it is worth more; null to leave that. */
        default Sketch glimpse(double rung) {
            return null;
        }

        /** The error of the last pass that a sketch of it would show. */
        double seen();

        /** Tries the effort of a rung, which need not be whole, on a few queries. */
        Sketch sketch(double rung);

        /**
         * Runs all queries at the effort of a rung.
         *
         * @param part of the queries that the pass is to be checked on; the more of them the dearer it is, and 0
         *             where few are expected to do
         */
        void pass(double rung, double part);

        /**
         * The error of the last pass, estimated from the rows checked so far.
         *
         * @param repaired as if this part of the queries were exact, the most doubtful ones
         */
        RowSample.Error error(double repaired);

        /** Computes the most doubtful queries of the last pass exactly, this part of all. */
        void repair(double part);

        /** Checks on more rows from now on; returns false if there are no more. */
        boolean more();
    }

    /**
     * The pass that was kept.
     *
     * @param rung  its effort
     * @param error its estimated error
     */
    public record Kept(double rung, double error) {
    }

    /**
     * A pass that promises to be worthwhile.
     *
     * @param rung  its effort
     * @param share its time, as a part of that of exact attention
     */
    public record Plan(double rung, double share) {
    }

    /** The same for an effort that will be used again and again, which may take long to find. */
    public Climb patient() {
        return new Climb(cost, steps, Worth.USUAL);
    }

    /**
     * Below how many queries or keys exact attention is cheaper.
     *
     * @param known whether efforts are known or may take long to find
     */
    public static int shortest(boolean known, boolean causal) {
        return known ? SHORTEST_KNOWN : causal ? SHORTEST_CAUSAL : SHORTEST;
    }

    /** Looks for a pass from the rung on that usually keeps the budget; null if none promises to. */
    public Plan plan(Passes passes, double budget) {
        double usual = stepsFor(steps.first / budget, steps.usual);
        double start = within(Math.min(usual, HIGHEST_START * passes.top()), passes);
        Sketch glimpse = passes.glimpse(start);
        return glimpse != null && hopeless(passes, glimpse, steps.raise / budget / TRUST, true, worth.first) ? null
                : plan(passes, budget, start);
    }

    /** A cheap pass that is made without a sketch of it. */
    public Plan unseen(Passes passes, double rung) {
        return new Plan(within(rung, passes), CHEAP);
    }

    /** The same from a rung on where some sketch has promised as much. */
    public Plan plan(Passes passes, double budget, double start) {
        return settle(passes, within(start, passes), steps.raise / budget, worth.first);
    }

    /**
     * Climbs.
     *
     * @param first    the pass to begin with; null for none
     * @param thorough whether to go down again from a pass that was kept, for as long as passes are well within the
     *                 budget, so that others of their effort will be
     * @return null if no pass is within the budget
     */
    public Kept run(Passes passes, double budget, Plan first, boolean thorough) {
        Kept kept = run(passes, budget, first);
        return kept != null && thorough ? lowest(passes, budget, kept) : kept;
    }

    private Kept run(Passes passes, double budget, Plan first) {
        Plan plan = first;
        while (plan != null) {
            passes.pass(plan.rung, CHECK * plan.share);
            double error = check(passes, budget, plan.share, false);
            if (error <= budget) {
                return new Kept(plan.rung, error);
            }
            if (plan.rung >= passes.top() || error > HOPELESS * budget) {
                return null;
            }
            double raise = Math.max(LEAST_RAISE, error / passes.seen());
            double next = plan.rung + stepsFor(error / budget, steps.usual) + MARGIN;
            plan = settle(passes, within(next, passes), raise / budget, worth.again);
        }
        return null;
    }

    /**
     * Runs one pass at an effort that has kept the budget on inputs like this one.
     *
     * @return null if it does not on this one
     */
    public Kept again(Passes passes, double budget, double rung) {
        double known = within(rung, passes);
        passes.pass(known, 0);
        double error = check(passes, budget, 0, true);
        return error <= budget ? new Kept(known, error) : null;
    }

    private Kept lowest(Passes passes, double budget, Kept from) {
        Kept lowest = from;
        while (lowest.rung > 0) {
            double rung = within(lowest.rung - Math.max(DOWN, passes.grid()), passes);
            passes.pass(rung, 1);
            double error = passes.error(0).upper();
            if (error > WELL * budget) {
                break;
            }
            lowest = new Kept(rung, error);
        }
        return lowest;
    }

    /**
     * Sketches until one promises enough.
     *
     * @param rung   to begin with
     * @param factor what a sketch's error is multiplied by for what it is too large by
     * @param most   what a pass may cost
     * @return null if none is worthwhile
     */
    private Plan settle(Passes passes, double rung, double factor, double most) {
        Sketch before = null;
        double lower = 0;
        for (int sketches = 1; true; sketches++) {
            Sketch sketch = passes.sketch(rung);
            double missing = factor * sketch.error;
            boolean enough = missing <= 1;
            if (hopeless(passes, sketch, factor, before == null, most)) {
                return null;
            }
            if (enough || rung >= passes.top() || sketches == SKETCHES) {
                return missing <= CLOSE ? new Plan(rung, share(sketch.evaluations, 0, passes)) : null;
            }
            double share = share(sketch.evaluations, stepsFor(missing), passes);
            if (share < CHEAP && stepsFor(missing) <= BLIND) {
                return new Plan(within(rung + stepsFor(missing), passes), share);
            }
            double step = steps.usual;
            if (before != null) {
                double seen = Math.pow(before.error / sketch.error, 1 / (rung - lower));
                step = Math.clamp(Math.sqrt(seen * step), LEAST_STEP, steps.best);
            }
            double next = within(rung + Math.min(LEAP, stepsFor(missing, step) + MARGIN), passes);
            if (share(sketch.evaluations, next - rung, passes) > worth.leap * most) {
                return null;
            }
            before = sketch;
            lower = rung;
            rung = next;
        }
    }

    /** Whether a sketch is too far from a pass that is worthwhile. */
    private boolean hopeless(Passes passes, Sketch sketch, double factor, boolean first, double most) {
        double missing = factor * sketch.error;
        double more = missing <= 1 ? 0 : stepsFor(missing / TRUST, steps.best);
        return share(sketch.evaluations, more, passes) >= most || missing > TRUST * (first ? FAR : HOPELESS);
    }

    private static double within(double rung, Passes passes) {
        double grid = passes.grid();
        return Math.clamp(grid > 0 ? Math.ceil(rung / grid) * grid : rung, 0, passes.top());
    }

    /** Whether a pass so many steps beyond a sketch can be worthwhile. */
    public boolean worthwhile(Sketch sketch, double steps, Passes passes) {
        return share(sketch.evaluations, steps, passes) < TRUST * worth.first;
    }

    /** Steps that usually divide an error by a factor. */
    public double stepsFor(double factor) {
        return stepsFor(factor, steps.usual);
    }

    private static double stepsFor(double factor, double step) {
        return Math.log(factor) / Math.log(step);
    }

    /**
     * Whether the last pass keeps the budget, repaired if need be: an upper estimate of its error if it does.
     *
     * @param share    its time, as a part of that of exact attention
     * @param expected whether there is reason to believe that it does
     */
    private double check(Passes passes, double budget, double share, boolean expected) {
        double worth = Math.max(share, cost.fixed / passes.exact());
        boolean seconded = expected;
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
            if (error.likely() <= CLEAR * budget && passes.more()) {
                seconded = true;
                continue;
            }
            if (!seconded && error.likely() <= REPAIRABLE * budget && passes.more()) {
                seconded = true;
                continue;
            }
            boolean certain = error.upper() <= CERTAIN * error.likely();
            boolean repairable = certain && error.likely() <= REPAIRABLE * budget;
            for (double part : REPAIRS) {
                double repaired = repairable && part < worth ? passes.error(part).upper() : Double.POSITIVE_INFINITY;
                if (repaired <= budget) {
                    passes.repair(part);
                    return repaired;
                }
            }
            if (error.likely() > budget || !passes.more()) {
                return certain || share < RISK ? error.upper() : Double.POSITIVE_INFINITY;
            }
            seconded = true;
        }
    }

    /** The time of a pass so many steps further up, as a part of that of exact attention. */
    private double share(double evaluations, double more, Passes passes) {
        return (cost.fixed + cost.each * evaluations * Math.pow(steps.cost, Math.max(0, more))) / passes.exact();
    }
}
