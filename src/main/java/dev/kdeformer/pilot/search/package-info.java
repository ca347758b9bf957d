/**
 * What a call is asked for and what came of it: resolved options, the climb up a ladder of efforts to one that keeps an
 * error budget, the sample of exact rows that judges it, and the outcome. It knows nothing of how a pass works; a pass
 * gives {@link dev.kdeformer.pilot.search.Climb.Passes}.
 *
 * <p>Statistics of the search, and settings found for a head to be used again, belong here.
 */
package dev.kdeformer.pilot.search;
