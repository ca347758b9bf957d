package dev.kdeformer.pilot.causal;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.pilot.keys.BalancedTree;
import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.PrincipalSubspace;
import dev.kdeformer.pilot.keys.RowRange;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.DrawnKeys;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.FoldedKeys;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.pilot.tile.ScoreKernel;
import dev.kdeformer.pilot.tile.TileAttention;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Some spans of queries, whose tiles' pilot rows are computed together: one product of all centroids with the keys,
 * the choice of each tile's near keys, and one product of the weights of all others with keys, squared keys and values,
 * group by group.
 */
final class CausalBatch {
    /** Most pilot rows, a multiple of the height of every register tile. */
    static final int ROWS = 24;

    /** Rows of a product are computed in whole register tiles, whose heights this is a multiple of. */
    private static final int ROW_TILE = QueryTile.ROWS / 8;

    /** Floats from a block of keys to the next. */
    private static final int BLOCK = ROWS * STRIDE;

    /** The spread of a tile is measured on some of its queries, in all directions alike. */
    private static final PrincipalSubspace.Search SPREAD = new PrincipalSubspace.Search(128, 0, 0, null);

    /** Candidates that together hold less than this part of the mass are no part of the tilt. */
    private static final double NEGLIGIBLE = 1e-3;

    /** Bytes of a thread's arrays for m keys in groups. */
    static long bytes(int m, int groups, int d, int dv) {
        long blocks = Math.ceilDiv(m, DEPTH);
        long folded = 2L * Lanes.padColumns(d) + Lanes.padColumns(dv);
        return (blocks * (BLOCK + 2L * DEPTH) + groups * ROWS * folded * 2) * Float.BYTES;
    }

    /** Arrays of one thread. */
    private static final class Buffers {
        private final float[] centroids = new float[ROWS * STRIDE];
        private float[] weights = new float[0];
        private float[] sums = new float[0];
        private double[] masses = new double[0];
        private float[] squares = new float[0];
        private int[] index = new int[0];

        void room(int keys, int groups, int width) {
            int blocks = Math.ceilDiv(keys, DEPTH);
            if (weights.length < blocks * BLOCK) {
                weights = new float[blocks * BLOCK];
                squares = new float[blocks * DEPTH + LANES];
                index = new int[blocks * DEPTH + LANES];
            }
            if (sums.length < groups * ROWS * width) {
                sums = new float[groups * ROWS * width];
            }
            if (masses.length < groups * ROWS) {
                masses = new double[groups * ROWS];
            }
        }
    }

    /** One pilot row. */
    private static final class Tile {
        private CausalPilot.Span span;
        private int[] index;
        private int from;
        private int to;
        private float[] centre;
        private float spread;
        private int[] near;
        private int nearCount;
        private FarField far;
        /** What the masses of the far field are relative to. */
        private float top;
        private final DrawnKeys drawn = new DrawnKeys();
    }

    private final CausalPilot head;
    private final CausalEffort effort;
    private final int tilt;
    private final Team team;
    private final Scratch scratch;
    /** Takes the tiles; null for attention. */
    private final SpanVisitor visitor;
    private final NodeScratch node;
    private final Buffers buffers;
    private final KeyGroups keys;
    private final int d;
    private final int stride;
    private final int valueStride;
    private final int width;
    private final Tile[] tiles = new Tile[ROWS];
    private int count;
    private double work;

    /**
     * A batch of spans with memory of its own.
     *
     * @param visitor takes the tiles; null for attention
     */
    CausalBatch(CausalPilot head, CausalEffort effort, SpanVisitor visitor, Team team, Scratch scratch) {
        this.head = head;
        this.visitor = visitor;
        this.effort = effort;
        this.tilt = head.tilt();
        this.team = team;
        this.scratch = scratch;
        keys = head.keys().groups();
        d = keys.keys().columns();
        stride = keys.keys().stride();
        valueStride = keys.values().stride();
        width = 2 * stride + valueStride;
        node = scratch.keep(NodeScratch.class, NodeScratch::new);
        node.room(keys.count());
        buffers = scratch.keep(Buffers.class, Buffers::new);
        buffers.room(keys.count(), keys.groups(), width);
    }

