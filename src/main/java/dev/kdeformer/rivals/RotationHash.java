package dev.kdeformer.rivals;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.lsh.CountingSort;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;

/**
 * Reformer's hash (Andoni, Indyk, Laarhoven, Razenshteyn and Schmidt 2015; Kitaev et al. 2020, section 2): the index of
 * the largest element of (xR, −xR) for a random Gaussian R. A large number of buckets is the product of two hashes
 * with about the square root of it each, as in the authors' library, since R has half a column for each bucket.
 */
final class RotationHash {
    private final int d;
    /** Buckets of the first hash, and of the second or 1. */
    private final int[] factors;
    /** Direction f's element c is at f·d + c; those of the second hash follow those of the first. */
    private final float[] directions;

    private RotationHash(int d, int[] factors, float[] directions) {
        this.d = d;
        this.factors = factors;
        this.directions = directions;
    }

    /**
     * A hash with rotations of its own.
     *
     * @param buckets even
     * @param chunk   keys to a chunk: two rotations are used beyond twice as many buckets, and beyond 64
     */
    static RotationHash of(int buckets, int chunk, int d, CounterRandom random) {
        int[] factors = factors(buckets, chunk);
        float[] directions = new float[directions(factors) * d];
        for (int i = 0; i < directions.length; i++) {
            directions[i] = (float) random.gaussian(i);
        }
        return new RotationHash(d, factors, directions);
    }

    private static int[] factors(int buckets, int chunk) {
        if (buckets <= 2 * Math.max(chunk, 32)) {
            return new int[] {buckets, 1};
        }
        int first = (int) Math.ceil(Math.sqrt(buckets));
        first += first % 2;
        int second = Math.ceilDiv(buckets, first);
        return new int[] {first, second + second % 2};
    }

    private static int directions(int[] factors) {
        return factors[0] / 2 + factors[1] / 2;
    }

    /** Directions that a row is multiplied with, for a number of buckets. */
    static int directions(int buckets, int chunk) {
        return directions(factors(buckets, chunk));
    }

    /** Directions that a row is multiplied with. */
    int directions() {
        return directions(factors);
    }

    /** Rows in the order of their buckets, rows of the same bucket in the given order. */
    int[] sorted(Matrix matrix, int[] rows, Team team) {
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        PanelMatrix panels = new PanelMatrix(scratch, directions(), d);
        for (int f = 0; f < directions(); f++) {
            panels.set(f, directions, f * d);
        }
        long order = scratch.ints(rows, 0, rows.length);
        long buckets = scratch.ints(rows.length);
        team.forEach(Math.ceilDiv(rows.length, QueryTile.ROWS), (tile, own) -> {
            int from = tile * QueryTile.ROWS;
            hash(matrix, order, from, Math.min(QueryTile.ROWS, rows.length - from), panels, buckets, own);
        });
        int bits = 32 - Integer.numberOfLeadingZeros(factors[0] * factors[1] - 1);
        long sorted = scratch.ints(rows.length);
        CountingSort.sort(team, buckets, 0, rows.length, Math.max(1, bits), sorted);
        int[] result = new int[rows.length];
        for (int i = 0; i < result.length; i++) {
            result[i] = rows[Memory.getInt(sorted + 4L * i)];
        }
        scratch.release(mark);
        return result;
    }

    private void hash(Matrix matrix, long order, int from, int count, PanelMatrix panels, long buckets,
            Scratch scratch) {
        PanelMatrix.Products room = scratch.keep(PanelMatrix.Products.class, PanelMatrix.Products::new);
        room.keys.load(matrix, order, from, count, PanelMatrix.UNSCALED);
        int half = factors[0] / 2;
        float[][] best = new float[count][2];
        int[][] bucket = new int[count][2];
        for (int column = 0; column < panels.rows(); column += Lanes.STEP) {
            int present = Math.min(Lanes.STEP, panels.rows() - column);
            panels.products(room.keys, column, present, room.first, room.work);
            for (int r = 0; r < count; r++) {
                for (int c = 0; c < present; c++) {
                    int which = column + c < half ? 0 : 1;
                    int index = column + c - which * half;
                    float x = room.first[r * Lanes.STRIDE + c];
                    // Elements of xR come before those of −xR among equals, which only zeros can be.
                    if (Math.abs(x) > best[r][which]) {
                        best[r][which] = Math.abs(x);
                        bucket[r][which] = x > 0 ? index : index + factors[which] / 2;
                    }
                }
            }
        }
        for (int r = 0; r < count; r++) {
            Memory.putInt(buckets + 4L * (from + r), bucket[r][0] * factors[1] + bucket[r][1]);
        }
    }
}
