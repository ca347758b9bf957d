package dev.kdeformer.pilot.walk;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.Doubts;
import dev.kdeformer.pilot.search.PilotOptions.Expansion;
import dev.kdeformer.runtime.Team;

/**
 * A second pass over the queries that have a key of their own with a good part p of their weight and share the rest
 * with no tile: the isolated patches of a noisy picture. For those the far groups hold too little weight, and an error
 * ε of its logarithm moves the output by p (1 − p) ε times the distance of the two parts' means. Such queries are few;
 * they make tiles of their own, each with the queries' own keys as near keys, and a sample of all others takes the bias
 * out.
 *
 * @param samples keys that a tile draws
 */
public record PeakedQueries(int samples) {
    /** Queries of at least this p (1 − p) are peaked. */
    private static final float LEAST = 1 / 64f;

    /** At most one query in so many is computed again: those with the largest p (1 − p). */
    private static final int ONE_IN = 3;

    /**
     * Isolated queries are as far from each other in small tiles as in large ones, which have less to set up but more
     * own keys, that all of their queries evaluate.
     */
    private static final int TILE = 2048;

    /**
     * So many keep the nodes of the top below a sixteenth of the keys. The expansion about the centroid of more queries
     * that are far from each other is no good to compare a sample with: with half as many candidates, and nodes of up
     * to an eighth, pictures with little noise lost more than without a second pass.
     */
    private static final int CANDIDATES = 8;

    /**
     * The part of the draws that takes all keys alike. What a key weighs at the centroid of queries that have little in
     * common says little about what it weighs for one of them: with a part of an eighth, which is best for similar
     * queries, noisy photographs had 1.4 times the error.
     */
    private static final double ALIKE = 0.75;

    private static final Effort EFFORT = Effort.fixed(CANDIDATES, TILE, TILE);

    /** Most queries that are computed again. */
    public static int most(int queries) {
        return queries / ONE_IN;
    }

    /**
     * Computes the peaked queries of a pass again.
     *
     * @param peaks what the pass noted of them
     * @return floating-point operations
     */
    double run(PilotHead first, Doubts peaks, Team team) {
        int most = most(first.queries().count());
        int[] positions = peaks.largest(Math.min(peaks.count(LEAST, null), most), null);
        double work = 0;
        if (positions.length > 0) {
            work = new PilotHead(first, positions, samples, ALIKE, TILE, team).run(Pass.of(EFFORT), team).work();
        }
        team.advance(most - positions.length);
        return work;
    }

    /** Off-heap bytes for each head. */
    static long headBytes(AttentionInput input) {
        return 2 * Rows.bytes(most(input.queries()), input.d());
    }

    /** Key evaluations per query of the head where as many as possible are peaked. */
    double columns(AttentionInput input, Expansion far) {
        int most = most(input.queries());
        FixedCost cost = new FixedCost(most, input.keys(), input.d(), input.dv(),
                new Expansion(far.groups(), far.rank(), 0), samples);
        return most == 0 ? 0 : cost.columns(EFFORT) * most / input.queries();
    }
}