    /** Adds what the spans' tiles sum up over the keys before them; returns floating-point operations. */
    double run(CausalPilot.Span[] spans) {
        CausalPilot.Span last = spans[spans.length - 1];
        if (last.keys() == 0) {
            return 0;
        }
        for (CausalPilot.Span span : spans) {
            if (span.keys() > 0) {
                cut(span);
            }
        }
        measure(last.ends());
        CausalPilot.Span listed = null;
        int visible = 0;
        for (int r = 0; r < count; r++) {
            team.check();
            if (tiles[r].span != listed) {
                listed = tiles[r].span;
                visible = list(listed.ends());
            }
            choose(r, visible, last.ends());
        }
        fold(last.ends());
        if (visitor != null) {
            int[] index = new int[keys.count()];
            float[] weights = new float[keys.count()];
            for (int r = 0; r < count; r++) {
                expand(tiles[r], r);
                visitor.tile(tiles[r].centre, Arrays.copyOfRange(tiles[r].index, tiles[r].from, tiles[r].to),
                        Arrays.copyOf(tiles[r].near, tiles[r].nearCount), tiles[r].far,
                        folded(tiles[r], r, index, weights));
            }
            return work;
        }
        TileAttention attention = new TileAttention(keys, effort.near(), tilt > 0, scratch);
        for (int r = 0; r < count; r++) {
            attend(tiles[r], r, attention);
        }
        return work;
    }

    /** Cuts a span into tiles of similar queries. */
    private void cut(CausalPilot.Span span) {
        Rows all = head.queries();
        int queries = span.to() - span.from();
        Rows part = new Rows(all.row(span.from()), queries, all.columns(), all.stride());
        int[] order = BalancedTree.order(part, head.metric(), effort.levels(), team.alone(scratch));
        for (int i = 0; i < queries; i++) {
            order[i] += span.from();
        }
        for (int node = 0; node < 1 << effort.levels(); node++) {
            Tile tile = new Tile();
            tile.span = span;
            tile.index = order;
            tile.from = BalancedTree.start(queries, effort.levels(), node);
            tile.to = BalancedTree.start(queries, effort.levels(), node + 1);
            if (tile.from < tile.to) {
                centre(tile);
                tiles[count++] = tile;
            }
        }
    }

    private void centre(Tile tile) {
        node.subspace.find(new RowRange(head.queries(), tile.index, tile.from, tile.to), SPREAD, scratch);
        tile.centre = Arrays.copyOf(node.subspace.mean(), stride);
        tile.spread = (float) (node.subspace.trace() / d);
        System.arraycopy(tile.centre, 0, buffers.centroids, count * STRIDE, d);
    }

    /** Products of all centroids with the keys before the groups' ends. */
    private void measure(int[] ends) {
        int lines = Candidates.lines(d);
        int done = 0;
        for (int g = 0; g < ends.length; g++) {
            int first = Math.max(done, keys.starts()[g] / PANEL * PANEL);
            for (; first < ends[g]; first += PANEL) {
                long panel = keys.panels() + ((long) first * lines << 2);
                LogitKernel.logits(buffers.centroids, count, d, panel, panel + ((long) d * PANEL << 2),
                        buffers.weights, first / DEPTH * BLOCK + first % DEPTH);
                work += 2.0 * d * count * PANEL;
            }
            done = Math.max(done, first);
        }
    }

    /** Lists a span's keys and their squared norms side by side; returns their number. */
    private int list(int[] ends) {
        int to = 0;
        for (int g = 0; g < ends.length; g++) {
            int from = keys.starts()[g];
            System.arraycopy(head.keys().identity(), from, buffers.index, to, ends[g] - from);
            System.arraycopy(keys.squares(), from, buffers.squares, to, ends[g] - from);
            to += ends[g] - from;
        }
        return to;
    }

