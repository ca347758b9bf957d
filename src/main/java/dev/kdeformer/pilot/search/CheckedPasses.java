package dev.kdeformer.pilot.search;

import dev.kdeformer.runtime.Team;
import java.util.Arrays;

/**
 * Passes over the queries of a head in the order of their tree, checked on exact rows. What a pass will cost, and about
 * how good it will be, shows on a sketch: some leaves of the tree that are spread over all queries, in which only the
 * rows to be checked are computed.
 */
public abstract class CheckedPasses implements Climb.Passes {
    /** A sketch has one leaf in so many; not fewer than the least, unless those would be more than a sixth. */
    private static final int SKETCH_EVERY = 32;
    private static final int LEAST_LEAVES = 8;

    /** One query in so many is computed exactly for sketches to be compared with, within limits. */
    private static final int SKETCH_ROWS_EVERY = 64;
    private static final int LEAST_SKETCH_ROWS = 48;
    private static final int MOST_SKETCH_ROWS = 96;

    private static final int LEAST_ROWS = 144;
    /** One row in so many is computed exactly at most. */
    private static final int ROWS_EVERY = 16;
    private static final int MOST_ROWS = 1024;

    /**
     * A query is strange whose doubt and leverage are so many times the mean; one in so many is computed exactly for
     * that, at most.
     */
    private static final double STRANGE = 6;
    private static final int MEND_EVERY = 128;

    private final int n;
    private final double evaluation;
    private final CheckRows check;
    private final ExactTiles exact;
    private final double[] leverage;
    private final Team team;
    private final boolean[] sketched;
    /** What the last pass leaves to be suspected of each query; null until it is asked for. */
    private Doubts suspicion;
    private double work;

    /**
     * Passes over the queries of a head, for which some exact rows are computed.
     *
     * @param leverage which part of all leverages each query has
     * @param starts   first position of every leaf, and the number of queries after the last
     */
    protected CheckedPasses(CheckRows check, ExactTiles exact, double[] leverage, int[] starts, Team team) {
        this.n = check.queries();
        this.check = check;
        this.exact = exact;
        this.leverage = leverage;
        this.team = team;
        this.evaluation = 2.0 * (exact.keys().d() + exact.keys().dv());
        this.sketched = new boolean[n];
        double[] likely = mixed(leverage);
        double[] often = choose(starts, likely);
        if (check.sample().count() == 0) {
            draw(new CheckRows.Draw(sketchCount(), within(likely), often));
        }
    }

    /** Half of all alike, half by leverage. */
    private static double[] mixed(double[] leverage) {
        return Arrays.stream(leverage).map(each -> (each + 1.0 / leverage.length) / 2).toArray();
    }

