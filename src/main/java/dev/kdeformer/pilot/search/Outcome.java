package dev.kdeformer.pilot.search;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.method.Call;
import dev.kdeformer.runtime.Team;
import java.util.Map;
import java.util.TreeMap;

/** What came of some query heads. */
public final class Outcome {
    private double work;
    private int exactHeads;
    private double error = Double.NaN;
    private int missed;
    private int repeated;
    private final Map<Integer, Effort> efforts = new TreeMap<>();

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

    /** Takes note of a query head that was computed exactly by its distinct rows, and adds the operations. */
    public void repeated(int head, double operations) {
        repeated++;
        add(operations);
        effort(head, Effort.EXACT);
        error(0);
    }

    /** Takes note of a query head's estimated error. */
    public void error(double estimate) {
        error = Double.isNaN(error) ? estimate : Math.max(error, estimate);
    }

    /** Takes note of what a query head needed. */
    public void effort(int head, Effort effort) {
        efforts.merge(head, effort, Effort::or);
    }

    /** Takes note of a query head that needed another effort than it was calibrated for. */
    public void missed() {
        missed++;
    }

    /** Adds what came of other query heads. */
    public void add(Outcome other) {
        missed += other.missed;
        repeated += other.repeated;
        other.efforts.forEach(this::effort);
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

    /** Number of query heads that were computed by their distinct rows. */
    public int repeatedHeads() {
        return repeated;
    }

    /** Number of query heads that needed another effort than they were calibrated for. */
    public int missedHeads() {
        return missed;
    }

    /** What each query head needed, the most over all batch items, by its index. */
    public Map<Integer, Effort> efforts() {
        return efforts;
    }

    /** The largest estimated error, NaN without one. */
    public double error() {
        return error;
    }
}
