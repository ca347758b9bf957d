package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/** Some exact output rows of a head, to compare a pass with. */
final class ExactRows {
    private static final int TILE = 48;

    /** Fewer: all rows of a tile cost what the last one does. */
    private static final int CAUSAL_TILE = 24;

    /** What the estimate is multiplied by, for the search that picks the first pass that looks good enough. */
    private static final double SAFETY = 1.1;

    private final Matrix output;
    private final int[] order;
    private final int[] positions;
    private final float[] rows;
    private final int dv;

    /**
     * @param output the head's output
     * @param order  the output row at every position; null for the identity
     */
    private ExactRows(Matrix output, int[] order, int[] positions, float[] rows, int dv) {
        this.output = output;
        this.order = order;
        this.positions = positions;
        this.rows = rows;
        this.dv = dv;
    }

    /** All keys of a head, packed. */
    static PackedKeys pack(KeyGroups keys, Team team) {
        PackedKeys packed = new PackedKeys(team.scratch(), keys.count(), keys.keys().columns(),
                keys.values().columns(), LogitScale.of(1));
        int[] identity = new int[keys.count()];
        Arrays.setAll(identity, j -> j);
        new Packer().packRows(packed, identity, keys.keys().address(), keys.keys().stride(),
                keys.values().address(), keys.values().stride(), keys.biases());
        return packed;
    }

    /** Computes the rows at {@code positions} of the tree order. */
    static ExactRows at(PilotHead head, int[] positions, PackedKeys packed, Team team) {
        int dv = packed.dv();
        float[] rows = new float[positions.length * dv];
        compute(head, positions, packed, team, (state, from, count) -> divide(state, count, rows, from * dv));
        return new ExactRows(head.output(), head.order(), positions, rows, dv);
    }

    /**
     * Computes rows under a causal rule.
     *
     * @param places the rows, which are put in order
     */
    static ExactRows causal(CausalPilot head, int[] places, Team team) {
        PackedKeys keys = head.keys().ordered();
        Arrays.sort(places);
        float[] rows = new float[places.length * keys.dv()];
        team.forEach((places.length + CAUSAL_TILE - 1) / CAUSAL_TILE, (index, scratch) -> {
            int from = index * CAUSAL_TILE;
            int count = Math.min(CAUSAL_TILE, places.length - from);
            NodeScratch buffers = scratch.keep(NodeScratch.class, NodeScratch::new);
            int[] seen = new int[count];
            Arrays.setAll(seen, r -> head.last(places[from + r]));
            long mark = scratch.mark();
            long order = scratch.ints(places, from, count);
            buffers.queries.load(head.query(), order, 0, count, keys.scale());
            scratch.release(mark);
            buffers.state.begin(count, keys.dv());
            buffers.state.add(buffers.queries, keys, seen);
            divide(buffers.state, count, rows, from * keys.dv());
        });
        return new ExactRows(head.output(), null, places, rows, keys.dv());
    }

    private static void divide(SoftmaxTile state, int count, float[] rows, int at) {
        int dv = state.features();
        for (int r = 0; r < count; r++) {
            float sum = state.sum(r);
            float inverse = sum > 0 ? 1 / sum : 0;
            for (int c = 0; c < dv; c++) {
                rows[at + r * dv + c] = state.values()[r * state.valueStride() + c] * inverse;
            }
        }
    }

    /** Computes the rows at {@code positions} of the tree order and makes them the output. */
    static void write(PilotHead head, int[] positions, PackedKeys packed, Team team) {
        long mark = team.scratch().mark();
        long rows = team.scratch().ints(positions.length);
        for (int i = 0; i < positions.length; i++) {
            Memory.putInt(rows + i * 4L, head.order()[positions[i]]);
        }
        compute(head, positions, packed, team, (state, from, count) -> head.finish(state, rows, from, count));
        team.scratch().release(mark);
    }

    /** Takes the finished state of a tile, indices [from, from + count) of the positions. */
    private interface Receiver {
        void take(SoftmaxTile state, int from, int count);
    }

