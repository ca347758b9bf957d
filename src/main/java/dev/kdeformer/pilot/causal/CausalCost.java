package dev.kdeformer.pilot.causal;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.AttentionMethod.Estimate;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.tile.DrawnKeys;

/** What a pass under a causal mask costs, and how a fixed cost is split. */
public record CausalCost(PilotOptions options) {
    private static final int MOST_LEVELS = 31 - Integer.numberOfLeadingZeros(CausalBatch.ROWS);

    private static final int LEAST_NEAR = 16;

    /** The effort at fixed cost. */
    CausalEffort effort(AttentionInput input) {
        int span = options.cuts().span();
        int evaluations = options.spending().evaluations();
        int levels = 0;
        while (levels < MOST_LEVELS && span >> levels > BalancedTree.largestLeaf(options.cuts().tile())) {
            levels++;
        }
        if (evaluations == 0) {
            return new CausalEffort(span, levels, options.spending().near());
        }
        double rest = evaluations - fixedColumns(input, levels);
        return new CausalEffort(span, levels, (int) Math.max(LEAST_NEAR, Math.min(rest, input.keys())));
    }

    /** What the diagonal, the pilot rows, the groups and the tilt cost per query, in key evaluations. */
    private double fixedColumns(AttentionInput input, int levels) {
        int span = options.cuts().span();
        double d = input.d();
        double dv = input.dv();
        double rows = (span >> levels) * (d + dv);
        double folded = (3 * d + dv) * TiledAttention.meanVisibleKeys(input)
                + DrawnKeys.wanted(options.expansion().tilt(), span >> levels) * d * dv;
        return span / 2.0 + folded / rows + options.expansion().groups() * (2 * d + dv) / (d + dv)
                + d * dv / (d + dv);
    }

    /** What a call needs. */
    public Estimate estimate(AttentionInput input, int threads) {
        long heads = Math.min(threads, (long) input.batch() * input.kvHeads());
        long perHead = CausalKeys.bytes(input.keys(), input.d(), input.dv()) + 2 * Rows.bytes(input.keys(), input.d())
                + 2 * Rows.bytes(input.queries(), input.d()) + PartialRows.bytes(input.queries(), input.dv());
        long perThread = CausalBatch.bytes(input.keys(), options.expansion().groups(), input.d(), input.dv());
        CausalEffort effort = effort(input);
        double cost = Math.min(TiledAttention.meanVisibleKeys(input),
                effort.near() + fixedColumns(input, effort.levels()));
        return new Estimate(heads * perHead + threads * perThread,
                2 * cost * (input.d() + input.dv()) * input.queries() * input.batch() * input.heads());
    }
}
