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

/** Exact output rows at some positions of a head, to compare a pass with. */
final class ExactRows {
    private static final int TILE = 48;

    /** What the estimate is multiplied by, for the search that picks the first pass that looks good enough. */
    private static final double SAFETY = 1.1;

    private final PilotHead head;
    private final int[] positions;
    private final float[] rows;
    private final int dv;

    private ExactRows(PilotHead head, int[] positions, float[] rows, int dv) {
        this.head = head;
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
        compute(head, positions, packed, team, (state, from, count) -> {
            for (int r = 0; r < count; r++) {
                float inverse = 1 / state.sum(r);
                for (int c = 0; c < dv; c++) {
                    rows[(from + r) * dv + c] = state.values()[r * state.valueStride() + c] * inverse;
                }
            }
        });
        return new ExactRows(head, positions, rows, dv);
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
        int row = head.order()[positions[i]];
        double sum = 0;
        for (int c = 0; c < dv; c++) {
            exact[c] = rows[i * dv + c];
            error[c] = isExact ? 0 : head.output().get(row, c) - exact[c];
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
