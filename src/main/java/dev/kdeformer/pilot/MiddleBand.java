package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The value tilt of full rank: for the folded keys of largest weight, M += Σ w (v − ν)(k − κ)ᵀ over all directions
 * that the leading ones leave out, with means over the chosen keys of each group. Kept per thread.
 */
final class MiddleBand {
    /** Most keys: what one product takes. */
    static final int MOST = Lanes.DEPTH;

    private final Packer packer = new Packer();
    private final Choice choice = new Choice();
    private final int[] index = new int[MOST + LANES];
    private final float[] weights = new float[MOST + LANES];
    private float[] left = new float[0];
    private float[] sums = new float[0];
    private float[] mean = new float[0];

    void add(KeyGroups keys, NodeScratch node, int wanted, int rank, FarField far, float top,
            Scratch scratch) {
        int chosen = choose(node, Math.min(MOST, wanted));
        float[] directions = node.subspace.directions();
        int d = keys.keys().columns();
        int valueStride = keys.values().stride();
        int rows = Lanes.roundUp(d, QueryTile.ROWS);
        if (left.length < rows * STRIDE || sums.length < rows * valueStride) {
            left = new float[rows * STRIDE];
            sums = new float[rows * valueStride];
            mean = new float[valueStride];
        }
        long mark = scratch.mark();
        weightedKeys(keys, chosen, scratch.floats((long) PANEL * d));
        Rows values = deviations(keys, chosen, scratch);
        Arrays.fill(sums, 0, rows * valueStride, 0);
        for (int first = 0; first < d; first += QueryTile.ROWS) {
            for (int c = 0; c < valueStride; c += 2 * LANES) {
                ValueKernel.add(left, first * STRIDE, Math.min(QueryTile.ROWS, d - first), chosen,
                        values.address() + c * 4L, valueStride * 4L, Math.min(2, (valueStride - c) / LANES), sums,
                        first * valueStride + c, valueStride);
            }
        }
        scratch.release(mark);
        removeLeading(directions, rank, d, valueStride);
        far.addTilt(sums, top);
    }

    private int choose(NodeScratch node, int wanted) {
        int count = node.foldedCount;
        // The last vector must not hold what an earlier node left.
        Arrays.fill(node.foldedLogits, count, Lanes.roundUp(count, LANES), FarField.EMPTY);
        float best = ScoreKernel.largest(node.foldedLogits, count);
        choice.prepare(node.foldedLogits, count, best, wanted, wanted);
        return choice.pick(node, index, weights);
    }

    /** Feature-major: the left operand has a row for every feature and a column for every key. */
    private void weightedKeys(KeyGroups keys, int chosen, long panel) {
        int d = keys.keys().columns();
        for (int first = 0; first < chosen; first += PANEL) {
            packer.packPanel(index, first, Math.min(PANEL, chosen - first), keys.keys().address(),
                    keys.keys().stride(), d, panel);
            for (int v = 0; v < PANEL; v += LANES) {
                FloatVector w = FloatVector.fromArray(FLOATS, weights, Math.min(first + v, MOST));
                for (int c = 0; c < d; c++) {
                    Lanes.load(panel + ((long) c * PANEL + v << 2)).mul(w).intoArray(left, c * STRIDE + first + v);
                }
            }
        }
    }

    private Rows deviations(KeyGroups keys, int chosen, Scratch scratch) {
        Rows values = Rows.allocate(scratch, chosen, keys.values().columns());
        int stride = values.stride();
        int from = 0;
        for (int g = 0; g < keys.groups() && from < chosen; g++) {
            int to = from;
            float mass = 0;
            Arrays.fill(mean, 0, stride, 0);
            for (; to < chosen && index[to] < keys.starts()[g + 1]; to++) {
                mass += weights[to];
                long row = keys.values().row(index[to]);
                for (int c = 0; c < stride; c += LANES) {
                    Lanes.load(row + c * 4L).fma(FloatVector.broadcast(FLOATS, weights[to]),
                            FloatVector.fromArray(FLOATS, mean, c)).intoArray(mean, c);
                }
            }
            float scale = mass > 0 ? 1 / mass : 0;
            for (int c = 0; c < stride; c++) {
                mean[c] *= scale;
            }
            for (int j = from; j < to; j++) {
                long row = keys.values().row(index[j]);
                for (int c = 0; c < stride; c += LANES) {
                    Lanes.store(Lanes.load(row + c * 4L).sub(FloatVector.fromArray(FLOATS, mean, c)),
                            values.row(j) + c * 4L);
                }
            }
            from = to;
        }
        return values;
    }

    private void removeLeading(float[] directions, int rank, int d, int stride) {
        for (int r = 0; r < rank; r++) {
            Arrays.fill(mean, 0, stride, 0);
            for (int c = 0; c < d; c++) {
                FarField.addTimes(sums, c * stride, directions[r * STRIDE + c], mean, 0, stride);
            }
            for (int c = 0; c < d; c++) {
                FarField.addTimes(mean, 0, -directions[r * STRIDE + c], sums, c * stride, stride);
            }
        }
    }
}
