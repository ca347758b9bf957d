package dev.kdeformer.pilot.search;

import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * The leaves of a tree of queries that stand for all in sketches. They are chosen half alike and half by leverage, and
 * in the same way the rows in them that are computed exactly, for passes of any kind to be compared with.
 */
public final class SketchLeaves {
    /** One leaf in so many is chosen; not fewer than the least, unless those would be more than a quarter. */
    private static final int LEAVES_EVERY = 32;
    private static final int MOST_PART = 4;

    /** One query in so many is computed exactly, within limits: few to begin with, more for sketches. */
    private static final int FEW_EVERY = 160;
    private static final int LEAST_FEW = 48;
    private static final int MOST_FEW = 96;
    private static final int MORE_EVERY = 54;
    private static final int MORE_PER_LEAF = 18;

    /** One query in so many may be a straggler. */
    private static final int STRAGGLERS_EVERY = 32;

    private final CheckRows check;
    private final Stragglers stragglers;
    private final double[] leverage;
    private final boolean[] marks;
    private final boolean[] halfMarks;
    /** How likely a row of a chosen leaf is drawn. */
    private final double[] inside;
    /** How often each position is expected in a draw of one row. */
    private final double[] often;
    private int chosen;
    /** Whether more rows are still to be drawn. */
    private boolean few = true;

    private SketchLeaves(CheckRows check, Stragglers stragglers, double[] leverage, int[] starts, int least) {
        int n = leverage.length;
        this.check = check;
        this.stragglers = stragglers;
        this.leverage = leverage;
        this.marks = new boolean[n];
        this.halfMarks = new boolean[n];
        double[] likely = Arrays.stream(leverage).map(each -> (each + 1.0 / n) / 2).toArray();
        this.often = choose(starts, likely, least);
        this.inside = within(likely);
    }

    /**
     * Chooses leaves, and draws a few rows in them.
     *
     * @param check  receives the rows
     * @param all    which part of all leverages each query has
     * @param starts first position of every leaf, and the number of queries after the last
     * @param least  leaves to choose at least
     */
    public static SketchLeaves of(CheckRows check, double[] all, int[] starts, int least, Team team) {
        int n = all.length;
        Stragglers stragglers = Stragglers.of(all, n / STRAGGLERS_EVERY);
        // Stragglers are computed exactly, so that none of them need be looked at.
        SketchLeaves chosen = new SketchLeaves(check, stragglers, stragglers.rest(all), starts, least);
        chosen.draw(Math.min(n, Math.clamp(n / FEW_EVERY, LEAST_FEW, MOST_FEW)), team);
        return chosen;
    }

    /** Draws more rows, the first time. A sketch of a few is off by a third, of these by a fifth. */
    void more(Team team) {
        if (few) {
            draw(Math.min(MORE_PER_LEAF * chosen, marks.length / MORE_EVERY), team);
            few = false;
        }
    }

    private void draw(int count, Team team) {
        check.add(team, new CheckRows.Draw(count, inside, Arrays.stream(often).map(each -> count * each).toArray()));
    }

    /**
     * Chooses leaves, one in every stretch of positions that holds an equal part of what is likely.
     *
     * @return how often each position is expected in a draw of one row
     */
    private double[] choose(int[] starts, double[] likely, int least) {
        int leaves = starts.length - 1;
        int some = Math.max(Math.min(least, Math.ceilDiv(leaves, MOST_PART)), leaves / LEAVES_EVERY);
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
                Arrays.fill(halfMarks, starts[leaf], starts[leaf + 1], chosen++ % 2 == 0);
                all += parts[leaf];
            }
            before = after;
        }
        double[] expected = new double[likely.length];
        for (int leaf = 0; leaf < leaves; leaf++) {
            double picked = Math.min(1, some * parts[leaf]);
            for (int i = starts[leaf]; i < starts[leaf + 1]; i++) {
                expected[i] = picked * likely[i] / all;
            }
        }
        return expected;
    }

    /** Likelihoods inside the chosen leaves alone. */
    private double[] within(double[] likely) {
        double sum = 0;
        for (int i = 0; i < likely.length; i++) {
            sum += marks[i] ? likely[i] : 0;
        }
        double[] within = new double[likely.length];
        for (int i = 0; i < likely.length; i++) {
            within[i] = marks[i] ? likely[i] / sum : 0;
        }
        return within;
    }

    /** Marks the queries of all chosen leaves. */
    boolean[] all() {
        return marks;
    }

    /** Marks those of every second of them. */
    boolean[] half() {
        return halfMarks;
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

    /** The positions of all exact rows in leaves that are marked, ascending. */
    int[] rows(boolean[] some) {
        return Arrays.stream(check.sample().positions()).filter(position -> some[position]).sorted().distinct()
                .toArray();
    }
}