    private static void compute(PilotHead head, int[] positions, PackedKeys packed, Team team, Receiver receiver) {
        team.forEach((positions.length + TILE - 1) / TILE, (index, scratch) -> {
            int from = index * TILE;
            int count = Math.min(TILE, positions.length - from);
            NodeScratch buffers = scratch.keep(NodeScratch.class, NodeScratch::new);
            QueryTile queries = buffers.queries;
            SoftmaxTile state = buffers.state;
            queries.resize(count, packed.d());
            for (int r = 0; r < count; r++) {
                head.queries().read(positions[from + r], queries.data(), r * STRIDE);
            }
            state.begin(count, packed.dv());
            state.add(queries, packed);
            receiver.take(state, from, count);
        });
    }

    /** Number of rows. */
    int count() {
        return positions.length;
    }

    /** Mean squared norm of the rows. */
    double meanSquare() {
        double sum = 0;
        for (float x : rows) {
            sum += (double) x * x;
        }
        return sum / positions.length;
    }

    /**
     * An upper estimate of the head's relative spectral error: the sampled one, raised by how uncertain the mean of
     * the squared row errors is.
     *
     * <p>The largest eigenvalue of a sample overstates that of the whole, by more than half where errors point in all
     * of 100 directions alike and a few hundred rows are sampled. The leading direction of one half of the rows,
     * measured on the other half, understates it where rows are heavy-tailed. The estimate is their geometric mean.
     */
    double error() {
        return error(new int[0]);
    }

    /**
     * The same as if the output were exact at some positions.
     *
     * @param exact positions, ascending
     */
    double error(int[] exact) {
        Gram[] errors = {new Gram(dv), new Gram(dv)};
        Gram norms = new Gram(dv);
        double sum = 0;
        double squares = 0;
        double most = 0;
        for (int i = 0; i < positions.length; i++) {
            boolean isExact = Arrays.binarySearch(exact, positions[i]) >= 0;
            double y = difference(i, isExact, errors[i & 1].next(), norms.next());
            errors[i & 1].add();
            norms.add();
            sum += y;
            squares += y * y;
            most = Math.max(most, y);
        }
        int count = positions.length;
        double mean = sum / count;
        if (mean == 0) {
            return 0;
        }
        if (!(mean < Double.POSITIVE_INFINITY)) {
            return Double.POSITIVE_INFINITY;
        }
        double norm = SymmetricEigen.largest(norms.matrix(), dv) / count;
        double deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
        double raise = (mean + 2 * deviation / Math.sqrt(count) + most / count) / mean;
        double[] first = errors[0].matrix();
        double[] second = errors[1].matrix();
        double crossed = (along(leading(first), second) + along(leading(second), first)) / count;
        errors[0].add(errors[1]);
        double pooled = SymmetricEigen.largest(errors[0].matrix(), dv) / count;
        double square = Math.sqrt(crossed * pooled);
        return norm > 0 ? SAFETY * Math.sqrt(square / norm * raise) : Double.POSITIVE_INFINITY;
    }

    /** The error and the exact row at index {@code i}; returns the squared norm of the error. */
    private double difference(int i, boolean isExact, double[] error, double[] exact) {
        int row = order == null ? positions[i] : order[positions[i]];
        double sum = 0;
        for (int c = 0; c < dv; c++) {
            exact[c] = rows[i * dv + c];
            error[c] = isExact ? 0 : output.get(row, c) - exact[c];
            sum += error[c] * error[c];
        }
        return sum;
    }

    private double[] leading(double[] gram) {
        SymmetricEigen eigen = new SymmetricEigen(dv);
        eigen.decompose(gram);
        return Arrays.copyOf(eigen.vectors(), dv);
    }

    private double along(double[] direction, double[] gram) {
        double sum = 0;
        for (int a = 0; a < dv; a++) {
            for (int b = 0; b < dv; b++) {
                sum += direction[a] * gram[a * dv + b] * direction[b];
            }
        }
        return sum;
    }
}
