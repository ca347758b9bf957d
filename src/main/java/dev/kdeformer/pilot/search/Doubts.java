package dev.kdeformer.pilot.search;

import java.util.Arrays;

/**
 * How doubtful the result of each query is, for finding the few that are worth computing exactly. A query's doubt is
 * the part of its weight that comes from the far field, times how far it lies from its tile's centroid in units of the
 * groups' spread, Σ δ² c: where one is small there is no error to speak of. On heads of language models whose error
 * sits in few rows, the hundredth part of the queries with the largest doubts held four to seven tenths of the squared
 * error, close to what the worst hundredth part held.
 */
public final class Doubts {
    private final float[] doubts;
    private final float[] shared;

    /** Makes room for the doubts of so many queries, none of which is doubted yet. */
    public Doubts(int queries) {
        doubts = new float[queries];
        shared = new float[queries];
    }

    /** Notes the doubt about the query at a position; each is noted by one thread. */
    public void note(int position, float doubt) {
        doubts[position] = doubt;
    }

    /** The same, with a doubt that all queries of its tile share. */
    public void note(int position, float doubt, float ofTile) {
        doubts[position] = doubt;
        shared[position] = ofTile;
    }

    /**
     * What part of all doubts each query has, of its own and of shared ones alike; the same part for all queries where
     * there is none.
     */
    public double[] parts() {
        double own = sum(doubts);
        double common = sum(shared);
        int kinds = (own > 0 ? 1 : 0) + (common > 0 ? 1 : 0);
        double[] parts = new double[doubts.length];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = kinds == 0 ? 1.0 / parts.length
                    : ((own > 0 ? doubts[i] / own : 0) + (common > 0 ? shared[i] / common : 0)) / kinds;
        }
        return parts;
    }

    /** Their sum, 0 unless finite. */
    private static double sum(float[] values) {
        double sum = 0;
        for (float each : values) {
            sum += each;
        }
        return sum < Double.POSITIVE_INFINITY ? sum : 0;
    }

    /**
     * How many are at least {@code limit}.
     *
     * @param among marks the positions to count; null for all
     */
    public int count(float limit, boolean[] among) {
        int count = 0;
        for (int i = 0; i < doubts.length; i++) {
            count += (among == null || among[i]) && doubts[i] >= limit ? 1 : 0;
        }
        return count;
    }

    /**
     * The positions of the largest doubts, ascending.
     *
     * @param among marks the positions to choose from; null for all
     */
    public int[] largest(int wanted, boolean[] among) {
        float[] sorted = new float[doubts.length];
        int count = 0;
        for (int i = 0; i < doubts.length; i++) {
            if (among == null || among[i]) {
                sorted[count++] = doubts[i];
            }
        }
        int most = Math.min(wanted, count);
        if (most == 0) {
            return new int[0];
        }
        Arrays.sort(sorted, 0, count);
        float limit = sorted[count - most];
        int above = 0;
        for (int i = count - most; i < count; i++) {
            above += sorted[i] > limit ? 1 : 0;
        }
        int[] chosen = new int[most];
        int next = 0;
        int ties = most - above;
        for (int i = 0; i < doubts.length && next < most; i++) {
            if (among != null && !among[i]) {
                continue;
            }
            if (doubts[i] > limit || doubts[i] == limit && ties-- > 0) {
                chosen[next++] = i;
            }
        }
        return chosen;
    }
}
