package dev.kdeformer.pilot.cells;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.pilot.keys.KeyCells.CELL;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.pilot.tile.ScoreKernel;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** What a tile of queries finds out about one cell of keys, element by element. */
final class CellKernel {
    /** Directions in which the queries of a tile are looked at, besides all others together. */
    static final int RANK = 4;

    /**
     * Weights below the exponential of this, as a part of all, are none. What is nothing to the centroid may be much
     * to a query that lies apart, so that this is as low as numbers go.
     */
    private static final float NOTHING = -80;

    /** Least and most exponents that a weight is computed of. */
    private static final float BOUND = 80;

    private CellKernel() {
    }

    /**
     * The logits of a tile's centroid, and how far those of its queries spread about the expansion of the cell as one
     * pseudo-key: (p_j − mean p)² along each direction, and the rest of the queries' variance times the key's distance
     * from its cell's mean.
     *
     * @param products row {@code row} has the products of the centroid with the keys of the cell, the {@link #RANK}
     *                 rows after it those of the directions, each as long as the queries spread along it
     * @param biases   of all keys
     * @param radii    squared distances of all keys from the means of their cells
     * @param cell     the cell
     * @param seen     has the variance along each other direction; receives logits and spreads, and as means the
     *                 weighted mean of the products of each direction and the sum of the weights relative to the
     *                 largest
     * @return the largest logit
     */
    static float measure(float[] products, int row, float[] biases, float[] radii, int cell, SeenKeys seen) {
        float[] logits = seen.logits;
        float[] spreads = seen.spreads;
        float[] means = seen.means;
        float rest = seen.rest;
        int at = cell * CELL;
        int meanAt = cell * SeenKeys.MEANS;
        int base = row * STRIDE;
        FloatVector most = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int j = 0; j < CELL; j += LANES) {
            FloatVector l = FloatVector.fromArray(FLOATS, products, base + j)
                    .add(FloatVector.fromArray(FLOATS, biases, at + j));
            l.intoArray(logits, at + j);
            most = most.max(l);
        }
        float top = most.reduceLanes(VectorOperators.MAX);
        FloatVector sum = FloatVector.zero(FLOATS);
        FloatVector s0 = sum;
        FloatVector s1 = sum;
        FloatVector s2 = sum;
        FloatVector s3 = sum;
        for (int j = 0; j < CELL; j += LANES) {
            FloatVector w = ScoreKernel.exp(FloatVector.fromArray(FLOATS, logits, at + j).sub(top).max(-BOUND));
            sum = sum.add(w);
            int p = base + STRIDE + j;
            s0 = fma(w, FloatVector.fromArray(FLOATS, products, p), s0);
            s1 = fma(w, FloatVector.fromArray(FLOATS, products, p + STRIDE), s1);
            s2 = fma(w, FloatVector.fromArray(FLOATS, products, p + 2 * STRIDE), s2);
            s3 = fma(w, FloatVector.fromArray(FLOATS, products, p + 3 * STRIDE), s3);
        }
        float mass = Lanes.sum(sum);
        float m0 = Lanes.sum(s0) / mass;
        float m1 = Lanes.sum(s1) / mass;
        float m2 = Lanes.sum(s2) / mass;
        float m3 = Lanes.sum(s3) / mass;
        means[meanAt] = m0;
        means[meanAt + 1] = m1;
        means[meanAt + 2] = m2;
        means[meanAt + 3] = m3;
        means[meanAt + RANK] = mass;
        for (int j = 0; j < CELL; j += LANES) {
            int p = base + STRIDE + j;
            FloatVector x0 = FloatVector.fromArray(FLOATS, products, p).sub(m0);
            FloatVector x1 = FloatVector.fromArray(FLOATS, products, p + STRIDE).sub(m1);
            FloatVector x2 = FloatVector.fromArray(FLOATS, products, p + 2 * STRIDE).sub(m2);
            FloatVector x3 = FloatVector.fromArray(FLOATS, products, p + 3 * STRIDE).sub(m3);
            FloatVector s = FloatVector.fromArray(FLOATS, radii, at + j).mul(rest);
            fma(x3, x3, fma(x2, x2, fma(x1, x1, fma(x0, x0, s)))).intoArray(spreads, at + j);
        }
        return top;
    }

    /**
     * Scores the keys of a cell by the logarithm of the squared error that each costs if its cell stands for it:
     * 2 l + log(e^s − 1 − s − s²/2).
     *
     * @param shift added to all
     */
    static void score(SeenKeys seen, int cell, float shift) {
        for (int j = cell * CELL; j < (cell + 1) * CELL; j += LANES) {
            FloatVector e = ScoreKernel.logThirdOrder(FloatVector.fromArray(FLOATS, seen.spreads, j));
            FloatVector.fromArray(FLOATS, seen.logits, j).mul(2).add(e).add(shift).intoArray(seen.scores, j);
        }
    }

    /**
     * Takes a cell apart: keys with scores above a limit are near, the others keep their weights.
     *
     * @param seen    its logits become exp(logit − logMass) of the keys that are folded, 0 for the others
     * @param near    receives the near keys from index {@code count} on
     * @param sums    receives the sum of the weights and that of weights times spreads
     * @return the number of near keys then
     */
    static int split(SeenKeys seen, int cell, float logMass, float limit, int[] near, int count, float[] sums) {
        float[] logits = seen.logits;
        float[] spreads = seen.spreads;
        float[] scores = seen.scores;
        int at = cell * CELL;
        FloatVector mass = FloatVector.zero(FLOATS);
        FloatVector spread = mass;
        int next = count;
        for (int j = at; j < at + CELL; j += LANES) {
            FloatVector x = FloatVector.fromArray(FLOATS, logits, j).sub(logMass);
            VectorMask<Float> take = FloatVector.fromArray(FLOATS, scores, j).compare(VectorOperators.GT, limit);
            FloatVector w = ScoreKernel.exp(x.max(-BOUND).min(BOUND))
                    .blend(0, take.or(x.compare(VectorOperators.LT, NOTHING)));
            w.intoArray(logits, j);
            mass = mass.add(w);
            spread = fma(w, FloatVector.fromArray(FLOATS, spreads, j), spread);
            for (long bits = take.toLong(); bits != 0; bits &= bits - 1) {
                near[next++] = j + Long.numberOfTrailingZeros(bits);
            }
        }
        sums[0] = Lanes.sum(mass);
        sums[1] = Lanes.sum(spread);
        return next;
    }
}
