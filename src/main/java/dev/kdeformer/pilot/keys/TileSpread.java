package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The variance of a logit over a tile of similar queries, guessed from few queries and keys before any is sorted: the
 * nearest of a sample of queries are about as far apart as those of a tile. An expansion about the middle of a tile is
 * good where this is small; short heads of language models had 0.03 to 0.1 where it was, and 0.5 and more where not.
 */
public final class TileSpread {
    private static final int QUERIES = 128;
    private static final int KEYS = 64;

    private TileSpread() {
    }

    /**
     * Guesses it.
     *
     * @param visible rows of the keys that are not hidden
     * @param tile    queries of a tile
     */
    public static double guess(KeyHead head, int member, int[] visible, float scale, int tile, Team team) {
        long mark = team.scratch().mark();
        int n = head.query(member).rows();
        Rows queries = Rows.load(head.query(member), even(n, QUERIES), null, scale, team);
        int[] some = Arrays.stream(even(visible.length, KEYS)).map(j -> visible[j]).toArray();
        Rows keys = Rows.load(head.key(), some, head.centre(), 1, team);
        Rows logits = logits(queries, keys, team);
        int near = Math.max(1, (int) Math.round((double) queries.count() * tile / n));
        double spread = spread(logits, Math.min(near, queries.count() - 1)) / keys.count();
        team.scratch().release(mark);
        return spread;
    }

    private static int[] even(int count, int most) {
        int[] rows = new int[Math.min(count, most)];
        Arrays.setAll(rows, i -> (int) ((long) i * count / rows.length));
        return rows;
    }

    /** The logits of all queries, less their mean, which is nothing to a softmax. */
    private static Rows logits(Rows queries, Rows keys, Team team) {
        Rows logits = Rows.allocate(team.scratch(), queries.count(), keys.count());
        float[] query = new float[queries.stride()];
        float[] row = new float[logits.stride()];
        for (int i = 0; i < queries.count(); i++) {
            queries.read(i, query, 0);
            double sum = 0;
            for (int j = 0; j < keys.count(); j++) {
                row[j] = Lanes.dot(keys.row(j), query, 0, keys.stride());
                sum += row[j];
            }
            for (int j = 0; j < keys.count(); j++) {
                row[j] -= (float) (sum / keys.count());
            }
            logits.write(i, row, 0);
        }
        return logits;
    }

    /**
     * Half the squared distance of a row from the nearest {@code near} others: the median of all rows, because the few
     * of another population are computed exactly.
     */
    private static double spread(Rows rows, int near) {
        double[] spreads = new double[rows.count()];
        float[] nearest = new float[near + 1];
        for (int i = 0; i < rows.count() && near > 0; i++) {
            Arrays.fill(nearest, Float.POSITIVE_INFINITY);
            for (int j = 0; j < rows.count(); j++) {
                float square = distance(rows.row(i), rows.row(j), rows.stride());
                int at = near;
                while (j != i && at > 0 && nearest[at - 1] > square) {
                    nearest[at] = nearest[at - 1];
                    at--;
                }
                if (j != i) {
                    nearest[at] = square;
                }
            }
            for (int k = 0; k < near; k++) {
                spreads[i] += nearest[k] / 2 / near;
            }
        }
        Arrays.sort(spreads);
        return spreads[rows.count() / 2];
    }

    private static float distance(long x, long y, int stride) {
        FloatVector sum = FloatVector.zero(Lanes.FLOATS);
        for (int c = 0; c < stride; c += LANES) {
            FloatVector difference = Lanes.load(x + c * 4L).sub(Lanes.load(y + c * 4L));
            sum = fma(difference, difference, sum);
        }
        return Lanes.sum(sum);
    }
}
