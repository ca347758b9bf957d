package dev.kdeformer.pilot.causal;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.PartialRows;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.Metric;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.keys.SharedKeys;
import dev.kdeformer.pilot.search.SinkShares;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.concurrent.atomic.DoubleAdder;

/**
 * One query head under a causal rule. The queries are cut into spans of consecutive ones, inside which they are
 * sorted into tiles of similar ones. The keys that all queries of a span see are approximated, a pilot row for each
 * tile; those that only some see, at the diagonal, are exact.
 * <pre>
 *   E . . . . . . .
 *   E E . . . . . .     E  exact
 *   p p E . . . . .     p  pilot rows, near keys and groups
 *   p p E E . . . .
 *   p p p p E . . .
 *   p p p p E E . .
 *   p p p p p p E .
 *   p p p p p p E E
 * </pre>
 */
final class CausalPilot {
    /** What the first key of a diagonal is a multiple of, so that its keys start with a panel. */
    private static final int ALIGNMENT = 64;

    /** So many batches for each of several threads, if there are enough spans: they take unequal times. */
    private static final int BATCHES_PER_THREAD = 4;

    /**
     * Queries [from, to), all of which see all keys before {@code keys}.
     *
     * @param keys 0 where so few are shared that all are computed exactly
     * @param ends where the shared keys end in every group; null if there are none
     */
    record Span(int from, int to, int keys, int[] ends) {
    }

    private final KeyHead head;
    private final int member;
    private final CausalKeys keys;
    private final Rows queries;
    private final Metric metric;
    /** What to add to a query's index to get the last key it sees. */
    private final long offset;
    /** Most folded keys that a tile draws to tilt values. */
    private final int tilt;
    private final PartialRows rows;

    /** What is done with a query head. */
    interface Member {
        /**
         * Does it; memory that is taken from the team's scratch meanwhile is given back.
         *
         * @param member index of the query head among those of the key head
         */
        void accept(int member, CausalPilot head);
    }

    /**
     * Does something with every query head of a unit.
     *
     * @return false if no key is visible; nothing has been done then
     */
    static boolean forEach(Unit unit, Member each) {
        float scale = unit.call().input().scale();
        Team team = unit.team();
        return SharedKeys.forEach(unit.head(), scale, unit.options().expansion().groups(),
                groups -> CausalKeys.of(unit.head(), groups, scale, team), (member, queries, keys) -> {
                    Metric metric = Metric.of(keys.groups().keys(), team);
                    each.accept(member, new CausalPilot(unit, member, keys, metric, queries));
                }, team);
    }

    /**
     * Prepares, with memory from the team's scratch.
     *
     * @param metric  that of the keys
     * @param queries times the scale, in the caller's order
     */
    CausalPilot(Unit unit, int member, CausalKeys keys, Metric metric, Rows queries) {
        AttentionInput input = unit.call().input();
        this.head = unit.head();
        this.member = member;
        this.keys = keys;
        this.queries = queries;
        this.offset = input.mask().causalOffset(input.queries(), input.keys());
        this.tilt = keys.groups().valuesFollow() ? unit.options().expansion().tilt() : 0;
        this.metric = metric;
        this.rows = new PartialRows(unit.team().scratch(), queries.count(), head.value().columns());
    }

    /**
     * Computes the output of all spans that hold one of some rows.
     *
     * @param wanted marks of the rows; null for all spans
     * @return floating-point operations
     */
    double run(CausalEffort effort, boolean[] wanted, Team team) {
        int[] starts = starts(effort);
        Span[] spans = new Span[starts.length - 1];
        int used = 0;
        for (int i = 0; i < spans.length; i++) {
            Span span = span(effort, starts[i], starts[i + 1]);
            if (holds(span.from, span.to, wanted)) {
                spans[used++] = span;
            }
        }
        int all = used;
        // What a batch holds changes no result, so it may depend on the number of threads.
        int each = team.threads() == 1 ? used : used / (BATCHES_PER_THREAD * team.threads());
        int together = Math.max(1, Math.min(CausalBatch.ROWS >> effort.levels(), each));
        int batches = Math.ceilDiv(used, together);
        DoubleAdder work = new DoubleAdder();
        team.forEach(batches, (index, scratch) -> {
            // The last see most keys and should not be left for the end.
            int batch = batches - 1 - index;
            Span[] part = Arrays.copyOfRange(spans, batch * together, Math.min(all, (batch + 1) * together));
            for (Span span : part) {
                rows.clear(span.from, span.to);
            }
            work.add(new CausalBatch(this, effort, null, team, scratch).run(part));
            for (Span span : part) {
                work.add(diagonal(span, scratch));
                team.advance(span.to - span.from);
            }
        });
        return work.sum();
    }

