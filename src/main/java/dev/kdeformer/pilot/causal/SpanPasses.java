package dev.kdeformer.pilot.causal;

import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/** The passes over causal spans that an error budget chooses from, checked on exact rows under the same mask. */
final class SpanPasses implements Climb.Passes {
    /**
     * The way up the efforts; the costs were measured at 32 and 100 features and 16,384 keys: 1.7 to 2.2, 400 to 500.
     */
    static final Climb CLIMB = new Climb(new Climb.Cost(2, 500), new Climb.Steps(0.07, 1.3, 1.5, 1.3));

    private static final int FIRST_ROWS = 128;
    private static final int MOST_ROWS = 512;

    /** A pass begins with one span in so many. */
    private static final int BEGIN_EVERY = 4;

    /** Rows computed together; few, because all rows of a tile cost what the last one does. */
    private static final int EXACT_TILE = 24;

    private final CausalPilot head;
    private final Team team;
    private final RowSample check;
    /** The rows that may be needed, in the order in which they are. */
    private final int[] order;
    /** The queries that a pass begins with, and the others. */
    private final boolean[] begun;
    private final boolean[] others;
    private boolean started;
    /** What the last probe found. */
    private Climb.Beginning beginning;
    /** Floating-point operations of a key evaluation. */
    private final double evaluation;
    /** Keys that a query sees on average. */
    private final double visible;
    private double work;

    SpanPasses(CausalPilot head, CounterRandom random, Team team) {
        this.head = head;
        this.team = team;
        int n = head.queries().count();
        evaluation = 2.0 * (head.keys().ordered().d() + head.keys().ordered().dv());
        check = new RowSample(head.output(), null);
        order = random.stream(1).sample(n, Math.min(n, MOST_ROWS));
        add(Math.min(order.length, FIRST_ROWS));
        visible = pairs(order, 0, order.length) / order.length;
        begun = new boolean[n];
        others = new boolean[n];
        int spans = Math.ceilDiv(n, CausalEffort.at(CausalEffort.TOP).span());
        for (int span = 0; span < spans; span++) {
            Arrays.fill((spans - 1 - span) % BEGIN_EVERY == 0 ? begun : others, CausalPilot.start(n, spans, span),
                    CausalPilot.start(n, spans, span + 1), true);
        }
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
    public double exact() {
        return visible;
    }

    /** {@inheritDoc} As many as a pass begins with, so that what it finds is the beginning. */
    @Override
    public Climb.Beginning probe(double rung) {
        CausalEffort effort = CausalEffort.at(rung);
        double before = started ? check.squares(row -> begun[row]) : Double.POSITIVE_INFINITY;
        double done = head.run(effort, begun, team);
        work += done;
        double gain = Math.sqrt(before / check.squares(row -> begun[row]));
        beginning = new Climb.Beginning(check.error(new int[0], row -> begun[row]).likely(), gain,
                done / evaluation / head.covered(effort, begun));
        return beginning;
    }

    @Override
    public Climb.Beginning begin(double rung) {
        return beginning;
    }

    @Override
    public void finish(double rung) {
        work += head.run(CausalEffort.at(rung), others, team);
        started = true;
    }

    @Override
    public RowSample.Error error(double repaired) {
        return repaired > 0 ? new RowSample.Error(Double.NaN, Double.NaN) : check.error(new int[0]);
    }

    @Override
    public void repair(double part) {
        throw new IllegalStateException("causal passes note no doubts");
    }

    @Override
    public void mend() {
        // No doubts are noted.
    }

    @Override
    public boolean more() {
        if (check.count() == order.length) {
            return false;
        }
        add(Math.min(check.count(), order.length - check.count()));
        return true;
    }

    /** Computes further rows. */
    private void add(int more) {
        int first = check.count();
        int to = first + more;
        // Rows of a tile see about as many keys as each other.
        Arrays.sort(order, first, to);
        double[] weights = new double[to];
        Arrays.fill(weights, 1.0 / to);
        check.add(Arrays.copyOfRange(order, first, to), weights);
        int[] rows = order;
        team.forEach(Math.ceilDiv(to - first, EXACT_TILE), (index, scratch) -> {
            int from = first + index * EXACT_TILE;
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
            check.set(state, from, count);
        });
        work += evaluation * pairs(rows, first, to);
    }

    /** Keys that the queries of rows [from, to) see together. */
    private double pairs(int[] rows, int from, int to) {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += head.last(rows[i]) + 1;
        }
        return sum;
    }
}
