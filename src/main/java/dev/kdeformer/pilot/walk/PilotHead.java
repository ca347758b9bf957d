package dev.kdeformer.pilot.walk;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Leverage;
import dev.kdeformer.pilot.keys.Metric;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.search.PilotOptions;
import dev.kdeformer.pilot.search.SinkShares;
import dev.kdeformer.pilot.search.Stragglers;
import dev.kdeformer.pilot.tile.DrawnKeys;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import java.util.concurrent.atomic.DoubleAdder;

/** One query head: its queries in tree order, the keys they meet, and where the results go. */
public final class PilotHead {
    /** "far", so that no other user of the seed draws the same. */
    private static final long SAMPLING = 0x666172;

    /** Keys that one task packs. */
    private static final int PACKED = 16 * Lanes.PANEL;

    private final KeyHead head;
    private final int member;
    private final PilotOptions options;
    private final KeyGroups keys;
    private final Rows queries;
    private final int levels;
    private final Narrowing narrowing;
    private final int[] order;
    private final long orderAddress;
    private final int[] offsets;
    /** The stragglers; null until they are looked for. */
    private final int[] planned;
    private final int[] keyAtRow;
    private final Candidates all;
    private final Matrix query;
    private final Matrix output;
    private final Matrix logSumExp;
    private final CounterRandom sampling;
    private final int samples;
    private final double alike;
    /** What has been found at the top of the tree; null where a walk has to look itself. */
    private final NodeChoice[] tops;

    /**
     * Sorts the queries.
     *
     * @param unsorted the queries times the scale, in the caller's order
     */
    public PilotHead(KeyHead head, int member, PilotOptions options, KeyGroups keys, Rows unsorted, Team team) {
        this.head = head;
        this.member = member;
        this.options = options;
        this.samples = options.draws().unbiased();
        this.alike = FarDraw.ALIKE;
        this.sampling = CounterRandom.of(options.draws().seed()).stream(SAMPLING, head.index(), member);
        this.keys = keys;
        int n = unsorted.count();
        Scratch kept = team.scratch();
        Metric metric = Metric.of(keys.keys(), team);
        int tile = options.budget() == null ? options.cuts().tile() : Effort.TILE;
        int coarse = BalancedTree.leafLevel(n, tile);
        this.order = BalancedTree.order(unsorted, metric, coarse, team);
        long mark = kept.mark();
        Rows sorted = unsorted.picked(order, team);
        this.keyAtRow = keyAtRow(head, keys);
        int[][] near = {new int[0]};
        Narrowing[] seen = new Narrowing[1];
        Rows coarsely = sorted;
        team.forEach(2, (index, scratch) -> {
            if (index == 0) {
                seen[0] = Narrowing.of(coarsely, coarse);
            } else if (n == head.key().rows()) {
                near[0] = OffsetKeys.find(unsorted, keys, keyAtRow, scratch);
            }
        });
        Narrowing found = seen[0];
        this.levels = found.narrows() ? BalancedTree.leafLevel(n, Narrowing.smaller(tile)) : coarse;
        if (levels > coarse) {
            kept.release(mark);
            BalancedTree.refine(unsorted, metric, order, coarse, levels, team);
            sorted = unsorted.picked(order, team);
            found = Narrowing.of(sorted, levels);
        }
        this.queries = sorted;
        this.narrowing = found;
        this.orderAddress = kept.ints(order, 0, n);
        this.query = head.query(member);
        this.output = head.output(member);
        this.logSumExp = head.logSumExp(member);
        this.all = Candidates.all(keys);
        this.tops = null;
        this.offsets = near[0];
        this.planned = null;
    }

