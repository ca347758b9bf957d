package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.PrincipalSubspace;
import dev.kdeformer.pilot.keys.RowRange;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.pilot.tile.ScoreKernel;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * One thread's walk down a part of the query tree: at every node the pilot row of its candidates, the choice of those
 * that go on, the folding of the rest; at a leaf the attention of its queries to the near keys and the far groups.
 *
 * <p>Siblings share their parent's list, and are measured and folded together: each key is fetched once for all of
 * them, which is what counts where keys do not fit into the caches. The order of every sum is that of one after
 * another.
 */
public final class PilotWalk {
    /** Levels of the binary tree from a node to its children: four children each. */
    public static final int LEVELS = 2;

    /** Queries that the spread of a node is measured on. */
    private static final int SAMPLE = 128;

    /** Most directions that it is measured in. */
    public static final int MOST_RANK = 4;

    /** More find better directions, but no better keys. */
    private static final int ITERATIONS = 2;

    private static final int LEAST_NEAR = 16;

    /** Candidates that together hold less than this part of the mass are dropped instead of folded. */
    private static final double NEGLIGIBLE = 1e-3;

    private final PilotHead head;
    private final Team team;
    private final Pass pass;
    private final Effort effort;
    private final int leafLevel;
    private final Siblings siblings;
    private final Scratch scratch;
    private final KeyGroups keys;
    /** How the spread of a node is found. */
    private final PrincipalSubspace.Search spread;
    private final int d;
    private final int stride;
    private final WalkNode[][] nodes;
    private final Fold[] folds;
    private final Candidates[] lists;
    private final float[][] centres;
    private final boolean[] forced;
    private final LeafAttention attention;
    private final long noBias;
    /** Null where the far part stays as it is. */
    private final FarCorrection correction;
    private final NodeVisitor visitor;
    private double work;
    private double projected;

    PilotWalk(PilotHead head, Pass pass, Team team, Scratch scratch) {
        this(head, pass, team, scratch, null);
    }

    /**
     * A walk with memory of its own.
     *
     * @param visitor goes along and takes the leaves; null for attention
     */
    PilotWalk(PilotHead head, Pass pass, Team team, Scratch scratch, NodeVisitor visitor) {
        this.visitor = visitor;
        this.team = team;
        this.head = head;
        this.pass = pass;
        this.effort = pass.effort();
        this.scratch = scratch;
        this.siblings = scratch.keep(Siblings.class, Siblings::new);
        this.keys = head.keys();
        this.spread = new PrincipalSubspace.Search(SAMPLE, head.rank(), ITERATIONS, null);
        this.d = keys.keys().columns();
        this.stride = keys.keys().stride();
        this.leafLevel = head.leafLevel(effort);
        int depth = leafLevel / LEVELS + 2;
        this.lists = new Candidates[depth];
        this.centres = new float[depth][stride];
        this.nodes = new WalkNode[depth][Siblings.MOST];
        this.folds = new Fold[Siblings.MOST];
        this.forced = head.offsets().length == 0 ? null : new boolean[keys.count()];
        this.noBias = scratch.floats(PANEL);
        Memory.fillFloats(noBias, PANEL, 0);
        this.correction = head.samples() == 0 ? null : new FarCorrection(head, depth, scratch);
        this.attention = new LeafAttention(head, pass, correction, scratch);
    }

    /** Work done, in floating-point operations. */
    double work() {
        return work;
    }

    /**
     * What the wanted queries' share of the work is when all others are walked too: each node's work times the wanted
     * part of its queries, in whole operations, so that the sum over threads is always the same.
     */
    double projected() {
        return projected;
    }

    /** Walks from {@code count} top nodes down to the leaves that the pass wants. */
    void top(int level, int first, int count) {
        visit(level, first, count, 0, head.all(), null);
    }

    /**
     * How many of some siblings are worked on together.
     *
     * @param nodes   the siblings, a power of two
     * @param samples keys that are drawn for a correction, which follows one path down the tree at a time
     */
    public static int together(int nodes, int samples) {
        return samples == 0 ? Math.min(nodes, Siblings.MOST) : 1;
    }

    /** Looks at {@code count} top nodes above the leaves, and keeps what it finds there. */
    void keep(int level, int first, int count, NodeChoice[] found) {
        int open = open(level, first, count, 0, head.all(), null);
        for (int i = 0; i < open; i++) {
            WalkNode node = nodes[0][i];
            found[node.index] = choice(node);
            account(node);
        }
    }

