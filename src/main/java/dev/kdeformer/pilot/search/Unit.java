package dev.kdeformer.pilot.search;

import dev.kdeformer.Calibration;
import dev.kdeformer.Calibration.Effort;
import dev.kdeformer.Calibration.Kind;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/**
 * A key head of a call, with the query heads that read it and what comes of them.
 *
 * @param index   among all key heads of all batch items
 * @param options of the call
 * @param team    who computes it
 * @param head    the key head
 * @param outcome of the query heads, to be added to
 */
public record Unit(Call call, int index, PilotOptions options, Team team, KeyHead head, Outcome outcome) {
    /** A unit that nothing has come of yet. */
    public static Unit of(Call call, int index, PilotOptions options, Team team) {
        return new Unit(call, index, options, team, call.keyHead(index), new Outcome());
    }

    /** The random numbers for the search of a query head. */
    public CounterRandom random(int member) {
        return CounterRandom.of(options.draws().seed()).stream(index, member);
    }

    /** Index of a query head among those of its batch item. */
    public int queryHead(int member) {
        return index % call.input().kvHeads() * call.input().groupSize() + member;
    }

    /** Index of a query head among those of all batch items. */
    public int query(int member) {
        return index * call.input().groupSize() + member;
    }

    /** The effort that a query head is calibrated for; null where there is none. */
    public Effort calibrated(int member) {
        Calibration calibration = options.promise().calibration();
        return calibration == null ? null : calibration.efforts().get(queryHead(member));
    }

    /**
     * Takes note of the effort that kept the budget, and computes the query head exactly where there is none.
     *
     * @param effort of the pass that was kept, null if there is none
     */
    public void keep(int member, Effort effort) {
        Effort kept = effort == null ? Effort.EXACT : effort;
        outcome.effort(queryHead(member), kept);
        if (kept.kind() == Kind.EXACT) {
            outcome.exact(call, index, member, team);
        } else {
            outcome.error(kept.error());
        }
        Effort calibrated = calibrated(member);
        if (calibrated != null && (calibrated.kind() != kept.kind() || calibrated.rung() != kept.rung())) {
            outcome.missed();
        }
    }

    /** Computes all query heads exactly. */
    public void keepNone() {
        for (int member = 0; member < head.groupSize(); member++) {
            keep(member, null);
        }
    }

    /** An effort of a kind, null for none. */
    public static Effort effort(Kind kind, Climb.Kept kept) {
        return kept == null ? null : new Effort(kind, kept.rung(), kept.error());
    }
}