    /**
     * A head whose queries have been sorted before. They are not loaded.
     *
     * @param keyAtRow the centred key of a caller's row, or −1
     * @param plan     what is known of the head
     */
    PilotHead(KeyHead head, int member, PilotOptions options, KeyGroups keys, int[] keyAtRow, HeadPlan plan,
            Team team) {
        this.head = head;
        this.member = member;
        this.options = options;
        this.samples = options.draws().unbiased();
        this.alike = FarDraw.ALIKE;
        this.sampling = CounterRandom.of(options.draws().seed()).stream(SAMPLING, head.index(), member);
        this.keys = keys;
        this.order = plan.order();
        this.levels = plan.narrowing().levels();
        this.orderAddress = team.scratch().ints(order, 0, order.length);
        this.queries = Rows.allocate(team.scratch(), order.length, head.key().columns());
        this.narrowing = plan.narrowing();
        this.query = head.query(member);
        this.output = head.output(member);
        this.logSumExp = head.logSumExp(member);
        this.tops = plan.tops();
        this.all = tops == null ? Candidates.all(keys) : null;
        this.keyAtRow = keyAtRow;
        this.offsets = plan.offsets();
        this.planned = plan.stragglers();
    }

    /** The centred key of every row of the caller, or −1. */
    static int[] keyAtRow(KeyHead head, KeyGroups keys) {
        int[] keyAtRow = new int[head.keys()];
        Arrays.fill(keyAtRow, -1);
        for (int j = 0; j < keys.count(); j++) {
            keyAtRow[keys.order()[j]] = j;
        }
        return keyAtRow;
    }

    /**
     * Checks that what has been found at the top is what a walk with an effort looks for.
     *
     * @throws IllegalArgumentException if it is not
     */
    void checkTops(Effort effort) {
        if (tops == null) {
            return;
        }
        int level = topLevel(effort);
        int n = order.length;
        int m = keys.count();
        boolean fits = samples == 0 && tops.length == 1 << level
                && HeadPlan.keepsTops(effort, narrowing, n, m, level, leafLevel(effort));
        for (int node = 0; fits && node < tops.length; node++) {
            int wanted = HeadPlan.wanted(effort, narrowing, n, level, node);
            fits = tops[node].count() >= 1 && tops[node].count() <= Math.min(m, (long) wanted + mostForced())
                    && tops[node].far().tilt().length > 0 == tilts();
        }
        if (!fits) {
            throw new IllegalArgumentException("bytes of a plan must have the nodes at the top of the tree of " + n
                    + " queries, or none");
        }
    }

    /** Loads the queries of all top nodes that hold one of the wanted positions [from, to), which are not empty. */
    void load(Effort effort, int from, int to, float scale, Team team) {
        int level = topLevel(effort);
        int n = order.length;
        int node = 0;
        while (BalancedTree.start(n, level, node + 1) <= from) {
            node++;
        }
        int first = BalancedTree.start(n, level, node);
        while (BalancedTree.start(n, level, node) < to) {
            node++;
        }
        int last = BalancedTree.start(n, level, node);
        Rows own = queries.slice(first, last);
        own.fill(query, Arrays.copyOfRange(order, first, last), null, scale, team);
        keys.reflection().apply(own, team);
    }

    /** What parts of the head would repeat otherwise; memory is that of the keys. */
    HeadPlan plan(FixedPass fixed, Team team, DoubleAdder work) {
        Effort effort = fixed.effort();
        int topLevel = topLevel(effort);
        boolean kept = samples == 0 && HeadPlan.keepsTops(effort, narrowing, order.length, keys.count(), topLevel,
                leafLevel(effort));
        NodeChoice[] found = kept ? new NodeChoice[1 << topLevel] : null;
        if (kept) {
            int together = together(Math.max(1, Integer.highestOneBit(found.length / team.threads())));
            team.forEach(found.length / together, (index, scratch) -> {
                PilotWalk walk = new PilotWalk(this, Pass.of(effort), team, scratch);
                walk.keep(topLevel, index * together, together, found);
                work.add(walk.work());
            });
        }
        return new HeadPlan(order, offsets, narrowing, fixed.stragglers(), found);
    }