    private NodeChoice choice(WalkNode node) {
        FarField far = farField();
        far.become(node.far);
        return new NodeChoice(Arrays.copyOf(node.chosen, node.count + LANES), node.count, node.centre.clone(), far);
    }

    private FarField farField() {
        return new FarField(keys.groups(), d, stride, keys.values().stride(), head.tilts());
    }

    /** Walks down from a top node as it was kept. */
    void below(int level, int index, NodeChoice kept) {
        if (pass.wanted(BalancedTree.start(head.queries().count(), level, index),
                BalancedTree.start(head.queries().count(), level, index + 1)) == 0) {
            return;
        }
        System.arraycopy(kept.centre(), 0, centres[0], 0, stride);
        Candidates list = list(0, kept.count());
        list.take(kept.chosen(), kept.count(), keys, siblings.buffers[0].packer);
        descend(index, kept.far(), level, 0, list);
    }

    /** Walks from siblings, {@code count} nodes from {@code first} on, that share a list. */
    private void visit(int level, int first, int count, int depth, Candidates list, FarField parent) {
        int open = open(level, first, count, depth, list, parent);
        for (int i = 0; i < open; i++) {
            finish(nodes[depth][i], level, depth, list, level >= leafLevel);
        }
    }

    /**
     * Chooses and folds keys for siblings, but for those where it is known; returns how many of them have queries that
     * are wanted.
     */
    private int open(int level, int first, int count, int depth, Candidates list, FarField parent) {
        boolean leaf = level >= leafLevel;
        double passed = leaf ? 0 : head.narrowing().passed(level, effort);
        WalkNode[] all = nodes[depth];
        int open = 0;
        for (int i = 0; i < count; i++) {
            WalkNode node = node(depth, open);
            if (known(level, first + i) == null && enter(node, level, first + i, passed)) {
                begin(node, depth, parent);
                node.passes = !leaf && list.count <= node.wanted;
                open++;
            }
        }
        measure(all, open, list);
        for (int i = 0; i < open; i++) {
            if (!all[i].passes) {
                choose(all[i], list, leaf, depth);
            }
        }
        fold(all, open, list);
        // Before any of them goes down, where others need the same buffers.
        for (int i = 0; i < open; i++) {
            merge(all[i], list, depth);
        }
        int fresh = open;
        for (int i = 0; i < count; i++) {
            Found.Node known = known(level, first + i);
            if (known != null && enter(node(depth, open), level, first + i, passed)) {
                all[open++].become(known);
            }
        }
        if (pass.found() != null && pass.rows() != null) {
            note(level, all, fresh);
        }
        return open;
    }

    private Found.Node known(int level, int index) {
        return pass.found() == null ? null : pass.found().at(level, index);
    }

    private void note(int level, WalkNode[] all, int fresh) {
        for (int i = 0; i < fresh; i++) {
            if (!all[i].passes) {
                pass.found().note(level, all[i].index, new Found.Node(choice(all[i]), all[i].work));
            }
        }
    }

    private WalkNode node(int depth, int sibling) {
        if (nodes[depth][sibling] == null) {
            int valueStride = keys.values().stride();
            if (folds[sibling] == null) {
                folds[sibling] = new Fold(keys.groups(), stride, valueStride);
            }
            nodes[depth][sibling] = new WalkNode(siblings.buffers[sibling], folds[sibling], farField(), stride);
        }
        return nodes[depth][sibling];
    }

    private boolean enter(WalkNode node, int level, int index, double passed) {
        node.index = index;
        node.from = BalancedTree.start(head.queries().count(), level, index);
        node.to = BalancedTree.start(head.queries().count(), level, index + 1);
        node.queries = pass.wanted(node.from, node.to);
        if (node.queries == 0) {
            return false;
        }
        team.check();
        node.wanted = Math.max(effort.near(), (int) (passed * (node.to - node.from)));
        node.work = 0;
        node.spared = 0;
        return true;
    }

    private void begin(WalkNode node, int depth, FarField parent) {
        PrincipalSubspace subspace = node.buffers.subspace;
        subspace.find(new RowRange(head.queries(), null, node.from, node.to), spread, scratch);
        System.arraycopy(subspace.mean(), 0, node.centre, 0, stride);
        if (parent == null) {
            node.far.clear();
        } else {
            float[] shift = new float[stride];
            for (int c = 0; c < d; c++) {
                shift[c] = node.centre[c] - centres[depth - 1][c];
            }
            node.far.move(parent, shift);
        }
        if (correction != null) {
            correction.layer(depth).enter(parent, node.far);
        }
        if (visitor != null) {
            visitor.enter(depth, node.centre, node.far);
        }
    }

