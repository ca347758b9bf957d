package dev.kdeformer.kdeformer;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.ExpKernel;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.ProjectionKernel;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The root mean square of the softmax weights that a few queries, drawn at random, give to every key: an estimate of
 * the column norms ‖P e_j‖ of the attention matrix, which the KDEformer theorem samples by. A causal rule is ignored;
 * padding and hidden keys get no mass. Lanes are queries, so keys are read once and in place.
 */
final class ColumnMass {
    /** Queries that are computed exactly. */
    static final int QUERIES = 16;

    private static final int PADDED = ProjectionKernel.pad(QUERIES);

    /** Keys of one task, so many that their logits are a few passes of the exponential. */
    private static final int CHUNK = 1024;

    /** Keys of one pass: as many rows of four vectors as a tile has. */
    private static final int PASS = QueryTile.ROWS * ExpKernel.COLUMNS / PADDED;

    private static final double LOG2E = 1 / Math.log(2);

    private final KeyHead head;
    private final float[] columns;
    private final float[] starts = new float[PADDED];
    private final int chunks;
    /** PADDED logits in units of log 2, later weights, for every key. */
    private final long table;
    /** A vector of maxima, later of sums, for every chunk. */
    private final long parts;
    /** Mass of every key. */
    private final long masses;

    private ColumnMass(KeyHead head, Scratch scratch) {
        this.head = head;
        this.columns = new float[PADDED * head.key().columns()];
        this.chunks = Math.ceilDiv(head.keys(), CHUNK);
        this.table = scratch.floats((long) head.keys() * PADDED);
        this.parts = scratch.floats((long) chunks * PADDED);
        this.masses = scratch.floats(head.keys());
    }

    /** Bytes of scratch memory for {@code keys} keys. */
    static long bytes(int keys) {
        return (PADDED + 2L) * keys * Float.BYTES;
    }

    /**
     * Multiplies every weight by 1 + c · mass, with the constant at which half of the sum comes from the masses.
     *
     * @param centre  what to subtract from the keys, d floats
     * @param weights address of a float for every key, 0 for those that must not be drawn
     */
    static void multiply(KeyHead head, float scale, float[] centre, CounterRandom random, Team team, long weights) {
        Scratch scratch = team.scratch();
        long mark = scratch.mark();
        ColumnMass mass = new ColumnMass(head, scratch);
        mass.drawQueries(scale, centre, random);
        mass.run(team, weights);
        scratch.release(mark);
    }

    private void drawQueries(float scale, float[] centre, CounterRandom random) {
        int d = centre.length;
        float[] row = new float[d];
        for (int c = 0; c < QUERIES; c++) {
            Matrix query = head.query(random.below(2L * c, head.groupSize()));
            query.readRow(random.below(2L * c + 1, query.rows()), row, 0);
            double shift = 0;
            for (int i = 0; i < d; i++) {
                float scaled = (float) (row[i] * scale * LOG2E);
                columns[ProjectionKernel.index(c, i, d)] = scaled;
                shift += (double) scaled * centre[i];
            }
            starts[c] = (float) -shift;
        }
    }

    private void run(Team team, long weights) {
        team.forEach(chunks, (chunk, scratch) -> logits(chunk, scratch, weights));
        float[] largest = new float[PADDED];
        for (int c = 0; c < PADDED; c++) {
            largest[c] = Float.NEGATIVE_INFINITY;
            for (int chunk = 0; chunk < chunks; chunk++) {
                largest[c] = Math.max(largest[c], part(chunk, c));
            }
        }
        if (largest[0] == Float.NEGATIVE_INFINITY) {
            return; // no key is to be drawn
        }
        team.forEach(chunks, (chunk, scratch) -> exponentials(chunk, scratch, largest));
        double[] sums = new double[PADDED];
        for (int c = 0; c < PADDED; c++) {
            for (int chunk = 0; chunk < chunks; chunk++) {
                sums[c] += part(chunk, c);
            }
        }
        team.forEach(chunks, (chunk, scratch) -> masses(chunk, sums));
        double plain = 0;
        double massive = 0;
        for (int key = 0; key < head.keys(); key++) {
            float weight = Memory.getFloat(weights + (long) key * Float.BYTES);
            plain += weight;
            massive += (double) weight * Memory.getFloat(masses + (long) key * Float.BYTES);
        }
        double share = plain / massive;
        for (int key = 0; key < head.keys(); key++) {
            long at = weights + (long) key * Float.BYTES;
            double mass = Memory.getFloat(masses + (long) key * Float.BYTES);
            Memory.putFloat(at, (float) (Memory.getFloat(at) * (1 + share * mass)));
        }
    }

    private float part(int chunk, int c) {
        return Memory.getFloat(parts + ((long) chunk * PADDED + c) * Float.BYTES);
    }

