package dev.kdeformer.pilot.search;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/**
 * Passes over the queries of a head in the order of their tree, checked on exact rows: some that are spread evenly over
 * all queries, and as many that are drawn by how doubtful the first pass found them, for a few rows may hold the error.
 * Each row counts for as many as it stands for, so that the estimate of the squared error is unbiased.
 */
public abstract class CheckedPasses implements Climb.Passes {
    private static final int LEAST_ROWS = 48;
    private static final int MOST_ROWS = 1024;
    /** One row in so many is computed exactly to begin with, and in all. */
    private static final int FIRST_EVERY = 170;
    private static final int ROWS_EVERY = 16;

    /** A pass begins with one stretch of the queries in so many; dear ones, whose rows cost more, with fewer. */
    private static final int PROBE_EVERY = 16;
    private static final int BEGIN_EVERY = 4;
    private static final int BEGIN_DEAR_EVERY = 8;

    /** Key evaluations per query, as a part of all, from which on a pass is dear. */
    private static final double DEAR = 0.08;

    /**
     * A query is strange whose doubt is so many times the mean; one in so many is computed exactly for that, at most.
     */
    private static final double STRANGE = 6;
    private static final int MEND_EVERY = 128;

    private final int n;
    private final ExactTiles exact;
    private final double evaluation;
    private final RowSample check;
    private final CounterRandom random;
    private final Team team;
    private final boolean[] begun;
    /** Which part of all doubts each query has; null before there are any. */
    private double[] doubted;
    private int evenRows;
    private int doubtedRows;
    private int pieces;
    /** Squared errors of the checked rows after the last whole pass. */
    private double[] lastSquares = new double[0];
    /** Key evaluations per query that the last probe found. */
    private double probed;
    private double work;

    /**
     * Passes over the queries of a head.
     *
     * @param output the head's output
     */
    protected CheckedPasses(Matrix output, ExactTiles exact, CounterRandom random, Team team) {
        this.n = exact.order().length;
        this.exact = exact;
        this.check = new RowSample(output, exact.order());
        this.evaluation = 2.0 * (exact.keys().d() + exact.keys().dv());
        this.random = random;
        this.team = team;
        this.begun = new boolean[n];
    }

    /** Computes the first exact rows; to be called once, when all that computes them is there. */
    protected final void start(int stretches) {
        pieces = stretches;
        add(evenly(Math.min(n, Math.clamp(n / FIRST_EVERY, LEAST_ROWS, MOST_ROWS / 8))), new int[0]);
    }

    /**
     * Runs a pass over some of the queries, at least.
     *
     * @return key evaluations per query that a pass over all of them takes
     */
    protected abstract double pass(double rung, boolean[] wanted, int count);

    /** What the last pass doubts. */
    protected abstract Doubts doubts();

    /** First query of a stretch of which there are {@code stretches}. */
    protected abstract int start(int stretch, int stretches);

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

    /** The rows checked so far. */
    protected final RowSample check() {
        return check;
    }

    protected final Team team() {
        return team;
    }

    @Override
    public final Climb.Beginning probe(double rung) {
        Arrays.fill(begun, false);
        Climb.Beginning beginning = run(rung, PROBE_EVERY);
        probed = beginning.evaluations();
        return beginning;
    }

    @Override
    public final Climb.Beginning begin(double rung) {
        return run(rung, probed > DEAR * exact() ? BEGIN_DEAR_EVERY : BEGIN_EVERY);
    }

    private Climb.Beginning run(double rung, int every) {
        int some = Math.max(1, pieces / every);
        boolean[] wanted = new boolean[n];
        int count = 0;
        for (int i = 0; i < some; i++) {
            int piece = (int) ((2L * i + 1) * pieces / (2 * some));
            for (int at = start(piece, pieces); at < start(piece + 1, pieces); at++) {
                wanted[at] = !begun[at];
                count += begun[at] ? 0 : 1;
            }
        }
        boolean[] all = new boolean[n];
        for (int i = 0; i < n; i++) {
            all[i] = wanted[i] || begun[i];
        }
        double before = doubted == null ? Double.POSITIVE_INFINITY : last(all);
        double evaluations = count == 0 ? probed : pass(rung, wanted, count);
        System.arraycopy(all, 0, begun, 0, n);
        double gain = Math.sqrt(before / check.squares(position -> all[position]));
        return new Climb.Beginning(check.error(new int[0], position -> all[position]).likely(), gain, evaluations);
    }

