package dev.kdeformer.pilot;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.runtime.Team;

/**
 * A second pass over the queries that have a key of their own with a good part p of their weight and share the rest with
 * no tile: the isolated patches of a noisy picture. For those the far groups hold too little weight, and an error ε of
 * its logarithm moves the output by p (1 − p) ε times the distance of the two parts' means. Such queries are few; they
 * make tiles of their own, with many near keys, and a sample of all others takes the bias out.
 *
 * @param samples keys that a tile draws
 */
record PeakedQueries(int samples) {
    /** Queries of at least this p (1 − p) are peaked. */
    private static final float LEAST = 1 / 64f;

    /** At most one query in so many is computed again: those with the largest p (1 − p). */
    private static final int ONE_IN = 3;

    /** Isolated queries are as far from each other in small tiles as in large ones, which have less to set up. */
    private static final int TILE = 4096;
    private static final int CANDIDATES = 4;
    private static final int SAMPLES_PER_NEAR = 2;

    /** Most queries that are computed again. */
    static int most(int queries) {
        return queries / ONE_IN;
    }

    private Effort effort() {
        return Effort.fixed(CANDIDATES, Math.max(1, samples / SAMPLES_PER_NEAR), TILE);
    }

    /**
     * Computes the peaked queries of a pass that has noted its peaks again.
     *
     * @return floating-point operations
     */
    double run(PilotHead first, Team team) {
        int most = most(first.queries().count());
        int[] positions = first.peaks().largest(Math.min(first.peaks().count(LEAST), most), null);
        double work = 0;
        if (positions.length > 0) {
            work = new PilotHead(first, positions, samples, TILE, team).run(effort(), team);
        }
        team.advance(most - positions.length);
        return work;
    }

    /** Off-heap bytes for each head. */
    static long headBytes(AttentionInput input) {
        return 2 * Rows.bytes(most(input.queries()), input.d());
    }

    /** Key evaluations per query of the head where as many as possible are peaked. */
    double columns(AttentionInput input, int groups, int rank) {
        int most = most(input.queries());
        FixedCost cost = new FixedCost(most, input.keys(), input.d(), input.dv(), groups, rank, 0, samples);
        return most == 0 ? 0 : cost.columns(effort()) * most / input.queries();
    }
}
