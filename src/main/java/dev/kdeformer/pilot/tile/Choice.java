package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.INTS;
import static dev.kdeformer.kernel.Lanes.LANES;

import dev.kdeformer.kernel.Lanes;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The highest scores of a list, found by halving an interval of thresholds: counting what lies above one is a pass of
 * vector comparisons, far cheaper than a histogram. Kept per thread.
 */
public final class Choice {
    /** Scores further below the best than this are all the same to us, unless those above are too few. */
    private static final float SPAN = 64;

    /** So far below the best any scores are the same. */
    private static final float MOST_SPAN = 1 << 16;

    private static final int HALVINGS = 14;

    /** A threshold is good enough when it takes fewer than wanted by at most this part. */
    private static final int SLACK = 64;

    private float high;
    private float low;
    private int left;
    private int most;

    /**
     * Prepares to take about the {@code wanted} best, at most as many, and all of score +∞ besides.
     *
     * @param scores in an array with room for whole vectors, where the padding is not above any limit
     * @param best   the largest finite score
     * @param most   entries that may be taken at all
     */
    public void prepare(float[] scores, int count, float best, int wanted, int most) {
        this.most = most;
        left = 0;
        if (wanted >= count) {
            high = Float.NEGATIVE_INFINITY;
            low = high;
            return;
        }
        int least = wanted - wanted / SLACK;
        high = best;
        int taken = ScoreKernel.above(scores, count, best);
        float span = SPAN;
        low = best - span;
        // Where the spreads of few keys are out of all proportion, the others must still be told apart.
        int above = ScoreKernel.above(scores, count, low);
        while (above < least && span < MOST_SPAN) {
            high = low;
            taken = above;
            span *= 2;
            low = best - span;
            above = ScoreKernel.above(scores, count, low);
        }
        for (int i = 0; i < HALVINGS && taken < least; i++) {
            float middle = low + (high - low) / 2;
            int between = ScoreKernel.above(scores, count, middle);
            if (between > wanted) {
                low = middle;
            } else {
                high = middle;
                taken = between;
            }
        }
        left = taken < least ? wanted - taken : 0;
        low = low == best - span ? Float.NEGATIVE_INFINITY : low;
    }

    /**
     * Which of the LANES entries from {@code j} on are taken, a bit for each; to be asked in order, once.
     *
     * @param limit bits of the entries that exist
     */
    private long takes(float[] scores, int j, long limit) {
        FloatVector s = FloatVector.fromArray(FLOATS, scores, j);
        long bits = ~s.compare(VectorOperators.LE, high).toLong() & limit;
        if (left > 0) {
            long between = ~s.compare(VectorOperators.LE, low).toLong() & limit & ~bits;
            between = lowest(between, left);
            left -= Long.bitCount(between);
            bits |= between;
        }
        bits = lowest(bits, most);
        most -= Long.bitCount(bits);
        return bits;
    }

    private static long lowest(long bits, int count) {
        long rest = bits;
        while (Long.bitCount(rest) > count) {
            rest &= ~Long.highestOneBit(rest);
        }
        return rest;
    }

    private static long limit(int present) {
        return present >= LANES ? (1L << LANES) - 1 : (1L << present) - 1;
    }

    /**
     * Copies what is taken of {@code index}, which is whole vectors long, to {@code chosen}, which has room for another
     * one, and to the node's array of folded keys the weights of all others that exceed {@code negligible}.
     *
     * @return number of taken entries
     */
    public int split(NodeScratch node, int[] index, int count, int[] chosen, float negligible) {
        int taken = 0;
        int folded = 0;
        for (int j = 0; j < count; j += LANES) {
            long limit = limit(count - j);
            long take = takes(node.scores, j, limit);
            FloatVector weights = FloatVector.fromArray(FLOATS, node.weights, j);
            long fold = weights.compare(VectorOperators.GT, negligible).toLong() & limit & ~take;
            FloatVector.zero(FLOATS).blend(weights, VectorMask.fromLong(FLOATS, fold)).intoArray(node.folded, j);
            if (Lanes.COMPRESS) {
                IntVector.fromArray(INTS, index, j).compress(VectorMask.fromLong(INTS, take)).intoArray(chosen, taken);
            } else {
                int at = taken;
                for (long rest = take; rest != 0; rest &= rest - 1) {
                    chosen[at++] = index[j + Long.numberOfTrailingZeros(rest)];
                }
            }
            taken += Long.bitCount(take);
            folded += Long.bitCount(fold);
        }
        node.foldedCount = folded;
        return taken;
    }
}