    /** Chooses a tile's near keys, and leaves the weights of all others in its row; 0 for those it may not see. */
    private void choose(int r, int visible, int[] last) {
        Tile tile = tiles[r];
        int[] ends = tile.span.ends();
        collect(r, ends);
        float[] spreads = node.spreads;
        for (int j = 0; j < visible; j += LANES) {
            FloatVector.fromArray(FLOATS, buffers.squares, j).mul(tile.spread).intoArray(spreads, j);
        }
        for (int j = visible; j < Lanes.roundUp(visible, LANES); j++) {
            node.logits[j] = FarField.EMPTY;
            spreads[j] = 0;
        }
        float top = ScoreKernel.largest(node.logits, visible);
        double mass = ScoreKernel.weights(node.logits, visible, top, node.weights, node.lanes);
        float best = ScoreKernel.scores(node.logits, spreads, visible, (float) (Math.log(mass) + top), node.scores);
        int wanted = Math.min(effort.near(), visible);
        node.choice.prepare(node.scores, visible, best, wanted, wanted);
        tile.nearCount = node.choice.split(node, buffers.index, visible, node.near,
                (float) (NEGLIGIBLE * mass / visible));
        tile.near = Arrays.copyOf(node.near, Lanes.roundUp(tile.nearCount, LANES));
        spread(r, ends, last);
        for (int j = 0; j < tile.nearCount; j++) {
            buffers.weights[at(r, tile.near[j])] = 0;
        }
        tile.far = new FarField(keys.groups(), d, stride, valueStride, tilt > 0);
        for (int g = 0; g < ends.length; g++) {
            double sum = sum(r, keys.starts()[g], ends[g]);
            buffers.masses[g * ROWS + r] = sum;
            tile.far.setMass(g, sum, top);
        }
        tile.top = top;
        int drawn = DrawnKeys.wanted(tilt, tile.to - tile.from);
        if (drawn > 0) {
            tile.drawn.draw(buffers.index, node.folded, visible, node.foldedCount, drawn);
            work += 2.0 * d * keys.values().columns() * tile.drawn.count();
        }
    }

    private static int at(int r, int key) {
        return key / DEPTH * BLOCK + r * STRIDE + key % DEPTH;
    }

    /** Copies a row's logits of the keys before the ends, side by side. */
    private void collect(int r, int[] ends) {
        float[] from = buffers.weights;
        float[] to = node.logits;
        int position = 0;
        for (int g = 0; g < ends.length; g++) {
            int j = keys.starts()[g];
            while (j < ends[g]) {
                int end = Math.min(ends[g], j / DEPTH * DEPTH + DEPTH);
                int at = at(r, j);
                for (int c = 0; c < end - j; c += LANES) {
                    FloatVector.fromArray(FLOATS, from, at + c).intoArray(to, position + c);
                }
                position += end - j;
                j = end;
            }
        }
    }

    /**
     * Copies a row's weights from side by side to their keys' places, and zeros to those from a span's ends to the
     * last.
     */
    private void spread(int r, int[] ends, int[] last) {
        float[] from = node.weights;
        float[] to = buffers.weights;
        int position = 0;
        for (int g = 0; g < ends.length; g++) {
            int j = keys.starts()[g];
            while (j < last[g]) {
                int end = Math.min(last[g], j / DEPTH * DEPTH + DEPTH);
                int at = at(r, j);
                int own = Math.max(0, Math.min(end, ends[g]) - j);
                // Whole vectors: what goes beyond is written over later, or lies between the rows.
                for (int c = 0; c < own; c += LANES) {
                    FloatVector.fromArray(FLOATS, from, position + c).intoArray(to, at + c);
                }
                Arrays.fill(to, at + own, at + end - j, 0);
                position += own;
                j = end;
            }
        }
    }

