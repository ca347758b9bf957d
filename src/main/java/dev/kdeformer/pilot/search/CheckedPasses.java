package dev.kdeformer.pilot.search;

import dev.kdeformer.runtime.Team;

/**
 * Passes over the queries of a head in the order of their tree, checked on exact rows. What a pass will cost, and about
 * how good it will be, shows on a sketch: some leaves of the tree that are spread over all queries, in which only the
 * rows to be checked are computed.
 */
public abstract class CheckedPasses implements Climb.Passes {
    /** Fewest rows that a pass is checked on beside those of its sketches; half of them where it is known to do. */
    private static final int LEAST_ROWS = 96;
    /** One row in so many is computed exactly at most. */
    private static final int ROWS_EVERY = 10;
    private static final int MOST_ROWS = 1536;

    /**
     * Parts of the rows to check that are drawn by doubt and by leverage; the rest is drawn evenly. With half of them
     * drawn by doubt, estimates vary less on most heads; with more, they vary without limit where doubts mislead.
     */
    private static final double DOUBTFUL = 0.5;
    private static final double FAR = 0.2;

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
    private final SketchLeaves leaves;
    private final Stragglers stragglers;
    /** What the last pass leaves to be suspected of each query; null until it is asked for. */
    private Doubts suspicion;
    private double work;

    /**
     * Passes over the queries of a head.
     *
     * @param exact computes queries exactly
     */
    protected CheckedPasses(SketchLeaves leaves, ExactTiles exact, Team team) {
        this.leaves = leaves;
        this.check = leaves.check();
        this.leverage = leaves.leverage();
        this.n = check.queries();
        this.exact = exact;
        this.team = team;
        this.stragglers = leaves.stragglers();
        this.evaluation = 2.0 * (exact.keys().d() + exact.keys().dv());
    }

    /**
     * Computes some rows as a pass would.
     *
     * @param chosen marks the queries of the leaves that stand for all
     * @param rows   positions of the rows, ascending, all of them in these leaves
     * @return key evaluations per query that a pass over all takes
     */
    protected abstract double sketch(double rung, boolean[] chosen, int[] rows);

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

    /** Work done, in floating-point operations, without that of {@link #checked}. */
    public final double work() {
        return work;
    }

    /** Work that the exact rows have been which passes are checked on, those of other passes among them. */
    public final double checked() {
        return check.sample().count() * evaluation * exact();
    }

    protected final Team team() {
        return team;
    }

    @Override
    public final Climb.Sketch sketch(double rung) {
        leaves.more(team);
        return sketch(rung, leaves.all());
    }

    @Override
    public final Climb.Sketch glimpse(double rung) {
        return sketch(rung, leaves.half());
    }

    private Climb.Sketch sketch(double rung, boolean[] some) {
        double evaluations = sketch(rung, some, leaves.rows(some));
        return new Climb.Sketch(seen(some), evaluations);
    }

    @Override
    public final double seen() {
        return seen(leaves.all());
    }

    private double seen(boolean[] some) {
        // Stragglers and the strangest are computed exactly in the end.
        return check.sample().error(new int[0], position -> some[position]
                && stragglers.others()[position] && n * leverage[position] < 2 * STRANGE, team).likely();
    }

    @Override
    public final void pass(double rung, double part) {
        whole(rung);
        suspicion = null;
        mend();
        int least = Math.min(n, part > 0 ? LEAST_ROWS : LEAST_ROWS / 2);
        more(Math.clamp((long) (part * n), least, Math.max(least, Math.min(MOST_ROWS / 2, n / ROWS_EVERY / 2))));
    }

    @Override
    public final boolean more() {
        int more = check.more(Math.min(MOST_ROWS, n / ROWS_EVERY));
        if (more > 0) {
            more(more);
        }
        return more > 0;
    }

    private void more(int count) {
        int doubtful = (int) (DOUBTFUL * count);
        int far = (int) (FAR * count);
        check.add(team, new CheckRows.Draw(count - far - doubtful, check.evenly()), new CheckRows.Draw(far, leverage),
                new CheckRows.Draw(doubtful, doubts().parts()));
    }

    @Override
    public final RowSample.Error error(double repaired) {
        return check.sample().error(doubtful(repaired), team);
    }

    @Override
    public final void repair(double part) {
        write(doubtful(part));
    }

    /** Computes the stragglers exactly, and the few of the others that are suspected far more than the rest. */
    private void mend() {
        write(stragglers.positions());
        int strange = suspicion().count((float) STRANGE, stragglers.others());
        write(suspicion().largest(Math.min(strange, n / MEND_EVERY), stragglers.others()));
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
        return part > 0 ? suspicion().largest((int) (part * n), stragglers.others()) : new int[0];
    }
}