    /**
     * Some of the queries of another head.
     *
     * @param positions in the other's order
     * @param samples   keys that every tile draws
     * @param alike     the part of them that takes all keys alike
     * @param tile      queries of the leaves
     */
    PilotHead(PilotHead first, int[] positions, int samples, double alike, int tile, Team team) {
        int n = positions.length;
        Rows some = first.queries.picked(positions, team);
        this.head = first.head;
        this.member = first.member;
        this.options = first.options;
        this.samples = samples;
        this.alike = alike;
        // Apart from what the other has drawn.
        this.sampling = first.sampling.stream(SAMPLING);
        this.keys = first.keys;
        this.levels = BalancedTree.leafLevel(n, tile);
        int[] sorted = BalancedTree.order(some, Metric.of(keys.keys(), team), levels, team);
        this.queries = some.picked(sorted, team);
        this.narrowing = Narrowing.of(queries, levels);
        this.order = new int[n];
        Arrays.setAll(order, i -> first.order[positions[sorted[i]]]);
        this.orderAddress = team.scratch().ints(order, 0, n);
        this.query = first.query;
        this.output = first.output;
        this.logSumExp = first.logSumExp;
        this.all = first.all;
        this.keyAtRow = first.keyAtRow;
        this.offsets = first.offsets;
        this.tops = null;
        this.planned = null;
    }

    /** The key head that the queries read. */
    public KeyHead keyHead() {
        return head;
    }

    /** All keys, packed for exact attention. */
    PackedKeys packedKeys(Team team) {
        PackedKeys packed = new PackedKeys(team.scratch(), keys.count(), keys.keys().columns(),
                keys.values().columns(), LogitScale.of(1));
        int[] identity = new int[keys.count()];
        Arrays.setAll(identity, j -> j);
        team.forRanges(packed.padded(), PACKED, (from, to, scratch) -> scratch.keep(Packer.class, Packer::new)
                .packRows(packed, from, to, identity, keys.keys().at(), keys.values().at(), keys.biases()));
        return packed;
    }

    /** The pass at the fixed cost of the options. */
    public FixedPass fixedPass(AttentionInput input, Team team) {
        FixedCost cost = FixedCost.of(options, input, keys.count(), keys.valuesFollow());
        int[] stragglers = planned != null ? planned : stragglers(cost, team);
        return new FixedPass(cost.effort(options, narrowing, stragglers.length), stragglers);
    }

    private int[] stragglers(FixedCost cost, Team team) {
        int most = cost.mostStragglers(options);
        if (most == 0) {
            return new int[0];
        }
        Stragglers found = Stragglers.of(leverage(team).parts(), most);
        return cost.worthwhile(options, found.positions().length, found.part()) ? found.positions() : new int[0];
    }

    /** The leverages of the queries in the smallest tiles. */
    Leverage leverage(Team team) {
        return Leverage.of(queries, BalancedTree.starts(queries.count(), levels), keys.keys(), team);
    }

    /** Computes the output of all tiles that a pass wants. */
    Pass.Done run(Pass pass, Team team) {
        Effort effort = pass.effort();
        int topLevel = topLevel(effort);
        DoubleAdder work = new DoubleAdder();
        DoubleAdder share = new DoubleAdder();
        int nodes = 1 << topLevel;
        int open = 0;
        for (int node = 0; node < nodes; node++) {
            int to = BalancedTree.start(queries.count(), topLevel, node + 1);
            open += pass.wanted(BalancedTree.start(queries.count(), topLevel, node), to) > 0 ? 1 : 0;
        }
        int together = together(Math.max(1, Integer.highestOneBit(open / team.threads())));
        team.forEach(nodes / together, (index, scratch) -> {
            PilotWalk walk = new PilotWalk(this, pass, team, scratch);
            for (int node = index * together; node < (index + 1) * together && tops != null; node++) {
                walk.below(topLevel, node, tops[node]);
            }
            if (tops == null) {
                walk.top(topLevel, index * together, together);
            }
            work.add(walk.work());
            share.add(walk.projected());
            team.advance((long) together * Math.max(1, queries.count() >> topLevel));
        });
        return new Pass.Done(work.sum(), share.sum());
    }

    /** How many of {@code nodes} siblings are worked on together. */
    int together(int nodes) {
        return PilotWalk.together(nodes, samples());
    }

    /** Number of nodes that a walk starts from. */
    public int topNodes(Effort effort) {
        return 1 << topLevel(effort);
    }

