package dev.kdeformer.pilot.walk;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STEP;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.SoftmaxTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;

/**
 * Takes the bias out of the far part of a tile: keys drawn by known probabilities p add what they really weigh and take
 * away what the far field has for them, both over S·p (KDEformer's importance sampling, Zandieh et al. 2023, section 3,
 * with the expansion as control variate).
 *
 * <p>What the far field has for key j, folded into group g by an ancestor a with centroid x_a, is the share
 * x_j(q) = α_j E_g(q) (1 + (q − x_a)·(k_j − κ_ag)), where E_g is what the group stands for at q, α_j the key's part of
 * the group's mass, and κ_ag the mean of the keys that a folded into g: over all keys of the group the shares sum to
 * E_g, because the deviations from κ_ag cancel. Of the weighted value it is
 * E_g α_j v_j + E_g α_j ((q − x_a)·(k_j − κ_ag)) ν_g; these sum to Σ E_g ν_g. There is no value tilt here: it comes
 * from a few of the keys, and is no sum over all of them.
 *
 * <p>All of this is linear in sums over keys that do not depend on the query. So the shares of a sample, too, are a far
 * field: that of the sampled keys. A query pays for the sample as for near keys, and once more for the groups.
 *
 * <p>A query whose corrected sum of weights falls below {@link #LEAST} of the uncorrected one keeps the uncorrected
 * result: a sum of weights of the wrong sign, or near 0, would make nonsense of the quotient.
 */
final class FarCorrection {
    /** The least part of the uncorrected sum of weights that a corrected one may be. */
    private static final double LEAST = 0.25;

    private final KeyGroups keys;
    private final int d;
    private final int stride;
    private final int valueStride;
    private final int groups;
    private final LeftOut[] layers;
    private final FarDraw draw;
    private final PackedKeys packed;
    private final Buffers buffers;

    /** Σ β_s k̃_s of every group, packed like keys, to be met by δ; their biases are what does not depend on δ. */
    private final long slopes;
    private final long constants;
    /** Σ β_s (v_s − ν_g) of every group. */
    private final Rows values;
    /** ν_g of every group. */
    private final Rows groupValues;

    private final float[] shares;
    private final float[] levels;
    private final float[] slopeSums;
    private final float[] valueSums;
    private final float[] row;
    private final float[][] shifts;

    /**
     * Corrections of one thread.
     *
     * @param depth layers that a walk can have
     */
    FarCorrection(PilotHead head, int depth, Scratch scratch) {
        this.keys = head.keys();
        this.d = keys.keys().columns();
        this.stride = keys.keys().stride();
        this.valueStride = keys.values().stride();
        this.groups = keys.groups();
        this.layers = new LeftOut[depth];
        for (int a = 0; a < depth; a++) {
            layers[a] = new LeftOut(groups, stride);
        }
        this.draw = new FarDraw(head, layers);
        this.packed = new PackedKeys(scratch, head.samples(), d, keys.values().columns(), LogitScale.of(1));
        this.buffers = scratch.keep(Buffers.class, Buffers::new);
        int padded = Lanes.roundUp(groups, PANEL);
        this.slopes = scratch.floats((long) padded * d);
        this.constants = scratch.floats(padded);
        Memory.fillFloats(slopes, (long) padded * d, 0);
        Memory.fillFloats(constants, padded, 0);
        this.values = Rows.allocate(scratch, groups, keys.values().columns());
        this.groupValues = Rows.allocate(scratch, groups, keys.values().columns());
        this.shares = new float[groups];
        this.levels = new float[groups];
        this.slopeSums = new float[groups * stride];
        this.valueSums = new float[groups * valueStride];
        this.row = new float[Math.max(stride, valueStride)];
        this.shifts = new float[depth][stride];
    }

    /** Bytes of a walk's correction. */
    static long bytes(int samples, AttentionInput input) {
        return LeftOut.BYTES * input.keys() + PackedKeys.bytes(samples, input.d(), input.dv());
    }

    /** What the node at a depth took out. */
    LeftOut layer(int depth) {
        return layers[depth];
    }

    /** Keys of the sample. */
    int count() {
        return draw.count();
    }

    /**
     * Draws the sample of a leaf and sums up its shares of the far field.
     *
     * @param depth   of the leaf
     * @param from    the leaf's first position
     * @param centres centroid of every node from the top to the leaf
     */
    void draw(int depth, int from, float[][] centres, FarField far, NodeScratch node) {
        draw.draw(depth, from);
        int count = draw.count();
        if (count == 0) {
            return;
        }
        packed.resize(count);
        node.packer.packRows(packed, draw.keys(), keys.keys().at(), keys.values().at(), keys.biases());
        for (int s = 0; s < count; s++) {
            packed.setBias(s, (float) (keys.biases()[draw.key(s)] + Math.log(draw.weight(s))));
        }
        Arrays.fill(shares, 0);
        Arrays.fill(levels, 0);
        Arrays.fill(slopeSums, 0);
        Arrays.fill(valueSums, 0);
        for (int a = 0; a <= depth; a++) {
            for (int c = 0; c < d; c++) {
                shifts[a][c] = centres[depth][c] - centres[a][c];
            }
        }
        for (int s = 0; s < count; s++) {
            sum(s, far);
        }
        pack(far);
    }

