package dev.kdeformer.pilot.search;

import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * The leaves of a tree of queries that stand for all in sketches. They are chosen half alike and half by leverage, and
 * in the same way the rows in them that are computed exactly, for passes of any kind to be compared with.
 */
public final class SketchLeaves {
    /** One leaf in so many is chosen; not fewer than the least, unless those would be more than a sixth. */
    private static final int LEAVES_EVERY = 32;
    private static final int LEAST_LEAVES = 8;
    private static final int MOST_PART = 6;

    /** One query in so many is computed exactly, within limits. */
    private static final int ROWS_EVERY = 64;
    private static final int LEAST_ROWS = 48;
    private static final int MOST_ROWS = 96;

    /** One query in so many may be a straggler. */
    private static final int STRAGGLERS_EVERY = 32;

    private final CheckRows check;
    private final Stragglers stragglers;
    private final double[] leverage;
    private final boolean[] marks;
    private int queries;

    private SketchLeaves(CheckRows check, Stragglers stragglers, double[] leverage) {
        this.check = check;
        this.stragglers = stragglers;
        this.leverage = leverage;
        this.marks = new boolean[leverage.length];
    }

    /**
     * Chooses leaves, and draws rows in them.
     *
     * @param check    receives the rows
     * @param all      which part of all leverages each query has
     * @param starts   first position of every leaf, and the number of queries after the last
     */
    public static SketchLeaves of(CheckRows check, double[] all, int[] starts, Team team) {
        int n = all.length;
        Stragglers stragglers = Stragglers.of(all, n / STRAGGLERS_EVERY);
        // Stragglers are computed exactly, so that none of them need be looked at.
        double[] leverage = stragglers.rest(all);
        SketchLeaves chosen = new SketchLeaves(check, stragglers, leverage);
        double[] likely = Arrays.stream(leverage).map(each -> (each + 1.0 / n) / 2).toArray();
        int count = Math.min(n, Math.clamp(n / ROWS_EVERY, LEAST_ROWS, MOST_ROWS));
        double[] often = chosen.choose(starts, likely, count);
        check.add(team, new CheckRows.Draw(count, chosen.within(likely), often));
        return chosen;
    }

    /**
     * Chooses leaves, one in every stretch of positions that holds an equal part of what is likely.
     *
     * @param rows that are to be drawn in them
     * @return how often each position is expected to be drawn
     */
    private double[] choose(int[] starts, double[] likely, int rows) {
        int leaves = starts.length - 1;
        int some = Math.max(Math.min(LEAST_LEAVES, Math.ceilDiv(leaves, MOST_PART)), leaves / LEAVES_EVERY);
        double[] parts = new double[leaves];
        for (int leaf = 0; leaf < leaves; leaf++) {
            for (int i = starts[leaf]; i < starts[leaf + 1]; i++) {
                parts[leaf] += likely[i];
            }
        }
        double before = 0;
        double all = 0;
        for (int leaf = 0; leaf < leaves; leaf++) {
            double after = before + parts[leaf] * some;
            // The middle of a stretch.
            if (Math.floor(after + 0.5) > Math.floor(before + 0.5) || some == leaves) {
                Arrays.fill(marks, starts[leaf], starts[leaf + 1], true);
                queries += starts[leaf + 1] - starts[leaf];
                all += parts[leaf];
            }
            before = after;
        }
        double[] often = new double[likely.length];
        for (int leaf = 0; leaf < leaves; leaf++) {
            double chosen = Math.min(1, some * parts[leaf]);
            for (int i = starts[leaf]; i < starts[leaf + 1]; i++) {
                often[i] = rows * chosen * likely[i] / all;
            }
        }
        return often;
    }

    /** Likelihoods inside the chosen leaves alone. */
    private double[] within(double[] likely) {
        double sum = 0;
        for (int i = 0; i < likely.length; i++) {
            sum += marks[i] ? likely[i] : 0;
        }
        double[] inside = new double[likely.length];
        for (int i = 0; i < likely.length; i++) {
            inside[i] = marks[i] ? likely[i] / sum : 0;
        }
        return inside;
    }

    /** Marks the queries of the leaves. */
    public boolean[] marks() {
        return marks;
    }

    /** Number of queries of the leaves. */
    public int queries() {
        return queries;
    }

    /** The rows that have been drawn. */
    CheckRows check() {
        return check;
    }

    /** The queries that every pass is to leave to exact attention. */
    Stragglers stragglers() {
        return stragglers;
    }

    /** Which part of the leverages of all but the stragglers each query has. */
    double[] leverage() {
        return leverage;
    }

    /** The positions of all exact rows in the leaves, ascending. */
    int[] rows() {
        return Arrays.stream(check.sample().positions()).filter(position -> marks[position]).sorted().distinct()
                .toArray();
    }
}
