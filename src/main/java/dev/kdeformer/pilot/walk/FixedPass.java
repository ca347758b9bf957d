package dev.kdeformer.pilot.walk;

import dev.kdeformer.pilot.search.ExactTiles;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * A pass at a fixed cost.
 *
 * @param effort     of the walk
 * @param stragglers positions of the queries that are computed exactly instead, ascending
 */
public record FixedPass(Effort effort, int[] stragglers) {
    /**
     * Computes the stragglers of a head, whose walk is done.
     *
     * @param wanted marks the only positions to compute; null for all
     * @return floating-point operations
     */
    double straggle(PilotHead head, boolean[] wanted, Team team) {
        int[] some = wanted == null ? stragglers : Arrays.stream(stragglers).filter(i -> wanted[i]).toArray();
        if (some.length == 0) {
            return 0;
        }
        ExactTiles exact = new ExactTiles(head.queries()::read, head.packedKeys(team), head.order(), head::finish);
        exact.write(some, team);
        return 2.0 * (exact.keys().d() + exact.keys().dv()) * exact.keys().count() * some.length;
    }

    /** The caller's rows of the stragglers. */
    public int[] rows(PilotHead head) {
        return Arrays.stream(stragglers).map(position -> head.order()[position]).toArray();
    }
}