    /**
     * Chooses the leaves of a sketch, one in every stretch of positions that holds an equal part of what is likely.
     *
     * @return how often each position is expected in a sketch
     */
    private double[] choose(int[] starts, double[] likely) {
        int leaves = starts.length - 1;
        int some = Math.max(Math.min(LEAST_LEAVES, Math.ceilDiv(leaves, 6)), leaves / SKETCH_EVERY);
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
                Arrays.fill(sketched, starts[leaf], starts[leaf + 1], true);
                all += parts[leaf];
            }
            before = after;
        }
        double[] often = new double[n];
        for (int leaf = 0; leaf < leaves; leaf++) {
            double chosen = Math.min(1, some * parts[leaf]);
            for (int i = starts[leaf]; i < starts[leaf + 1]; i++) {
                often[i] = sketchCount() * chosen * likely[i] / all;
            }
        }
        return often;
    }

    private int sketchCount() {
        return Math.min(n, Math.clamp(n / SKETCH_ROWS_EVERY, LEAST_SKETCH_ROWS, MOST_SKETCH_ROWS));
    }

    /** Likelihoods inside the sketch alone. */
    private double[] within(double[] likely) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += sketched[i] ? likely[i] : 0;
        }
        double[] inside = new double[n];
        for (int i = 0; i < n; i++) {
            inside[i] = sketched[i] ? likely[i] / sum : 0;
        }
        return inside;
    }

    private void draw(CheckRows.Draw... draws) {
        int before = check.sample().count();
        check.add(team, draws);
        work += (check.sample().count() - before) * evaluation * exact();
    }

    /**
     * Computes some rows as a pass would.
     *
     * @param leaves marks the queries of the leaves that stand for all
     * @param rows   positions of the rows, ascending, all of them in these leaves
     * @return key evaluations per query that a pass over all takes
     */
    protected abstract double sketch(double rung, boolean[] leaves, int[] rows);

    /**
     * Runs a pass over all queries.
     *
     * @return key evaluations per query
     */
    protected abstract double whole(double rung);

    /** What the last pass doubts. */
    protected abstract Doubts doubts();

    /** Floating-point operations of a key evaluation. */
    protected final double evaluation() {
        return evaluation;
    }

    @Override
    public final double exact() {
        return exact.keys().count();
    }

    /** Adds floating-point operations. */
    protected final void count(double operations) {
        work += operations;
    }

    /** Work done, in floating-point operations. */
    public final double work() {
        return work;
    }

    /** Mean squared norm of an output row. */
    protected final double meanSquare() {
        return check.sample().meanSquare();
    }

    protected final Team team() {
        return team;
    }

    @Override
    public final Climb.Sketch sketch(double rung) {
        int[] rows = Arrays.stream(check.sample().positions()).filter(position -> sketched[position]).sorted()
                .distinct().toArray();
        double evaluations = sketch(rung, sketched, rows);
        // The strangest are computed exactly in the end.
        RowSample.Error error = check.sample().error(new int[0],
                position -> sketched[position] && n * leverage[position] < 2 * STRANGE);
        return new Climb.Sketch(error.likely(), evaluations);
    }

    @Override
    public final void pass(double rung, double part) {
        whole(rung);
        suspicion = null;
        mend();
        int least = Math.min(n, part > 0 ? LEAST_ROWS : LEAST_ROWS / 3);
        more(Math.clamp((long) (part * n), least, Math.max(least, Math.min(MOST_ROWS / 2, n / ROWS_EVERY / 2))));
    }

    @Override
    public final boolean more() {
        int count = check.sample().count();
        int more = Math.min(count, Math.min(MOST_ROWS, n / ROWS_EVERY) - count);
        if (more < count / 2) {
            return false;
        }
        more(more);
        return true;
    }

    private void more(int count) {
        draw(new CheckRows.Draw(count - count / 2, check.evenly()), new CheckRows.Draw(count / 4, leverage),
                new CheckRows.Draw(count / 2 - count / 4, doubts().parts()));
    }

    @Override
    public final RowSample.Error error(double repaired) {
        return check.sample().error(doubtful(repaired));
    }

    @Override
    public final void repair(double part) {
        write(doubtful(part));
    }

    /** Computes the few queries exactly that are suspected far more than all others. */
    private void mend() {
        int strange = suspicion().count((float) STRANGE);
        write(suspicion().largest(Math.min(strange, n / MEND_EVERY), null));
    }

    /** Doubt and leverage together, each 1 on average. */
    private Doubts suspicion() {
        if (suspicion == null) {
            suspicion = new Doubts(n);
            double[] parts = doubts().parts();
            for (int i = 0; i < n; i++) {
                suspicion.note(i, (float) (n * (parts[i] + leverage[i]) / 2));
            }
        }
        return suspicion;
    }

    /** Makes the output at some positions exact. */
    private void write(int[] positions) {
        exact.write(positions, team);
        work += positions.length * evaluation * exact();
    }

    private int[] doubtful(double part) {
        return part > 0 ? suspicion().largest((int) (part * n), null) : new int[0];
    }
}
