package dev.kdeformer.pilot.search;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.method.Call;
import dev.kdeformer.runtime.Team;

/** What came of some query heads. */
public final class Outcome {
    private double work;
    private int exactHeads;
    private double error = Double.NaN;

    /** Adds floating-point operations. */
    public void add(double operations) {
        work += operations;
    }

    /** Computes a query head exactly, which is cheaper than what else would keep its budget. */
    public void exact(Call call, int unit, int member, Team team) {
        AttentionInput input = call.input();
        TiledAttention.head(call, unit, member, team);
        exactHeads++;
        add(2.0 * (input.d() + input.dv()) * input.queries()
                * TiledAttention.meanVisibleKeys(input, unit / input.kvHeads()));
    }

    /** Takes note of a query head's estimated error. */
    public void error(double estimate) {
        error = Double.isNaN(error) ? estimate : Math.max(error, estimate);
    }

    /** Adds what came of other query heads. */
    public void add(Outcome other) {
        work += other.work;
        exactHeads += other.exactHeads;
        if (!Double.isNaN(other.error)) {
            error(other.error);
        }
    }

    /** Work done, in floating-point operations. */
    public double work() {
        return work;
    }

    /** Number of query heads that were computed exactly. */
    public int exactHeads() {
        return exactHeads;
    }

    /** The largest estimated error, NaN without one. */
    public double error() {
        return error;
    }
}