    private void choose(WalkNode node, Candidates list, boolean leaf, int depth) {
        NodeScratch buffers = node.buffers;
        // Padding up to whole vectors must not be the largest of anything.
        for (int j = list.count; j < Lanes.roundUp(list.count, LANES); j++) {
            buffers.logits[j] = FarField.EMPTY;
            buffers.spreads[j] = 0;
        }
        node.top = ScoreKernel.largest(buffers.logits, list.count);
        for (int g = 0; g < keys.groups(); g++) {
            node.top = Math.max(node.top, node.far.logMass(g));
        }
        node.mass = ScoreKernel.weights(buffers.logits, list.count, node.top, buffers.weights, buffers.lanes)
                + node.far.mass(node.top);
        float best = ScoreKernel.scores(buffers.logits, buffers.spreads, list.count,
                (float) (Math.log(node.mass) + node.top), buffers.scores);
        force(node.from, node.to, true);
        node.chosen = leaf ? buffers.near : node.room(Math.min(keys.count(), node.wanted + head.mostForced()));
        node.count = split(node, list, best, leaf ? leafWanted(node, list) : node.wanted);
        force(node.from, node.to, false);
        if (correction != null) {
            correction.layer(depth).rest(keys, list, node.chosen, node.count, buffers, node.top,
                    negligible(node, list.count));
        }
    }

    private void finish(WalkNode node, int level, int depth, Candidates list, boolean leaf) {
        System.arraycopy(node.centre, 0, centres[depth], 0, stride);
        if (!leaf) {
            Candidates kept = list;
            if (!node.passes) {
                kept = list(depth, Math.min(keys.count(), node.wanted + head.mostForced()));
                kept.take(node.chosen, node.count, keys, node.buffers.packer);
                account(node);
            }
            descend(node.index, node.far, level, depth, kept);
            return;
        }
        if (correction != null) {
            correction.draw(depth, node.from, centres, node.far, node.buffers);
        }
        if (visitor == null) {
            attention.attend(node, centres[depth]);
        } else {
            visitor.leaf(depth, node.from, node.to, node.chosen, node.count, node.far);
            visitor.leave(depth, node.far);
        }
        account(node);
    }

    private void account(WalkNode node) {
        work += node.work - node.spared;
        projected += Math.rint(node.work * node.queries / (node.to - node.from));
    }

    private void descend(int index, FarField far, int level, int depth, Candidates list) {
        int down = Math.min(LEVELS, leafLevel - level);
        int children = 1 << down;
        // A visitor follows one path down the tree at a time.
        int together = visitor == null ? head.together(children) : 1;
        for (int child = 0; child < children; child += together) {
            visit(level + down, (index << down) + child, together, depth + 1, list, far);
        }
        if (visitor != null) {
            visitor.leave(depth, far);
        }
    }

    private Candidates list(int depth, int capacity) {
        if (lists[depth] == null || lists[depth].capacity < capacity) {
            lists[depth] = Candidates.empty(capacity, d, scratch);
        }
        return lists[depth];
    }

    /** The pilot row and the spread of every candidate of nodes, a panel at a time for all of them. */
    private void measure(WalkNode[] all, int open, Candidates list) {
        int rows = 0;
        for (int i = 0; i < open; i++) {
            if (!all[i].passes) {
                prepare(all[i], rows, list.count);
                rows += 1 + head.rank();
            }
        }
        for (int first = 0; first < list.count && rows > 0; first += PANEL) {
            long packed = list.panels + ((long) first * Candidates.lines(d) << 2);
            LogitKernel.logits(siblings.pilot, rows, d, packed, noBias, siblings.panel, 0);
            int row = 0;
            for (int i = 0; i < open; i++) {
                if (!all[i].passes) {
                    spread(all[i], row, packed, first);
                    row += 1 + head.rank();
                }
            }
        }
    }