    /**
     * Squared errors of the checked rows after the last whole pass, some of which may have been computed again since.
     */
    private double last(boolean[] among) {
        double sum = 0;
        for (int i = 0; i < lastSquares.length; i++) {
            sum += among[check.positions()[i]] ? lastSquares[i] : 0;
        }
        return sum;
    }

    @Override
    public final void finish(double rung) {
        boolean[] wanted = new boolean[n];
        int count = 0;
        for (int i = 0; i < n; i++) {
            wanted[i] = !begun[i];
            count += begun[i] ? 0 : 1;
        }
        if (count > 0) {
            pass(rung, wanted, count);
        }
        if (doubted == null) {
            doubted = doubts().parts();
            add(new int[0], byDoubt(evenRows));
        }
        lastSquares = check.squares();
    }

    @Override
    public final RowSample.Error error(double repaired) {
        return check.error(doubtful(repaired));
    }

    @Override
    public final void repair(double part) {
        write(doubtful(part));
    }

    @Override
    public final void mend() {
        double mean = doubts().mean();
        int strange = mean > 0 ? doubts().count((float) (STRANGE * mean)) : 0;
        write(doubts().largest(Math.min(strange, n / MEND_EVERY), null));
    }

    /** Makes the output at some positions exact. */
    private void write(int[] positions) {
        exact.write(positions, team);
        work += positions.length * evaluation * exact();
    }

    private int[] doubtful(double part) {
        return part > 0 ? doubts().largest((int) (part * n), null) : new int[0];
    }

    @Override
    public final boolean more() {
        if (2 * check.count() > Math.min(MOST_ROWS, n / ROWS_EVERY)) {
            return false;
        }
        add(evenly(evenRows), byDoubt(doubtedRows));
        lastSquares = check.squares();
        return true;
    }

    /** Computes further rows. */
    private void add(int[] even, int[] byDoubt) {
        evenRows += even.length;
        doubtedRows += byDoubt.length;
        int from = check.count();
        int[] more = Arrays.copyOf(even, even.length + byDoubt.length);
        System.arraycopy(byDoubt, 0, more, even.length, byDoubt.length);
        double[] weights = new double[from + more.length];
        for (int i = 0; i < weights.length; i++) {
            int position = i < from ? check.positions()[i] : more[i - from];
            // How often a row like this one is drawn, by either way.
            double often = evenRows / (double) n + (doubted == null ? 0 : doubtedRows * doubted[position]);
            weights[i] = 1 / (n * often);
        }
        check.add(more, weights);
        exact.sample(check, from, team);
        work += more.length * evaluation * exact();
    }

    /** One row of every stretch of the tree order: errors gather in a few tiles, which chance would miss or repeat. */
    private int[] evenly(int count) {
        int[] positions = new int[count];
        CounterRandom draws = random.stream(1, evenRows);
        for (int i = 0; i < count; i++) {
            int from = (int) ((long) n * i / count);
            positions[i] = from + draws.below(i, (int) ((long) n * (i + 1) / count) - from);
        }
        return positions;
    }

    /** Rows drawn by their part of the doubts, one of every stretch of their running sum. */
    private int[] byDoubt(int count) {
        int[] positions = new int[count];
        CounterRandom draws = random.stream(2, doubtedRows);
        double sum = 0;
        int position = -1;
        for (int i = 0; i < count; i++) {
            double place = (i + draws.uniform(i)) / count;
            while (sum <= place && position + 1 < n) {
                sum += doubted[++position];
            }
            positions[i] = position;
        }
        return positions;
    }
}
