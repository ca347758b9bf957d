package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;

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
        double spread = spread(logits, Math.min(near, queries.count() - 1), team.scratch()) / keys.count();
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
        float[] products = products(queries, keys, team.scratch());
        Rows logits = Rows.allocate(team.scratch(), queries.count(), keys.count());
        for (int i = 0; i < queries.count(); i++) {
            double sum = 0;
            for (int j = 0; j < keys.count(); j++) {
                sum += products[i * STRIDE + j];
            }
            for (int j = 0; j < keys.count(); j++) {
                products[i * STRIDE + j] -= (float) (sum / keys.count());
            }
            logits.write(i, products, i * STRIDE);
        }
        return logits;
    }

    /** The products of all rows of x with all rows of y, those of one row of x from a multiple of STRIDE on. */
    private static float[] products(Rows x, Rows y, Scratch scratch) {
        int rows = Lanes.roundUp(x.count(), 2 * LogitKernel.ROWS);
        float[] left = new float[rows * STRIDE];
        float[] products = new float[rows * STRIDE];
        for (int i = 0; i < x.count(); i++) {
            x.read(i, left, i * STRIDE);
        }
        Packer packer = scratch.keep(Packer.class, Packer::new);
        int[] identity = new int[y.count()];
        Arrays.setAll(identity, j -> j);
        long mark = scratch.mark();
        long panel = scratch.floats((long) PANEL * y.columns());
        long zeros = scratch.floats(PANEL);
        Memory.fillFloats(zeros, PANEL, 0);
        for (int first = 0; first < y.count(); first += PANEL) {
            packer.packPanel(identity, first, Math.min(PANEL, y.count() - first), y.address(), y.stride(), y.columns(),
                    panel);
            LogitKernel.logits(left, x.count(), y.columns(), panel, zeros, products, first);
        }
        scratch.release(mark);
        return products;
    }

    /**
     * Half the squared distance of a row from the nearest {@code near} others: the median of all rows, because the few
     * of another population are computed exactly.
     */
    private static double spread(Rows rows, int near, Scratch scratch) {
        double[] spreads = new double[rows.count()];
        float[] nearest = new float[near + 1];
        float[] products = products(rows, rows, scratch);
        for (int i = 0; i < rows.count() && near > 0; i++) {
            Arrays.fill(nearest, Float.POSITIVE_INFINITY);
            for (int j = 0; j < rows.count(); j++) {
                float squares = products[i * STRIDE + i] + products[j * STRIDE + j];
                float square = Math.max(0, squares - 2 * products[i * STRIDE + j]);
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
}
