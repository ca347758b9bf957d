package dev.kdeformer.pilot;

/**
 * What a pass over one head costs, in key evaluations per query, and how a fixed cost is split between the pass down
 * the tree and the near keys.
 */
record FixedCost(int queries, int keys, int d, int dv, int groups, int rank, int tilt, int samples) {
    /** What the tree, the far groups and the value tilt may take of the whole. */
    private static final double TREE_SHARE = 0.45;

    /** What a candidate takes at least of that share, in key evaluations: gathering it costs time, if no arithmetic. */
    private static final double LEAST = 4;

    private static final int[] CANDIDATES = {16, 12, 8, 6, 4, 3, 2};

    /** Columns for each further candidate per query: fewer near keys find theirs among fewer candidates. */
    private static final int COLUMNS = 300;

    /** The effort that costs about {@code columns}: candidates as many as fit the share of the tree, near keys the rest. */
    Effort effort(int columns, int tile) {
        Effort effort = null;
        for (int kappa : CANDIDATES) {
            effort = Effort.fixed(kappa, 1, tile);
            if (kappa <= 2 + columns / COLUMNS && tree(effort, LEAST) <= TREE_SHARE * columns) {
                break;
            }
        }
        return Effort.fixed(effort.candidates(), (int) Math.max(16, columns - tree(effort, 0)), tile);
    }

    /** The cost of an effort with a fixed number of near keys. */
    double columns(Effort effort) {
        return effort.near() + tree(effort, 0);
    }

    private double tree(Effort effort, double least) {
        double pair = 2.0 * (d + dv);
        double candidate = (2.0 * (1 + rank) * d + 4.0 * d + 2.0 * dv) / pair;
        int leaf = Effort.leafLevel(queries, effort.tile());
        int level = effort.topLevel(queries, keys, leaf);
        double visits = 0;
        double drawn = 0;
        double seen = keys;
        while (true) {
            double rows = Math.scalb((double) queries, -level);
            visits += seen / rows;
            drawn += samples > 0 ? 0 : PilotAttention.drawn(tilt, rows) / rows;
            if (level >= leaf) {
                break;
            }
            seen = Math.min(seen, effort.candidates() * rows);
            level += PilotWalk.LEVELS;
        }
        double sampled = samples == 0 ? 0 : samples + groups * (1.0 + (d + 2.0 * dv) * 2 / pair);
        return visits * Math.max(least, candidate) + groups + d / 2.0 + sampled + drawn * 2.0 * d * dv / pair;
    }
}