    private double sum(int r, int from, int to) {
        double sum = 0;
        int j = from;
        while (j < to) {
            int end = Math.min(to, j / DEPTH * DEPTH + DEPTH);
            int at = at(r, j);
            int whole = (end - j) / LANES * LANES;
            FloatVector v = FloatVector.zero(FLOATS);
            for (int c = 0; c < whole; c += LANES) {
                v = v.add(FloatVector.fromArray(FLOATS, buffers.weights, at + c));
            }
            v.intoArray(node.lanes, 0);
            sum += Lanes.sum(node.lanes, 0);
            for (int c = whole; c < end - j; c++) {
                sum += buffers.weights[at + c];
            }
            j = end;
        }
        return sum;
    }

    /** Sums keys, squared keys and values of every group by the weights of all rows. */
    private void fold(int[] ends) {
        Rows squares = head.keys().squares();
        int rows = Lanes.roundUp(count, ROW_TILE);
        for (int g = 0; g < ends.length; g++) {
            int target = g * ROWS * width;
            Arrays.fill(buffers.sums, target, target + ROWS * width, 0);
            int j = keys.starts()[g];
            while (j < ends[g]) {
                int end = Math.min(ends[g], j / DEPTH * DEPTH + DEPTH);
                add(j, end - j, rows, keys.keys(), target);
                add(j, end - j, rows, squares, target + stride);
                add(j, end - j, rows, keys.values(), target + 2 * stride);
                work += 2.0 * count * (end - j) * (2 * d + keys.values().columns());
                j = end;
            }
        }
    }

    private void add(int first, int length, int rows, Rows right, int target) {
        int vectors = right.stride() / LANES;
        int panels = Math.ceilDiv(vectors, ValueKernel.WIDEST);
        for (int panel = 0; panel < panels; panel++) {
            int start = vectors * panel / panels;
            ValueKernel.add(buffers.weights, at(0, first), rows, length, right.row(first) + start * Lanes.VECTOR_BYTES,
                    right.stride() * 4L, vectors * (panel + 1) / panels - start, buffers.sums, target + start * LANES,
                    width);
        }
    }

    /** Makes a tile's far field of the sums of its groups. */
    private void expand(Tile tile, int r) {
        for (int g = 0; g < keys.groups(); g++) {
            tile.far.setMoments(g, buffers.masses[g * ROWS + r], buffers.sums, (g * ROWS + r) * width);
        }
        if (tilt > 0) {
            tile.far.setTilt(node.tilt.deviations(keys, tile.drawn, tile.far.keys(), tile.far.values(), scratch),
                    tile.top);
        }
    }

    /** The keys that a tile's far field was made of, in arrays that the next tile's take over. */
    private FoldedKeys folded(Tile tile, int r, int[] index, float[] weights) {
        int[] ends = tile.span.ends();
        double[] masses = new double[ends.length];
        int found = 0;
        for (int g = 0; g < ends.length; g++) {
            masses[g] = buffers.masses[g * ROWS + r];
            for (int j = keys.starts()[g]; j < ends[g]; j++) {
                float weight = buffers.weights[at(r, j)];
                if (weight > 0) {
                    index[found] = j;
                    weights[found++] = weight;
                }
            }
        }
        return new FoldedKeys(index, weights, found, masses);
    }

    private void attend(Tile tile, int r, TileAttention attention) {
        expand(tile, r);
        attention.prepare(tile.near, tile.nearCount, tile.far);
        for (int first = tile.from; first < tile.to; first += QueryTile.ROWS) {
            int rows = Math.min(QueryTile.ROWS, tile.to - first);
            SoftmaxTile state = attention.attend(head.queries(), tile.index, first, rows, tile.centre);
            head.merge(state, tile.index, first, rows, scratch);
        }
        int dv = keys.values().columns();
        work += (tile.to - tile.from) * (2.0 * (d + dv) * (tile.nearCount + keys.groups()) + 2.0 * d * dv);
    }
}