    /** The left operand of a node's pilot row: its centroid, then the directions, from a row of the siblings' on. */
    private void prepare(WalkNode node, int row, int count) {
        int rank = head.rank();
        NodeScratch buffers = node.buffers;
        buffers.room(count);
        PrincipalSubspace subspace = buffers.subspace;
        System.arraycopy(subspace.mean(), 0, siblings.pilot, row * STRIDE, d);
        double rest = subspace.trace();
        for (int r = 0; r < rank; r++) {
            System.arraycopy(subspace.directions(), r * STRIDE, siblings.pilot, (row + r + 1) * STRIDE, d);
            rest -= subspace.variance(r);
        }
        node.rest = Math.max(0, rest / Math.max(1, d - rank));
        node.work += 2.0 * (1 + rank) * d * count;
    }

    /** Takes a node's products with one panel of candidates, rows from {@code row} on, to its logits and spreads. */
    private void spread(WalkNode node, int row, long packed, int first) {
        NodeScratch buffers = node.buffers;
        float[] panel = siblings.panel;
        long biases = packed + ((long) d * PANEL << 2);
        long squares = biases + PANEL * 4L;
        for (int c = 0; c < PANEL; c += LANES) {
            int j = first + c;
            FloatVector.fromArray(FLOATS, panel, row * STRIDE + c).add(Lanes.load(biases + c * 4L))
                    .intoArray(buffers.logits, j);
            FloatVector spread = Lanes.load(squares + c * 4L).mul((float) node.rest);
            for (int r = 0; r < head.rank(); r++) {
                FloatVector x = FloatVector.fromArray(FLOATS, panel, (row + r + 1) * STRIDE + c);
                float more = (float) (buffers.subspace.variance(r) - node.rest);
                spread = fma(x.mul(x), FloatVector.broadcast(FLOATS, more), spread);
            }
            spread.intoArray(buffers.spreads, j);
        }
    }

    private void force(int from, int to, boolean value) {
        if (forced == null) {
            return;
        }
        for (int i = from; i < to; i++) {
            for (int offset : head.offsets()) {
                int key = head.keyAt(i, offset);
                if (key >= 0) {
                    forced[key] = value;
                }
            }
        }
    }

    private int leafWanted(WalkNode node, Candidates list) {
        if (!effort.isAdaptive()) {
            return effort.near();
        }
        int count = ScoreKernel.above(node.buffers.scores, list.count, (float) effort.threshold());
        if (effort.usual() > 0) {
            count = (int) Math.min(list.count, Math.sqrt((double) count * effort.usual()));
        }
        return Math.max(LEAST_NEAR, Lanes.roundUp(count, LEAST_NEAR));
    }

    /** Splits the list into the {@code wanted} best, forced ones included, and the rest that is folded. */
    private int split(WalkNode node, Candidates list, float best, int wanted) {
        NodeScratch buffers = node.buffers;
        int count = list.count;
        int certain = 0;
        if (forced != null && wanted < count) {
            for (int j = 0; j < count; j++) {
                if (forced[list.index[j]]) {
                    certain++;
                    buffers.scores[j] = Float.POSITIVE_INFINITY;
                }
            }
        }
        buffers.choice.prepare(buffers.scores, count, best, wanted, Math.max(wanted, certain));
        return buffers.choice.split(buffers, list.index, count, node.chosen, negligible(node, count));
    }

    /** A weight so small that all of {@code count} candidates below it together change nothing that matters. */
    private static float negligible(WalkNode node, int count) {
        return (float) (NEGLIGIBLE * node.mass / count);
    }

    private void fold(WalkNode[] all, int open, Candidates list) {
        siblings.fold.begin();
        for (int i = 0; i < open; i++) {
            if (all[i].folds()) {
                siblings.fold.add(all[i]);
            }
        }
        siblings.fold.run(keys, list);
    }

    /** Takes what a node folded up into its far field. */
    private void merge(WalkNode node, Candidates list, int depth) {
        if (!node.folds()) {
            return;
        }
        NodeScratch buffers = node.buffers;
        if (correction != null) {
            correction.layer(depth).folded(node.fold);
        }
        if (visitor != null) {
            visitor.fold(depth, node.far, node.fold, list, buffers);
        }
        int dv = keys.values().columns();
        int drawn = head.drawn(node.to - node.from);
        float[] tilt = null;
        if (drawn > 0) {
            buffers.drawn.draw(list.index, buffers.folded, list.count, buffers.foldedCount, drawn);
            tilt = buffers.tilt.joining(keys, buffers.drawn, node.fold, node.far, scratch);
            node.work += 2.0 * d * dv * buffers.drawn.count();
        }
        node.far.merge(node.fold, tilt);
        node.work += (4.0 * d + 2.0 * dv) * buffers.foldedCount;
    }
}
