package dev.kdeformer.pilot.causal;

import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.pilot.search.Climb;
import dev.kdeformer.pilot.search.RowSample;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;

/**
 * The passes over causal spans that an error budget chooses from: a few spans are tried at rising effort against exact
 * rows of theirs, under the same mask; the first effort that passes is run in full and then checked on other exact
 * rows, drawn uniformly, which had no part in the choice.
 */
final class SpanPasses implements Climb.Passes {
    /**
     * The way up the efforts; the costs were measured at 32 and 100 features and 16,384 keys: 1.7 to 2.2, 400 to 500.
     */
    static final Climb CLIMB = new Climb(new Climb.Cost(2, 500), new Climb.Steps(1.3, 1.5, 1.3), 0);

    private static final int TRIALS = 8;
    private static final int ROWS_PER_TRIAL = 16;
    private static final int CHECK_ROWS = 192;

    /** Rows computed together; few, because all rows of a tile cost what the last one does. */
    private static final int EXACT_TILE = 24;

    private final CausalPilot head;
    private final CounterRandom random;
    private final Team team;
    private final boolean[] tried;
    private final RowSample trial;
    private final RowSample check;
    /** Floating-point operations of a key evaluation. */
    private final double evaluation;
    /** Keys that a query sees on average. */
    private final double visible;
    private double work;

    SpanPasses(CausalPilot head, CounterRandom random, Team team) {
        this.head = head;
        this.random = random;
        this.team = team;
        int n = head.queries().count();
        evaluation = 2.0 * (head.keys().ordered().d() + head.keys().ordered().dv());
        tried = new boolean[n];
        int[] trialRows = trialRows();
        int[] checkRows = random.stream(1).sample(n, Math.min(n, CHECK_ROWS));
        trial = sample(trialRows);
        check = sample(checkRows);
        work = evaluation * (pairs(trialRows) + pairs(checkRows));
        visible = pairs(checkRows) / checkRows.length;
    }

    /** Work done, in floating-point operations. */
    double work() {
        return work;
    }

    @Override
    public int rungs() {
        return CausalEffort.LADDER.size();
    }

    @Override
    public double exact() {
        return visible;
    }

    @Override
    public Climb.Trial attempt(int rung) {
        CausalEffort effort = CausalEffort.LADDER.get(rung);
        double part = head.run(effort, tried, team);
        work += part;
        return new Climb.Trial(trial.error(), part / evaluation / head.covered(effort, tried));
    }

    @Override
    public double complete(int rung) {
        work += head.run(CausalEffort.LADDER.get(rung), null, team);
        return check.error();
    }

    /** The exact results of some rows, which are put in order. */
    private RowSample sample(int[] rows) {
        Arrays.sort(rows);
        RowSample sample = new RowSample(head.output(), null, rows);
        team.forEach(Math.ceilDiv(rows.length, EXACT_TILE), (index, scratch) -> {
            int from = index * EXACT_TILE;
            int count = Math.min(EXACT_TILE, rows.length - from);
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
        return sample;
    }

    /** Some rows of a few spans, spread over the sequence; marks them as tried. */
    private int[] trialRows() {
        int n = tried.length;
        int width = CausalEffort.LADDER.get(0).span();
        int spans = Math.ceilDiv(n, width);
        int trials = Math.min(TRIALS, spans);
        int[] rows = new int[trials * ROWS_PER_TRIAL];
        int count = 0;
        for (int t = 0; t < trials; t++) {
            int first = (int) ((long) t * spans / trials);
            int span = first + random.below(t, (int) ((long) (t + 1) * spans / trials) - first);
            int from = CausalPilot.start(n, spans, span);
            int to = CausalPilot.start(n, spans, span + 1);
            for (int r = 0; r < Math.min(ROWS_PER_TRIAL, to - from); r++) {
                int row = from + (int) ((long) r * (to - from) / ROWS_PER_TRIAL);
                if (!tried[row]) {
                    tried[row] = true;
                    rows[count++] = row;
                }
            }
        }
        return Arrays.copyOf(rows, count);
    }

    /** Keys that the queries of some rows see together. */
    private double pairs(int[] rows) {
        double sum = 0;
        for (int row : rows) {
            sum += head.last(row) + 1;
        }
        return sum;
    }
}
