package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.ErrorBudget;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.kernel.PartialRows;

/**
 * What pilot attention does under a causal mask.
 *
 * @param columns key evaluations per query to spend, or 0 for what {@code near} says
 * @param near    keys that every tile evaluates exactly
 * @param groups  groups of keys
 * @param tilt    folded keys that a tile draws to tilt values
 * @param span    most queries of a span
 * @param tile    queries of a tile, aimed at; 0 for all of a span
 * @param budget  null for a fixed cost
 */
record CausalSettings(int columns, int near, int groups, int tilt, int span, int tile, ErrorBudget budget,
        long seed) {
    private static final int MOST_LEVELS = 31 - Integer.numberOfLeadingZeros(CausalBatch.ROWS);

    private static final int LEAST_NEAR = 16;

    /** The effort at fixed cost. */
    CausalEffort effort(AttentionInput input) {
        int levels = 0;
        while (levels < MOST_LEVELS && tile > 0 && span >> levels > tile * 7 / 5) {
            levels++;
        }
        if (columns == 0) {
            return new CausalEffort(span, levels, near);
        }
        double rest = columns - fixedColumns(input, levels);
        return new CausalEffort(span, levels, (int) Math.max(LEAST_NEAR, Math.min(rest, input.keys())));
    }

    /** What the diagonal, the pilot rows, the groups and the tilt cost per query, in key evaluations. */
    private double fixedColumns(AttentionInput input, int levels) {
        double d = input.d();
        double dv = input.dv();
        double rows = (span >> levels) * (d + dv);
        double folded = (3 * d + dv) * TiledAttention.meanVisibleKeys(input)
                + PilotAttention.drawn(tilt, span >> levels) * d * dv;
        return span / 2.0 + folded / rows + groups * (2 * d + dv) / (d + dv) + d * dv / (d + dv);
    }

    Estimate estimate(AttentionInput input, int threads) {
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        long perHead = CausalKeys.bytes(input.keys(), input.d(), input.dv()) + 2 * Rows.bytes(input.keys(), input.d())
                + 2 * Rows.bytes(input.queries(), input.d()) + PartialRows.bytes(input.queries(), input.dv());
        long perThread = CausalBatch.bytes(input.keys(), groups, input.d(), input.dv());
        CausalEffort effort = effort(input);
        double cost = Math.min(TiledAttention.meanVisibleKeys(input),
                effort.near() + fixedColumns(input, effort.levels()));
        return new Estimate(heads * perHead + threads * perThread,
                2 * cost * (input.d() + input.dv()) * input.queries() * input.batch() * input.heads());
    }
}
