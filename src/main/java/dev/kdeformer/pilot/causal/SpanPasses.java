package dev.kdeformer.pilot.causal;

import dev.kdeformer.ErrorBudget;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.pilot.search.CheckRows;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/** The passes over causal spans that an error budget chooses from, checked on exact rows under the same mask. */
final class SpanPasses implements Climb.Passes {
    /**
     * The way up the efforts; the costs were measured at 32 and 100 features and 16,384 keys: 1.5 to 2.2, 400 to 500.
     */
    static final Climb CLIMB = new Climb(new Climb.Cost(2, 400), new Climb.Steps(0.07, 1.3, 1.5, 1.3, 1.4),
            new Climb.Worth(0.4, 0.3, 1));

    /** Rows that a sketch is compared on, and at least as many more for a pass. */
    private static final int SKETCH_ROWS = 64;
    private static final int LEAST_ROWS = 128;
    private static final int MOST_ROWS = 2048;

    /** Further rows for sketches, and the error in parts of the budget from which on they are worth their time. */
    private static final int CLOSER_ROWS = 256;
    private static final double CLOSE = 0.45;

    /** A sketch has one span in so many. */
    private static final int SKETCH_EVERY = 8;

    /** Rows computed together; few, because all rows of a tile cost what the last one does. */
    private static final int EXACT_TILE = 12;

    private final CausalPilot head;
    private final Team team;
    private final CheckRows check;
    /** Marks the queries of a sketch. */
    private final boolean[] sketched;
    /** How likely each query is drawn for sketches. */
    private final double[] parts;
    private final double budget;
    /** Whether sketches have the further rows. */
    private boolean closer;
    /** The rung of the last sketch, which a pass need not do again. */
    private double rung = Double.NaN;
    /** Floating-point operations of a key evaluation. */
    private final double evaluation;
    /** Keys that a query sees on average. */
    private final double visible;
    private double work;

    SpanPasses(CausalPilot head, ErrorBudget budget, CounterRandom random, Team team) {
        this.head = head;
        this.team = team;
        int n = head.queries().count();
        evaluation = 2.0 * (head.keys().ordered().d() + head.keys().ordered().dv());
        RowSample sample = new RowSample(head.output(), null, budget, head.sinks());
        check = new CheckRows(sample, n, this::exactRows, random.stream(1));
        sketched = new boolean[n];
        int[] starts = head.starts(CausalEffort.at(CausalEffort.TOP));
        int spans = starts.length - 1;
        int inside = 0;
        double pairs = 0;
        for (int span = 0; span < spans; span++) {
            boolean chosen = (spans - 1 - span) % SKETCH_EVERY == SKETCH_EVERY / 4;
            int from = starts[span];
            int to = starts[span + 1];
            Arrays.fill(sketched, from, to, chosen);
            inside += chosen ? to - from : 0;
            pairs += (to - from) * (head.last((from + to) / 2) + 1.0);
        }
        visible = pairs / n;
        parts = new double[n];
        for (int i = 0; i < n; i++) {
            parts[i] = sketched[i] ? 1.0 / inside : 0;
        }
        this.budget = budget.error();
        draw(inside == 0 ? 0 : SKETCH_ROWS);
    }

    /** Draws rows of the sketched queries, which stand for all. */
    private void draw(int count) {
        double[] often = new double[parts.length];
        Arrays.fill(often, (double) count / parts.length);
        check.add(team, new CheckRows.Draw(count, parts, often));
    }

    /** Work done, in floating-point operations. */
    double work() {
        return work;
    }

    @Override
    public double top() {
        return CausalEffort.TOP;
    }

    @Override
    public double grid() {
        return 1;
    }

    @Override
    public double exact() {
        return visible;
    }

    @Override
    public Climb.Sketch sketch(double at) {
        CausalEffort effort = CausalEffort.at(at);
        rung = at;
        double done = head.run(effort, sketched, team);
        work += done;
        RowSample.Error error = sketched();
        if (!closer && error.likely() > CLOSE * budget && error.likely() < budget) {
            draw(CLOSER_ROWS);
            closer = true;
            error = sketched();
        }
        return new Climb.Sketch(seen(error), done / evaluation / head.covered(effort, sketched));
    }

    @Override
    public double seen() {
        return seen(sketched());
    }

    private double seen(RowSample.Error error) {
        // A pass that fails costs a quarter of exact attention: where the first rows are too few to tell, it is made
        // only if more of them would be content with it.
        return closer ? (error.likely() + error.upper()) / 2 / CLIMB.steps().raise() : error.likely();
    }

    private RowSample.Error sketched() {
        return check.sample().error(new int[0], row -> sketched[row], team);
    }

    @Override
    public void pass(double at, double part) {
        work += head.run(CausalEffort.at(at), at == rung ? others() : null, team);
        add(Math.clamp((long) (part * sketched.length), part > 0 ? LEAST_ROWS : LEAST_ROWS / 2, MOST_ROWS / 2));
    }

    @Override
    public RowSample.Error error(double repaired) {
        return repaired > 0 ? new RowSample.Error(Double.NaN, Double.NaN) : check.sample().error(new int[0], team);
    }

    @Override
    public void repair(double part) {
        throw new IllegalStateException("causal passes note no doubts");
    }

    @Override
    public boolean more() {
        int more = check.more(MOST_ROWS);
        if (more > 0) {
            add(more);
        }
        return more > 0;
    }

    private boolean[] others() {
        boolean[] others = new boolean[sketched.length];
        for (int i = 0; i < others.length; i++) {
            others[i] = !sketched[i];
        }
        return others;
    }

    private void add(int count) {
        check.add(team, new CheckRows.Draw(Math.min(count, sketched.length), check.evenly()));
    }

    /** Computes rows of a sample from an index on. */
    private void exactRows(RowSample sample, int first, Team crew) {
        int[] rows = sample.positions();
        int to = sample.count();
        int tiles = Math.ceilDiv(to - first, EXACT_TILE);
        crew.forEach(tiles, (index, scratch) -> {
            // The last see most keys and should not be left for the end.
            int from = first + (tiles - 1 - index) * EXACT_TILE;
            int count = Math.min(EXACT_TILE, to - from);
            QueryTile queries = scratch.keep(QueryTile.class, QueryTile::new);
            SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
            int[] last = new int[count];
            Arrays.setAll(last, r -> head.last(rows[from + r]));
            long mark = scratch.mark();
            queries.load(head.query(), scratch.ints(rows, from, count), 0, count, head.keys().ordered().scale());
            scratch.release(mark);
            state.begin(count, head.keys().ordered().dv());
            state.add(queries, head.keys().ordered(), last);
            sample.set(state, from, count);
        });
        for (int i = first; i < to; i++) {
            work += evaluation * (head.last(rows[i]) + 1);
        }
    }
}