    private long row(int key) {
        return table + (long) key * PADDED * Float.BYTES;
    }

    private int end(int chunk) {
        return (int) Math.min(head.keys(), (chunk + 1L) * CHUNK);
    }

    private void logits(int chunk, Scratch scratch, long weights) {
        Buffers buffers = scratch.keep(Buffers.class, Buffers::new);
        int d = head.key().columns();
        float[] keys = buffers.keys(ProjectionKernel.ROWS * d);
        float[] out = buffers.out;
        float[] largest = new float[PADDED];
        Arrays.fill(largest, Float.NEGATIVE_INFINITY);
        for (int first = chunk * CHUNK; first < end(chunk); first += ProjectionKernel.ROWS) {
            int present = Math.min(ProjectionKernel.ROWS, end(chunk) - first);
            head.key().readRows(first, first + present, keys, 0, d);
            ProjectionKernel.project(keys, 0, d, columns, starts, out);
            for (int r = 0; r < present; r++) {
                boolean drawn = Memory.getFloat(weights + (first + r) * 4L) > 0;
                float bias = !drawn ? Float.NEGATIVE_INFINITY : head.bias() == null ? 0
                        : (float) (head.bias().get(0, first + r) * LOG2E);
                for (int c = 0; c < PADDED; c += LANES) {
                    FloatVector x = FloatVector.fromArray(FLOATS, out, r * PADDED + c).add(bias);
                    x.max(FloatVector.fromArray(FLOATS, largest, c)).intoArray(largest, c);
                    Lanes.store(x, row(first + r) + c * 4L);
                }
            }
        }
        for (int c = 0; c < PADDED; c++) {
            Memory.putFloat(parts + ((long) chunk * PADDED + c) * Float.BYTES, largest[c]);
        }
    }

    private void exponentials(int chunk, Scratch scratch, float[] largest) {
        Buffers buffers = scratch.keep(Buffers.class, Buffers::new);
        float[] s = buffers.tile;
        float[] total = new float[PADDED];
        int perRow = ExpKernel.COLUMNS / PADDED;
        for (int first = chunk * CHUNK; first < end(chunk); first += PASS) {
            int present = Math.min(PASS, end(chunk) - first);
            int rows = Math.ceilDiv(present, perRow);
            for (int i = 0; i < rows * perRow; i++) {
                for (int c = 0; c < PADDED; c += LANES) {
                    FloatVector x = i < present
                            ? Lanes.load(row(first + i) + c * 4L).sub(FloatVector.fromArray(FLOATS, largest, c))
                            : FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
                    x.intoArray(s, i / perRow * STRIDE + i % perRow * PADDED + c);
                }
            }
            Arrays.fill(buffers.sums, 0);
            ExpKernel.exp(s, 0, rows, 1, buffers.zeros, buffers.sums);
            for (int i = 0; i < present; i++) {
                for (int c = 0; c < PADDED; c += LANES) {
                    FloatVector p = FloatVector.fromArray(FLOATS, s, i / perRow * STRIDE + i % perRow * PADDED + c);
                    Lanes.store(p, row(first + i) + c * 4L);
                    p.add(FloatVector.fromArray(FLOATS, total, c)).intoArray(total, c);
                }
            }
        }
        for (int c = 0; c < PADDED; c++) {
            Memory.putFloat(parts + ((long) chunk * PADDED + c) * Float.BYTES, total[c]);
        }
    }

    private void masses(int chunk, double[] sums) {
        float[] lanes = new float[LANES];
        float[] inverse = new float[PADDED];
        for (int c = 0; c < QUERIES; c++) {
            inverse[c] = (float) (1 / sums[c]);
        }
        for (int key = chunk * CHUNK; key < end(chunk); key++) {
            FloatVector squares = FloatVector.zero(FLOATS);
            for (int c = 0; c < PADDED; c += LANES) {
                FloatVector p = Lanes.load(row(key) + c * 4L).mul(FloatVector.fromArray(FLOATS, inverse, c));
                squares = fma(p, p, squares);
            }
            squares.intoArray(lanes, 0);
            double mass = Math.sqrt(Lanes.sum(lanes, 0) / QUERIES);
            Memory.putFloat(masses + (long) key * Float.BYTES, (float) mass);
        }
    }

    /** A thread's arrays. */
    private static final class Buffers {
        private final float[] out = new float[ProjectionKernel.ROWS * PADDED];
        private final float[] tile = new float[QueryTile.ROWS * STRIDE];
        private final float[] zeros = new float[QueryTile.ROWS];
        private final float[] sums = new float[QueryTile.ROWS * LANES];
        private float[] keys = new float[0];

        float[] keys(int length) {
            if (keys.length < length) {
                keys = new float[length];
            }
            return keys;
        }
    }
}
