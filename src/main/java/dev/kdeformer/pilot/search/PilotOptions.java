package dev.kdeformer.pilot.search;

import dev.kdeformer.Calibration;
import dev.kdeformer.ErrorBudget;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The options that a call runs with: what was asked for, and the defaults of calls with or without a causal mask for
 * the rest.
 *
 * @param spending  what a pass may cost where there is no budget
 * @param expansion the far part
 * @param cuts      how queries are cut into tiles
 * @param draws     what is drawn at random
 * @param promise   what is promised, and how it is kept
 */
public record PilotOptions(Spending spending, Expansion expansion, Cuts cuts, Draws draws, Promise promise) {
    /**
     * A promise.
     *
     * @param budget      null for a fixed cost, and no promise
     * @param calibration efforts to begin with; null for a search
     * @param thorough    whether efforts are looked for that others can begin with
     */
    public record Promise(ErrorBudget budget, Calibration calibration, boolean thorough) {
    }

    /**
     * A fixed cost.
     *
     * @param near        keys that every tile evaluates exactly
     * @param candidates  keys passed down the tree per query, at most
     * @param evaluations key evaluations per query to spend, from which the two others follow; 0 to take those
     */
    public record Spending(int near, int candidates, int evaluations) {
    }

    /**
     * The far part of a node.
     *
     * @param groups groups of folded keys
     * @param rank   directions of the spread
     * @param tilt   most folded keys that a node draws to learn how values move with the query; 0 leaves them
     */
    public record Expansion(int groups, int rank, int tilt) {
    }

    /**
     * How queries are cut.
     *
     * @param tile queries of a tile, aimed at
     * @param span most consecutive queries that share the keys before them, under a causal mask
     */
    public record Cuts(int tile, int span) {
    }

    /**
     * What is drawn at random.
     *
     * @param unbiased keys that every tile draws to take the bias out of its far part
     * @param peaked   keys that every tile of a second pass over peaked queries draws; 0 for no such pass
     * @param seed     of all that is drawn
     */
    public record Draws(int unbiased, int peaked, long seed) {
    }

    /** The error that a head may have; null for a fixed cost. */
    public ErrorBudget budget() {
        return promise.budget;
    }

    /** The same, looking for efforts that other calls can begin with. */
    public PilotOptions thorough() {
        return new PilotOptions(spending, expansion, cuts, draws, new Promise(promise.budget, null, true));
    }

    /**
     * The options by name, without those that have no effect.
     *
     * @param causal whether they are those of calls with a causal mask
     */
    public Map<String, Object> reported(boolean causal) {
        Map<String, Object> map = new LinkedHashMap<>();
        boolean fixed = budget() == null;
        if (!fixed) {
            map.put("budget", reported(budget()));
            put(map, "calibration", "given", promise.calibration != null);
        } else if (spending.evaluations > 0) {
            map.put("columns", spending.evaluations);
        } else {
            map.put("near", spending.near);
            put(map, "candidates", spending.candidates, !causal);
        }
        map.put("groups", expansion.groups);
        put(map, "rank", expansion.rank, !causal);
        put(map, "tilt", expansion.tilt, draws.unbiased == 0);
        put(map, "tile", cuts.tile, fixed);
        put(map, "span", cuts.span, fixed && causal);
        put(map, "unbiased", draws.unbiased, draws.unbiased > 0);
        put(map, "peaked", draws.peaked, draws.peaked > 0);
        put(map, "seed", draws.seed, !fixed || draws.unbiased > 0 || draws.peaked > 0);
        return map;
    }

    /** A budget as it is given: a number, or the error and the fraction of rows. */
    public static Object reported(ErrorBudget budget) {
        return budget.measure() == ErrorBudget.Measure.SPECTRAL ? budget.error()
                : "rows:" + budget.error() + ":" + budget.fraction();
    }

    private static void put(Map<String, Object> map, String name, Object value, boolean matters) {
        if (matters) {
            map.put(name, value);
        }
    }
}