    /** Walks the whole tree in {@code shares} parts, each with a visitor of its own. */
    public void visit(Effort effort, int shares, Team team, NodeVisitor.Maker maker) {
        int topLevel = topLevel(effort);
        int nodes = 1 << topLevel;
        team.forEach(shares, (share, scratch) -> {
            PilotWalk walk = new PilotWalk(this, Pass.of(effort), team, scratch, maker.make(share, scratch));
            for (int node = (int) ((long) share * nodes / shares); node < (share + 1L) * nodes / shares; node++) {
                walk.top(topLevel, node, 1);
            }
        });
    }

    /** The level of the leaves. */
    int leafLevel(Effort effort) {
        return Math.min(levels, BalancedTree.leafLevel(queries.count(), effort.tile()));
    }

    int topLevel(Effort effort) {
        return effort.topLevel(queries.count(), keys.count(), leafLevel(effort));
    }

    /** Most candidates that a leaf can be handed. */
    int mostLeafCandidates(Effort effort) {
        int leaf = leafLevel(effort);
        if (topLevel(effort) >= leaf) {
            return keys.count();
        }
        long rows = (queries.count() >> leaf - PilotWalk.LEVELS) + 1L;
        return (int) Math.min(keys.count(), Math.max(effort.near(), effort.candidates() * rows) + mostForced());
    }

    /** Most keys that offsets can force into a node's list beyond the wanted number. */
    int mostForced() {
        return HeadPlan.mostForced(offsets.length, keys.count(), order.length);
    }

    /** Writes the rows of a finished tile. */
    void finish(SoftmaxTile state, int from, int count) {
        finish(state, orderAddress, from, count);
    }

    /**
     * Writes rows that lie anywhere.
     *
     * @param rows address of ints, the caller's rows
     */
    void finish(SoftmaxTile state, long rows, int from, int count) {
        state.finish(output, logSumExp, rows, from,
                logSumExp == null ? null : head.shift(query, rows, from, count, keys.centre()));
    }

    /** What a sink will leave of the rows; null for all. */
    SinkShares sinks() {
        return SinkShares.of(head, member, keys.centre());
    }

    /** Where the results go, in the caller's order. */
    Matrix output() {
        return output;
    }

    /** The keys of the head in their groups. */
    public KeyGroups keys() {
        return keys;
    }

    Candidates all() {
        return all;
    }

    /** Queries times the scale, in tree order. */
    public Rows queries() {
        return queries;
    }

    /** The caller's row of every position. */
    public int[] order() {
        return order;
    }

    /** The centred key at a distance from the query at a position, or −1. */
    int keyAt(int position, int offset) {
        int row = order[position] + offset;
        return row < 0 || row >= keyAtRow.length ? -1 : keyAtRow[row];
    }

    /** Address of ints, the caller's row of every position. */
    public long orderAddress() {
        return orderAddress;
    }

    int[] offsets() {
        return offsets;
    }

    /** How the queries come closer from level to level. */
    Narrowing narrowing() {
        return narrowing;
    }

    /** Depth of the tree. */
    public int levels() {
        return levels;
    }

    /** Directions of the spread. */
    int rank() {
        int most = Math.min(queries.columns(), PilotWalk.MOST_RANK);
        return keys.valuesFollow() ? Math.min(options.expansion().rank(), most) : 0;
    }

    /**
     * Whether values move with the query. A tilt from drawn keys is no sum over all folded ones, and so has no part
     * that a sample could take away.
     */
    boolean tilts() {
        return keys.valuesFollow() && options.expansion().tilt() > 0 && samples == 0;
    }

    /** How many folded keys a node of that many queries draws to tilt values. */
    int drawn(int size) {
        return tilts() ? DrawnKeys.wanted(options.expansion().tilt(), size) : 0;
    }

    /** Keys that are drawn for every tile to take the bias out of its far part; 0 for none. */
    int samples() {
        return samples;
    }

    /** The part of the drawn keys that takes all keys alike. */
    double alike() {
        return alike;
    }

    /** The random numbers of the tile that starts at a position. */
    CounterRandom random(int position) {
        return sampling.stream(position);
    }
}
