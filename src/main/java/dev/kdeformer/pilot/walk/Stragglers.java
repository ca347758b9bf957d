package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.Leverage;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.runtime.Team;

/**
 * The queries that lie so far from the middle of their tile that no expansion about it fits them: the few of another
 * population that a balanced tree has put into the tiles of the many. Exact attention costs them little, because they
 * are few, and they can hold nearly all of the error: one row in fifty had 99 % of it where most rows were white paper.
 */
final class Stragglers {
    /** Their leverage, in units of its mean; heads of language models have hardly any query beyond. */
    private static final float LEAST = 6;

    /** What part of all leverages they have together; where it is less, the error is elsewhere. */
    private static final double LEAST_PART = 0.02;

    private Stragglers() {
    }

    /**
     * Finds them.
     *
     * @param most how many to look for
     * @return their positions, ascending
     */
    static int[] of(PilotHead head, int most, Team team) {
        int n = head.queries().count();
        if (most <= 0) {
            return new int[0];
        }
        int[] starts = BalancedTree.starts(n, head.levels());
        double[] parts = Leverage.parts(head.queries(), starts, head.keys().keys(), team);
        Doubts leverage = new Doubts(n);
        int count = 0;
        double together = 0;
        for (int i = 0; i < n; i++) {
            leverage.note(i, (float) (n * parts[i]));
            if (n * parts[i] >= LEAST) {
                count++;
                together += parts[i];
            }
        }
        return together < LEAST_PART ? new int[0] : leverage.largest(Math.min(count, most), null);
    }
}