    /**
     * Lets visitors take the tiles of all spans in place of attention, which are dealt to them in turns.
     *
     * @param shares number of visitors
     */
    void visit(CausalEffort effort, int shares, Team team, SpanVisitor.Maker maker) {
        int[] starts = starts(effort);
        int together = CausalBatch.ROWS >> effort.levels();
        team.forEach(shares, (share, scratch) -> {
            SpanVisitor visitor = maker.make(share, scratch);
            Span[] batch = new Span[together];
            int count = 0;
            for (int i = share; i + 1 < starts.length; i += shares) {
                Span span = span(effort, starts[i], starts[i + 1]);
                if (span.keys > 0) {
                    batch[count++] = span;
                }
                if (count == together || count > 0 && i + shares + 1 >= starts.length) {
                    long mark = scratch.mark();
                    new CausalBatch(this, effort, visitor, team, scratch).run(Arrays.copyOf(batch, count));
                    scratch.release(mark);
                    count = 0;
                }
            }
        });
    }

    /** The first key that every query meets exactly: those before it are approximated. */
    int[] firstExact(CausalEffort effort) {
        int[] starts = starts(effort);
        int[] first = new int[queries.count()];
        for (int i = 0; i + 1 < starts.length; i++) {
            Arrays.fill(first, starts[i], starts[i + 1], span(effort, starts[i], starts[i + 1]).keys);
        }
        return first;
    }

    /** First query of every span of an effort, and n after the last. */
    int[] starts(CausalEffort effort) {
        int n = queries.count();
        int count = Math.ceilDiv(n, effort.span());
        int[] starts = new int[count + 1];
        Arrays.setAll(starts, span -> (int) ((long) n * span / count));
        return starts;
    }

    /** Queries that {@link #run} computes for some wanted rows. */
    int covered(CausalEffort effort, boolean[] wanted) {
        int[] starts = starts(effort);
        int covered = 0;
        for (int i = 0; i + 1 < starts.length; i++) {
            covered += holds(starts[i], starts[i + 1], wanted) ? starts[i + 1] - starts[i] : 0;
        }
        return covered;
    }

    private static boolean holds(int from, int to, boolean[] wanted) {
        if (wanted == null) {
            return true;
        }
        for (int i = from; i < to; i++) {
            if (wanted[i]) {
                return true;
            }
        }
        return false;
    }

    private Span span(CausalEffort effort, int from, int to) {
        int shared = (int) Math.max(0, Math.min(head.keys(), from + offset + 1)) / ALIGNMENT * ALIGNMENT;
        shared = shared < effort.shortest() ? 0 : shared;
        return new Span(from, to, shared, shared == 0 ? null : keys.ends(shared));
    }

    /** The exact part of a span, which ends its work; returns floating-point operations. */
    private double diagonal(Span span, Scratch scratch) {
        PackedKeys ordered = keys.ordered();
        QueryTile tile = scratch.keep(QueryTile.class, QueryTile::new);
        SoftmaxTile state = scratch.keep(SoftmaxTile.class, SoftmaxTile::new);
        Matrix query = head.query(member);
        Matrix logSumExp = head.logSumExp(member);
        double pairs = 0;
        for (int first = span.from; first < span.to; first += QueryTile.ROWS) {
            int count = Math.min(QueryTile.ROWS, span.to - first);
            int last = (int) Math.max(-QueryTile.ROWS, Math.min(Integer.MAX_VALUE, first + offset));
            tile.load(query, 0, first, count, ordered.scale());
            state.begin(count, ordered.dv());
            state.add(tile, ordered, span.keys, ordered.count(), last);
            rows.merge(state, count, 0, first);
            rows.write(first, count, head.output(member), logSumExp,
                    logSumExp == null ? null : head.shift(query, 0, first, count, keys.groups().centre()));
            pairs += (double) count * Math.max(0, Math.min(ordered.count(), (long) last + count) - span.keys);
        }
        return 2 * pairs * (ordered.d() + ordered.dv());
    }

    /** Queries in the caller's form. */
    Matrix query() {
        return head.query(member);
    }

    /** What a sink will leave of the rows; null for all. */
    SinkShares sinks() {
        return SinkShares.of(head, member, keys.groups().centre());
    }

    /** Where the results go. */
    Matrix output() {
        return head.output(member);
    }

    /** The last key that a query sees; below 0 for none. */
    int last(int query) {
        return (int) Math.max(-1, Math.min(head.keys() - 1L, query + offset));
    }

    /** Most folded keys that a tile draws to tilt values. */
    int tilt() {
        return tilt;
    }

    CausalKeys keys() {
        return keys;
    }

    /** Queries times the scale, in the caller's order. */
    Rows queries() {
        return queries;
    }

    /** In which queries are similar. */
    Metric metric() {
        return metric;
    }

    /**
     * Adds what a tile sums up.
     *
     * @param index the query of every row, from {@code from} on
     */
    void merge(SoftmaxTile state, int[] index, int from, int count, Scratch scratch) {
        long mark = scratch.mark();
        rows.merge(state, count, scratch.ints(index, from, count), 0);
        scratch.release(mark);
    }
}
