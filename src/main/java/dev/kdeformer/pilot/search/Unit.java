package dev.kdeformer.pilot.search;

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

    /**
     * Takes note of what a search ended with, and computes the query head exactly where it found nothing.
     *
     * @param error the estimated error of the pass that was kept, NaN if there is none
     */
    public void keep(int member, double error) {
        if (Double.isNaN(error)) {
            outcome.exact(call, index, member, team);
        } else {
            outcome.error(error);
        }
    }
}
