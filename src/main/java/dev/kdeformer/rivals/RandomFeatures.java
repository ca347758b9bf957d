package dev.kdeformer.rivals;

import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;

/**
 * Positive random features of the exponential kernel (FAVOR+; Choromanski et al., "Rethinking attention with
 * performers", ICLR 2021, section 2.3): exp(β⟨q, k⟩) is the mean over directions ω of φ_ω(q) φ_ω(k) with
 * φ_ω(x) = exp(√β ⟨ω, x⟩ − β‖x‖²/2).
 *
 * <p>Summed over keys, a direction's feature has the weight Σ_j φ_ω(k_j) and the mean value Σ_j φ_ω(k_j) v_j / weight:
 * a softmax with the direction as its query. A query's answer is then a softmax over directions, the logarithms of
 * their weights as biases. Both are the library's own softmax, which subtracts maxima, so nothing overflows.
 */
final class RandomFeatures {
    /** Smallest bias of a key: hidden keys are below it, far keys must not be. */
    private static final double LOWEST = -1e36;

    private final int count;
    private final float[] directions;

    /**
     * Draws directions.
     *
     * @param count      number of features
     * @param d          features of queries and keys
     * @param orthogonal whether every d directions are made orthogonal; their lengths stay those of independent
     *                   Gaussian vectors
     */
    RandomFeatures(int count, int d, boolean orthogonal, CounterRandom random) {
        this.count = count;
        this.directions = new float[count * d];
        double[][] block = new double[d][];
        for (int f = 0; f < count; f++) {
            double[] row = gaussian(random.stream(0), f, d);
            if (orthogonal) {
                block[f % d] = direction(row, block, f % d);
                double length = Math.sqrt(dot(gaussian(random.stream(1), f, d), gaussian(random.stream(1), f, d)));
                for (int c = 0; c < d; c++) {
                    row[c] = block[f % d][c] * length;
                }
            }
            for (int c = 0; c < d; c++) {
                directions[f * d + c] = (float) row[c];
            }
        }
    }

    private static double[] gaussian(CounterRandom random, int row, int d) {
        double[] result = new double[d];
        for (int c = 0; c < d; c++) {
            result[c] = random.gaussian((long) row * d + c);
        }
        return result;
    }

    /** The unit vector along what is left of a row beside earlier unit vectors, which are orthogonal. */
    private static double[] direction(double[] row, double[][] earlier, int count) {
        double[] result = row.clone();
        // Twice, because once leaves rounding of the size of what was taken away.
        for (int pass = 0; pass < 2; pass++) {
            for (int e = 0; e < count; e++) {
                double along = dot(result, earlier[e]);
                for (int c = 0; c < result.length; c++) {
                    result[c] -= along * earlier[e][c];
                }
            }
        }
        double length = Math.sqrt(dot(result, result));
        for (int c = 0; c < result.length; c++) {
            result[c] /= length;
        }
        return result;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** Number of features. */
    int count() {
        return count;
    }

    /** Direction f's element c is at f·d + c. */
    float[] directions() {
        return directions;
    }

    /** Packs visible keys for {@link #sums}: a key's bias gets −β‖k‖²/2 on top. */
    PackedKeys pack(KeyHead head, int[] keys, float scale, float[] centre, Scratch scratch) {
        PackedKeys packed = Selection.pack(head, keys, root(scale), centre, scratch);
        float[] row = new float[centre.length];
        for (int j = 0; j < keys.length; j++) {
            head.key().readRow(keys[j], row, 0);
            double square = 0;
            for (int c = 0; c < row.length; c++) {
                double x = row[c] - centre[c];
                square += x * x;
            }
            double bias = head.bias() == null ? 0 : head.bias().get(0, keys[j]);
            packed.setBias(j, (float) Math.max(LOWEST, bias - Math.abs(scale) * square / 2));
        }
        return packed;
    }

    /** √|β|, the factor of keys. */
    static float root(float scale) {
        return (float) Math.sqrt(Math.abs(scale));
    }

    /** The factor of queries: √|β| with the sign of β. */
    static float queryRoot(float scale) {
        return Math.copySign(root(scale), scale);
    }

    /** Sums over packed keys for all features. */
    Sums sums(PackedKeys keys, Team team) {
        Sums sums = new Sums(count, keys.dv());
        team.forEach(Math.ceilDiv(count, QueryTile.ROWS), (tile, scratch) -> {
            int first = tile * QueryTile.ROWS;
            int present = Math.min(QueryTile.ROWS, count - first);
            QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            queries.load(Selection.matrix(directions, count), 0, first, present, keys.scale());
            state.begin(present, keys.dv());
            state.add(queries, keys);
            for (int r = 0; r < present; r++) {
                double sum = state.sum(r);
                sums.logarithm[first + r] = state.reference(r) * Math.log(2) + Math.log(sum);
                for (int c = 0; c < keys.dv(); c++) {
                    float value = state.values()[r * state.valueStride() + c];
                    sums.mean[(first + r) * keys.dv() + c] = (float) (value / sum);
                }
            }
        });
        return sums;
    }

    /** Packs the features as keys, to be attended by queries. */
    PackedKeys pack(Sums sums, float scale, Scratch scratch) {
        float[] bias = new float[count];
        for (int f = 0; f < count; f++) {
            bias[f] = (float) sums.logarithm[f];
        }
        return Selection.pack(directions, sums.mean, bias, count, queryRoot(scale), scratch);
    }

    /** The sum over keys of every feature: logarithm of its weight, and its mean value. */
    static final class Sums {
        final double[] logarithm;
        final float[] mean;

        Sums(int count, int dv) {
            logarithm = new double[count];
            mean = new float[count * dv];
        }

        /**
         * What is left when a part of the keys is taken away. Where the part is all but the rounding, nothing is left.
         */
        Sums without(Sums part) {
            int dv = mean.length / logarithm.length;
            Sums rest = new Sums(logarithm.length, dv);
            for (int f = 0; f < logarithm.length; f++) {
                double share = Math.exp(Math.min(0, part.logarithm[f] - logarithm[f]));
                if (!(share < 1 - 1e-5)) {
                    rest.logarithm[f] = Double.NEGATIVE_INFINITY;
                    continue;
                }
                rest.logarithm[f] = logarithm[f] + Math.log1p(-share);
                for (int c = f * dv; c < (f + 1) * dv; c++) {
                    rest.mean[c] = (float) ((mean[c] - share * part.mean[c]) / (1 - share));
                }
            }
            return rest;
        }
    }

    /**
     * What the mean over features and the query's own factor take from a log-sum-exp: log(count) + β‖q‖²/2.
     *
     * @param rows the row of {@code query} for every position; null for the identity
     * @param from position of the first query
     */
    double[] offsets(Matrix query, int[] rows, int from, int size, float scale) {
        double[] offsets = new double[size];
        float[] row = new float[query.columns()];
        for (int r = 0; r < size; r++) {
            query.readRow(rows == null ? from + r : rows[from + r], row, 0);
            double square = 0;
            for (float x : row) {
                square += (double) x * x;
            }
            offsets[r] = Math.abs(scale) * square / 2 + Math.log(count);
        }
        return offsets;
    }
}