    /** Adds one sampled key to the sums of its group. */
    private void sum(int s, FarField far) {
        LeftOut layer = layers[draw.layer(s)];
        int g = draw.group(s);
        float w = layer.weights[draw.entry(s)];
        if (w == 0) {
            return;
        }
        float beta = (float) (draw.weight(s) * w * draw.lifted(draw.layer(s), g, far.logMass(g)));
        shares[g] += beta;
        keys.keys().read(draw.key(s), row, 0);
        float along = 0;
        float[] shift = shifts[draw.layer(s)];
        for (int c = 0; c < d; c++) {
            float deviation = row[c] - layer.meanKey(g, c);
            along += shift[c] * deviation;
            slopeSums[g * stride + c] += beta * deviation;
        }
        levels[g] += beta * along;
        keys.values().read(draw.key(s), row, 0);
        for (int v = 0; v < valueStride; v++) {
            valueSums[g * valueStride + v] += beta * row[v];
        }
    }

    /** Lays the sums out for the kernels. */
    private void pack(FarField far) {
        for (int g = 0; g < groups; g++) {
            long panel = slopes + ((long) g / PANEL * PANEL * d + g % PANEL << 2);
            for (int c = 0; c < d; c++) {
                Memory.putFloat(panel + (long) c * PANEL * 4, slopeSums[g * stride + c]);
            }
            Memory.putFloat(constants + g * 4L, shares[g] + levels[g]);
            for (int v = g * valueStride; v < (g + 1) * valueStride; v++) {
                valueSums[v] -= shares[g] * far.values()[v];
            }
            values.write(g, valueSums, g * valueStride);
            groupValues.write(g, far.values(), g * valueStride);
        }
    }

    /**
     * Corrects the queries of a tile, to which near keys and far field have been added.
     *
     * @param deviations of the queries from the centroid, and their squares; null if the far field is empty
     * @param farKeys    the far field as it was added
     */
    void apply(SoftmaxTile state, QueryTile queries, QueryTile deviations, PackedKeys farKeys) {
        int rows = queries.rows();
        SoftmaxTile sampled = buffers.sampled;
        sampled.begin(rows, keys.values().columns());
        sampled.add(queries, packed);
        float[] taken = buffers.taken(valueStride);
        Arrays.fill(taken, 0);
        Arrays.fill(buffers.sums, 0);
        if (deviations != null) {
            take(state, deviations, farKeys, rows, taken);
        }
        for (int r = 0; r < rows; r++) {
            double plain = state.sum(r);
            double more = sampled.sum(r) * Math.pow(2, sampled.reference(r) - state.reference(r));
            if (plain - buffers.sums[r] + more >= LEAST * plain) {
                state.add(r, state.reference(r), -buffers.sums[r], taken, r * valueStride, -1);
                state.add(r, sampled.reference(r), sampled.sum(r), sampled.values(), r * sampled.valueStride(), 1);
            }
        }
    }

    /** What the far field has for the sample, at the references of the tile. */
    private void take(SoftmaxTile state, QueryTile deviations, PackedKeys farKeys, int rows, float[] taken) {
        float[] parts = buffers.parts;
        for (int first = 0; first < groups; first += STEP) {
            int present = Math.min(STEP, groups - first);
            float[] weights = state.weights(deviations, farKeys, first, present);
            for (int g = 0; g < present; g += PANEL) {
                LogitKernel.logits(deviations.data(), rows, d, slopes + ((long) (first + g) * d << 2),
                        constants + (first + g) * 4L, parts, g);
            }
            for (int r = 0; r < rows; r++) {
                for (int g = r * STRIDE; g < r * STRIDE + present; g++) {
                    parts[g] *= weights[g];
                    buffers.sums[r] += parts[g];
                }
            }
            product(parts, rows, present, groupValues.row(first), taken);
            product(weights, rows, present, values.row(first), taken);
        }
    }

    private void product(float[] left, int rows, int count, long right, float[] sums) {
        for (int c = 0; c < valueStride; c += 2 * LANES) {
            ValueKernel.add(left, 0, rows, count, right + c * 4L, valueStride * 4L,
                    Math.min(2, (valueStride - c) / LANES), sums, c, valueStride);
        }
    }

    /** What a thread keeps. */
    private static final class Buffers {
        private final SoftmaxTile sampled = new SoftmaxTile();
        private final float[] parts = new float[QueryTile.ROWS * STRIDE];
        private final float[] sums = new float[QueryTile.ROWS];
        private float[] taken = new float[0];

        float[] taken(int valueStride) {
            if (taken.length != QueryTile.ROWS * valueStride) {
                taken = new float[QueryTile.ROWS * valueStride];
            }
            return taken;
        }
    }
}
