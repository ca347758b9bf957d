package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import jdk.incubator.vector.FloatVector;

/**
 * One thread's walk down a part of the query tree: at every node the pilot row of its candidates, the choice of those
 * that go on, the folding of the rest; at a leaf the attention of its queries to the near keys and the far groups.
 */
final class PilotWalk {
    /** Levels of the binary tree from a node to its children: four children each. */
    static final int LEVELS = 2;

    /** Queries that the spread of a node is measured on. */
    private static final int SAMPLE = 128;

    private static final int LEAST_NEAR = 16;

    /** Candidates that together hold less than this part of the mass are dropped instead of folded. */
    private static final double NEGLIGIBLE = 1e-3;

    private final PilotHead head;
    private final Team team;
    private final Effort effort;
    private final int leafLevel;
    private final NodeScratch buffers;
    private final Scratch scratch;
    private final KeyGroups keys;
    private final int d;
    private final int stride;
    private final int valueStride;
    private final Fold fold;
    private final FarField[] fars;
    private final Candidates[] lists;
    private final float[][] centres;
    private final boolean[] forced;
    private final TileAttention attention;
    private final long noBias;
    /** Null where the far part stays as it is. */
    private final FarCorrection correction;
    private final NodeVisitor visitor;
    private double work;
    private double projected;
    private float best;
    private double mass;

    PilotWalk(PilotHead head, Effort effort, Team team, Scratch scratch) {
        this(head, effort, team, scratch, null);
    }

