package dev.kdeformer.pilot.walk;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.PilotOptions.Expansion;
import dev.kdeformer.pilot.tile.DrawnKeys;

/**
 * What a pass over one head costs, in key evaluations per query, and how a fixed cost is split between the pass down
 * the tree and the near keys.
 */
public record FixedCost(int queries, int keys, int d, int dv, Expansion far, int samples) {
    /** Fewest near keys. */
    private static final int LEAST_NEAR = 16;

    /** What the tree, the far groups and the value tilt may take of the whole. */
    private static final double TREE_SHARE = 0.45;

    /** What a candidate takes at least of that share, in key evaluations: gathering it costs time, if no arithmetic. */
    private static final double LEAST = 4;

    /** What stragglers may take of the whole. */
    private static final double STRAGGLERS = 2.0 / 3;

    /** A part of the evaluations that near keys do without. */
    private static final double LITTLE = 0.3;

    private static final int[] CANDIDATES = {16, 12, 8, 6, 4, 3, 2};

    /** Columns for each further candidate per query: fewer near keys find theirs among fewer candidates. */
    private static final int COLUMNS = 300;

    /**
     * The cost of a call.
     *
     * @param keys   visible keys of a head
     * @param follow whether values move with keys
     */
    static FixedCost of(PilotOptions options, AttentionInput input, int keys, boolean follow) {
        Expansion far = options.expansion();
        return new FixedCost(input.queries(), keys, input.d(), input.dv(),
                follow ? far : new Expansion(far.groups(), 0, 0), options.draws().unbiased());
    }

    /** The most that a call spends on a head at a fixed cost. */
    public static Effort most(PilotOptions options, AttentionInput input) {
        return of(options, input, input.keys(), true).effort(options, null, 0);
    }

    /**
     * The effort at a fixed cost.
     *
     * @param narrowing  of the queries; null before it is known, for the effort where all candidates are passed down
     * @param stragglers how many queries are computed exactly besides
     */
    Effort effort(PilotOptions options, Narrowing narrowing, int stragglers) {
        int evaluations = options.spending().evaluations();
        int tile = narrowing == null ? options.cuts().tile() : narrowing.tile(queries, options.cuts().tile());
        return evaluations > 0 ? effort(evaluations - (int) ((long) stragglers * keys / queries), tile, narrowing)
                : Effort.fixed(options.spending().candidates(), options.spending().near(), tile);
    }

    /**
     * How many queries may be computed exactly: for two thirds of the evaluations to spend, as far as the tree leaves
     * them, or for as many as near keys take.
     */
    int mostStragglers(PilotOptions options) {
        int evaluations = options.spending().evaluations();
        double spent = options.spending().near();
        if (evaluations > 0) {
            Effort least = Effort.fixed(CANDIDATES[CANDIDATES.length - 1], LEAST_NEAR, options.cuts().tile());
            spent = Math.clamp(evaluations - columns(least), 0, STRAGGLERS * evaluations);
        }
        return Math.max(evaluations, options.spending().near()) >= keys ? 0 : (int) (spent * queries / keys);
    }

    /**
     * Whether stragglers are worth computing exactly. Where they would take much from the near keys, and more than
     * their part of what queries deviate by, there is no other population but a heavy tail, and near keys are of more
     * use.
     *
     * @param leverage their part of all leverages
     */
    boolean worthwhile(PilotOptions options, int stragglers, double leverage) {
        int evaluations = options.spending().evaluations();
        double taken = evaluations > 0 ? (double) stragglers * keys / queries / evaluations : 0;
        return taken <= Math.max(LITTLE, leverage);
    }

    /**
     * The effort that costs about {@code columns}: candidates as many as fit the share of the tree, near keys the rest.
     */
    private Effort effort(int columns, int tile, Narrowing narrowing) {
        Effort effort = null;
        for (int kappa : CANDIDATES) {
            effort = Effort.fixed(kappa, 1, tile);
            // Where queries come ever closer, a key that is folded early costs most.
            boolean useful = kappa <= 2 + columns / COLUMNS || narrowing != null && narrowing.narrows();
            if (useful && tree(effort, LEAST, null) <= TREE_SHARE * columns) {
                break;
            }
        }
        effort = withNear(effort, columns - tree(effort, 0, null));
        return narrowing == null ? effort : withNear(effort, columns - tree(effort, 0, narrowing));
    }

    private static Effort withNear(Effort effort, double near) {
        return Effort.fixed(effort.candidates(), (int) Math.max(LEAST_NEAR, near), effort.tile());
    }

    /** The most that an effort with a fixed number of near keys costs. */
    double columns(Effort effort) {
        return effort.near() + tree(effort, 0, null);
    }

    private double tree(Effort effort, double least, Narrowing narrowing) {
        double pair = 2.0 * (d + dv);
        double candidate = (2.0 * (1 + far.rank()) * d + 4.0 * d + 2.0 * dv) / pair;
        int leaf = BalancedTree.leafLevel(queries, effort.tile());
        int level = effort.topLevel(queries, keys, leaf);
        double visits = 0;
        double drawn = 0;
        double seen = keys;
        while (true) {
            double rows = Math.scalb((double) queries, -level);
            visits += seen / rows;
            drawn += samples > 0 ? 0 : DrawnKeys.wanted(far.tilt(), rows) / rows;
            if (level >= leaf) {
                break;
            }
            double passed = narrowing == null ? effort.candidates() : narrowing.passed(level, effort);
            seen = Math.min(seen, Math.max(effort.near(), passed * rows));
            level += PilotWalk.LEVELS;
        }
        double sampled = samples == 0 ? 0 : samples + far.groups() * (1.0 + (d + 2.0 * dv) * 2 / pair);
        return visits * Math.max(least, candidate) + far.groups() + d / 2.0 + sampled + drawn * 2.0 * d * dv / pair;
    }
}
