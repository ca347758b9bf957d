package dev.kdeformer.pilot.search;

import java.util.Arrays;

/**
 * The queries that lie so far from the middle of their tile that no expansion about it fits them: the few of another
 * population that a balanced tree has put into the tiles of the many. Exact attention costs them little, because they
 * are few, and they can hold nearly all of the error: one row in fifty had 99 % of it where most rows were white paper.
 */
public final class Stragglers {
    /** Their leverage, in units of its mean; heads of language models have hardly any query beyond. */
    private static final float LEAST = 6;

    /** What part of all leverages they have together; where it is less, the error is elsewhere. */
    private static final double LEAST_PART = 0.02;

    private final int[] positions;
    private final double part;
    /** Marks all queries but these. */
    private final boolean[] others;

    private Stragglers(int[] positions, double part, int queries) {
        this.positions = positions;
        this.part = part;
        this.others = new boolean[queries];
        Arrays.fill(others, true);
        for (int position : positions) {
            others[position] = false;
        }
    }

    /**
     * Finds them.
     *
     * @param leverage which part of all leverages each query has
     * @param most     how many to look for
     */
    public static Stragglers of(double[] leverage, int most) {
        int n = leverage.length;
        Doubts doubts = new Doubts(n);
        int count = 0;
        double together = 0;
        for (int i = 0; i < n; i++) {
            doubts.note(i, (float) (n * leverage[i]));
            if (n * leverage[i] >= LEAST) {
                count++;
                together += leverage[i];
            }
        }
        int[] positions = together < LEAST_PART ? new int[0] : doubts.largest(Math.min(count, most), null);
        return new Stragglers(positions, Arrays.stream(positions).mapToDouble(i -> leverage[i]).sum(), n);
    }

    /** Their positions, ascending. */
    public int[] positions() {
        return positions;
    }

    /** Which part of all leverages they have together. */
    public double part() {
        return part;
    }

    /** Marks the other queries. */
    boolean[] others() {
        return others;
    }

    /** Which part of the leverages of all others each query has; theirs is 0. */
    double[] rest(double[] leverage) {
        double rest = 0;
        for (int i = 0; i < others.length; i++) {
            rest += others[i] ? leverage[i] : 0;
        }
        double[] parts = new double[others.length];
        for (int i = 0; i < others.length; i++) {
            parts[i] = !others[i] ? 0 : rest > 0 ? leverage[i] / rest : 1.0 / others.length;
        }
        return parts;
    }
}