    /**
     * @param visitor goes along and takes the leaves; null for attention
     */
    PilotWalk(PilotHead head, Effort effort, Team team, Scratch scratch, NodeVisitor visitor) {
        this.visitor = visitor;
        this.team = team;
        this.head = head;
        this.effort = effort;
        this.scratch = scratch;
        this.buffers = scratch.keep(NodeScratch.class, NodeScratch::new);
        this.keys = head.keys();
        this.d = keys.keys().columns();
        this.stride = keys.keys().stride();
        this.valueStride = keys.values().stride();
        int groups = keys.groups();
        this.leafLevel = head.leafLevel(effort);
        int depth = leafLevel / LEVELS + 2;
        this.fold = new Fold(groups, stride, valueStride,
                head.tiltsWhole() ? keys.values().columns() : 0);
        this.fars = new FarField[depth];
        this.lists = new Candidates[depth];
        this.centres = new float[depth][stride];
        for (int i = 0; i < depth; i++) {
            fars[i] = new FarField(groups, d, stride, valueStride, head.rank() > 0);
        }
        this.forced = head.offsets().length == 0 ? null : new boolean[keys.count()];
        this.attention = new TileAttention(keys, head.mostLeafCandidates(effort), head.rank() > 0, buffers, scratch);
        this.noBias = scratch.floats(PANEL);
        Memory.fillFloats(noBias, PANEL, 0);
        buffers.room(keys.count());
        this.correction = head.samples() == 0 ? null : new FarCorrection(head, depth, scratch);
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

    /** Walks from a top node down to the leaves that the head wants. */
    void top(int level, int node) {
        visit(level, node, 0, head.all(), null);
    }

    private void visit(int level, int node, int depth, Candidates list, FarField parent) {
        int from = BalancedTree.start(head.queries().count(), level, node);
        int to = BalancedTree.start(head.queries().count(), level, node + 1);
        int queries = head.wanted(from, to);
        if (queries == 0) {
            return;
        }
        team.check();
        boolean leaf = level >= leafLevel;
        buffers.subspace.find(head.queries(), null, from, to, SAMPLE, head.rank(), null, scratch);
        System.arraycopy(buffers.subspace.mean(), 0, centres[depth], 0, stride);
        FarField far = fars[depth];
        if (parent == null) {
            far.clear();
        } else {
            float[] shift = new float[stride];
            for (int c = 0; c < d; c++) {
                shift[c] = centres[depth][c] - centres[depth - 1][c];
            }
            far.move(parent, shift);
        }
        if (correction != null) {
            correction.layer(depth).enter(parent, far);
        }
        if (visitor != null) {
            visitor.enter(depth, centres[depth], far);
        }
        int wanted = leaf ? effort.near() : Math.max(effort.near(), effort.candidates() * (to - from));
        if (!leaf && list.count <= wanted) {
            descend(level, node, depth, list, far);
            return;
        }
        double before = work;
        measure(list);
        float top = ScoreKernel.largest(buffers.logits, list.count);
        for (int g = 0; g < keys.groups(); g++) {
            top = Math.max(top, far.logMass(g));
        }
        best = ScoreKernel.scores(buffers.logits, buffers.spreads, list.count, buffers.scores);
        mass = ScoreKernel.weights(buffers.logits, list.count, top, buffers.weights, buffers.lanes) + far.mass(top);
        force(from, to, true);
        if (leaf) {
            int count = choose(list, buffers.near, leafWanted(list, top));
            force(from, to, false);
            leaveOut(list, buffers.near, count, depth, top);
            foldRest(far, depth, top);
            tiltMiddle(far, top);
            if (correction != null) {
                correction.draw(depth, from, centres, far, buffers);
            }
            if (visitor == null) {
                attend(from, to, depth, count, far);
            } else {
                visitor.leaf(depth, from, to, buffers.near, count, far);
                visitor.leave(depth, far);
            }
            projected += Math.rint((work - before) * queries / (to - from));
            return;
        }
        Candidates kept = list(depth, wanted);
        kept.count = choose(list, kept.index, wanted);
        force(from, to, false);
        leaveOut(list, kept.index, kept.count, depth, top);
        foldRest(far, depth, top);
        kept.pack(keys, buffers.packer);
        projected += Math.rint((work - before) * queries / (to - from));
        descend(level, node, depth, kept, far);
    }

    private void descend(int level, int node, int depth, Candidates list, FarField far) {
        int down = Math.min(LEVELS, leafLevel - level);
        for (int child = 0; child < 1 << down; child++) {
            visit(level + down, (node << down) + child, depth + 1, list, far);
        }
        if (visitor != null) {
            visitor.leave(depth, far);
        }
    }

    private Candidates list(int depth, int capacity) {
        int room = Math.min(keys.count(), capacity + head.mostForced());
        if (lists[depth] == null || lists[depth].capacity < room) {
            lists[depth] = Candidates.empty(room, d, scratch);
        }
        return lists[depth];
    }

    /** The pilot row and the spread of every candidate. */
    private void measure(Candidates list) {
        int rank = head.rank();
        float[] left = buffers.pilot;
        PrincipalSubspace subspace = buffers.subspace;
        System.arraycopy(subspace.mean(), 0, left, 0, d);
        double rest = subspace.trace();
        for (int r = 0; r < rank; r++) {
            System.arraycopy(subspace.directions(), r * STRIDE, left, (r + 1) * STRIDE, d);
            rest -= subspace.variance(r);
        }
        rest = Math.max(0, rest / Math.max(1, d - rank));
        float[] panel = buffers.panel;
        int capacity = buffers.capacity;
        for (int first = 0; first < list.count; first += PANEL) {
            long packed = list.panels + ((long) first * Candidates.lines(d) << 2);
            LogitKernel.logits(left, 1 + rank, d, packed, noBias, panel, 0);
            long biases = packed + ((long) d * PANEL << 2);
            long squares = biases + PANEL * 4L;
            for (int c = 0; c < PANEL; c += LANES) {
                int j = first + c;
                FloatVector.fromArray(FLOATS, panel, c).add(Lanes.load(biases + c * 4L))
                        .intoArray(buffers.logits, j);
                FloatVector spread = Lanes.load(squares + c * 4L).mul((float) rest);
                for (int r = 0; r < rank; r++) {
                    FloatVector x = FloatVector.fromArray(FLOATS, panel, (r + 1) * STRIDE + c);
                    x.intoArray(buffers.components, r * capacity + j);
                    float more = (float) (subspace.variance(r) - rest);
                    spread = x.mul(x).fma(FloatVector.broadcast(FLOATS, more), spread);
                }
                spread.intoArray(buffers.spreads, j);
            }
        }
        // Padding up to whole vectors must not be the largest of anything.
        for (int j = list.count; j < Lanes.roundUp(list.count, LANES); j++) {
            buffers.logits[j] = FarField.EMPTY;
            buffers.spreads[j] = 0;
        }
        work += 2.0 * (1 + rank) * d * list.count;
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

    private int leafWanted(Candidates list, float top) {
        if (!effort.isAdaptive()) {
            return effort.near();
        }
        float lowest = (float) (effort.threshold() + 2 * (Math.log(mass) + top));
        int count = ScoreKernel.above(buffers.scores, list.count, lowest);
        return Math.max(LEAST_NEAR, Lanes.roundUp(count, LEAST_NEAR));
    }

    /** Splits the list into the {@code wanted} best, forced ones included, and the folded rest. */
    private int choose(Candidates list, int[] chosen, int wanted) {
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
        return buffers.choice.split(buffers, list.index, count, chosen, negligible(count),
                head.tiltsWhole() ? 0 : head.rank());
    }

    /** A weight so small that all of {@code count} candidates below it together change nothing that matters. */
    private float negligible(int count) {
        return (float) (NEGLIGIBLE * mass / count);
    }

    private void leaveOut(Candidates list, int[] chosen, int taken, int depth, float top) {
        if (correction != null) {
            correction.layer(depth).rest(keys, list, chosen, taken, buffers, top, negligible(list.count));
        }
    }

    private void foldRest(FarField far, int depth, float top) {
        int count = buffers.foldedCount;
        if (count == 0) {
            return;
        }
        float[] directions = buffers.subspace.directions();
        fold.sum(keys, buffers, top, head.rank());
        if (correction != null) {
            correction.layer(depth).folded(fold, far, directions, head.rank());
        }
        if (visitor != null) {
            visitor.fold(depth, far, fold, buffers);
        }
        far.merge(fold, directions, head.rank());
        int dv = keys.values().columns();
        work += (4.0 * d + (head.tiltsWhole() ? 2.0 * d * dv : 2.0 * (1 + head.rank()) * dv)) * count;
    }

    /** The folded keys of largest weight tilt the values along all directions, not only the leading ones. */
    private void tiltMiddle(FarField far, float top) {
        int wanted = Math.min(buffers.foldedCount, head.middle());
        if (wanted == 0 || head.rank() == 0 || head.tiltsWhole()) {
            return;
        }
        buffers.middle.add(keys, buffers, wanted, head.rank(), far, top, scratch);
        work += 2.0 * d * keys.values().columns() * wanted;
    }

    private void attend(int from, int to, int depth, int count, FarField far) {
        int dv = keys.values().columns();
        boolean hasFar = !far.isEmpty();
        attention.prepare(buffers.near, count, far);
        float[] variances = head.doubts() == null ? null : far.meanVariances();
        for (int first = from; first < to; first += QueryTile.ROWS) {
            int rows = Math.min(QueryTile.ROWS, to - first);
            attention.begin(head.queries(), null, first, rows);
            if (hasFar) {
                attention.addFar(centres[depth]);
            }
            if (head.doubts() != null) {
                for (int r = 0; r < rows; r++) {
                    buffers.farReferences[r] = buffers.state.reference(r);
                    buffers.farSums[r] = hasFar ? buffers.state.sum(r) : 0;
                }
            }
            attention.addNear();
            if (head.doubts() != null) {
                doubt(first, rows, variances);
            }
            if (correction != null && correction.count() > 0) {
                correction.apply(buffers.state, buffers.queries, hasFar ? buffers.deviations : null,
                        attention.farKeys());
            }
            head.finish(buffers.state, first, rows);
        }
        work += (to - from) * (2.0 * (d + dv) * (count + (hasFar ? keys.groups() : 0)) + 2.0 * d * dv);
        if (correction != null) {
            work += (to - from) * (2.0 * (d + dv) * correction.count()
                    + (hasFar ? keys.groups() * (6.0 * d + 4.0 * dv) + 2.0 * d * dv : 0));
        }
    }

    /** Notes how much each query of the tile depends on the far field, and how far it is from where that is good. */
    private void doubt(int first, int rows, float[] variances) {
        for (int r = 0; r < rows; r++) {
            double part = buffers.farSums[r] == 0 ? 0 : buffers.farSums[r] / (double) buffers.state.sum(r)
                    * Math.pow(2, (double) buffers.farReferences[r] - buffers.state.reference(r));
            float distance = 0;
            for (int c = 0; c < d && part > 0; c++) {
                float delta = buffers.deviations.data()[r * STRIDE + c];
                distance += delta * delta * variances[c];
            }
            head.doubts().note(first + r, (float) (part * distance));
        }
    }
}
