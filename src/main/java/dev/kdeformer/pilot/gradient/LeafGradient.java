package dev.kdeformer.pilot.gradient;

import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.Candidates;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.pilot.tile.Fold;
import dev.kdeformer.pilot.tile.NodeScratch;
import dev.kdeformer.pilot.walk.NodeVisitor;
import dev.kdeformer.pilot.walk.PilotHead;
import dev.kdeformer.pilot.walk.PilotWalk;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/**
 * The gradients of the leaves of a share of the tree, and on the way up those of the keys that their ancestors have
 * folded. The near keys of a leaf are a tile of exact attention. Its groups are one more tile: a query δ away from the
 * centroid meets group g with the features (δ, δ², 1) and the group's (κ, ½c, a), so that the same kernel does both.
 */
final class LeafGradient implements NodeVisitor {
    private final PilotHead head;
    private final KeyGroups keys;
    private final KeyHead keyHead;
    private final GradientRows.Source source;
    private final Matrix dQuery;
    private final Rows dKey;
    private final Rows dValue;
    private final Matrix nearKeys;
    private final Matrix nearValues;
    private final Matrix dNearKeys;
    private final Matrix dNearValues;
    private final float scale;
    private final LogitScale nearScale;
    private final Scratch scratch;
    private final GradientTile tile;
    private final FarGradient[] fars;
    private final GradientRows packed;
    private final PackedKeys deviations;
    private final Rows deviationRows;
    private final Rows groupRows;
    private final Rows groupValues;
    private final long near;
    private final long block;
    private final long farBlock;
    private final long farSums;
    private final float[] zeros;
    /** What was subtracted from the keys, reflected like them. */
    private final float[] centre;
    private final float[] gradients;
    private final float[] tilted;
    private final float[] turned;
    private final float[] outputGradient;
    private final float[] row;
    private final float[] output;
    private final float[] centroid;
    private final float[] mass = new float[GradientTile.QUERIES];
    private final int d;
    private final int dv;
    private final int stride;
    private final int features;

    /**
     * @param source whose queries are reflected
     * @param dQuery receives the gradients by the queries of the leaves
     * @param dKey   gradients by the keys in group order, to be added to
     * @param dValue gradients by the values in group order, to be added to
     */
    LeafGradient(PilotHead head, GradientRows.Source source, Matrix dQuery, Rows dKey, Rows dValue, float scale,
            Scratch scratch) {
        this.head = head;
        this.keys = head.keys();
        this.keyHead = head.keyHead();
        this.source = source;
        this.dQuery = dQuery;
        this.dKey = dKey;
        this.dValue = dValue;
        this.scale = scale;
        this.nearScale = LogitScale.of(scale);
        this.scratch = scratch;
        this.tile = scratch.keep(GradientTile.class, GradientTile::new);
        this.d = keys.keys().columns();
        this.dv = keys.values().columns();
        this.stride = keys.keys().stride();
        this.features = 2 * stride + 1;
        this.nearKeys = GradientSums.matrix(keys.keys());
        this.nearValues = GradientSums.matrix(keys.values());
        this.dNearKeys = GradientSums.matrix(dKey);
        this.dNearValues = GradientSums.matrix(dValue);
        this.fars = new FarGradient[head.levels() / PilotWalk.LEVELS + 2];
        Arrays.setAll(fars, depth -> new FarGradient(keys));
        this.packed = new GradientRows(scratch, GradientTile.QUERIES, d, dv, nearScale);
        this.deviations = new PackedKeys(scratch, GradientTile.QUERIES, features, features, LogitScale.of(1));
        this.deviationRows = Rows.allocate(scratch, GradientTile.QUERIES, features);
        this.groupRows = Rows.allocate(scratch, keys.groups(), features);
        this.groupValues = Rows.allocate(scratch, keys.groups(), dv);
        this.near = scratch.ints(keys.count());
        this.block = scratch.floats(GradientTile.blockFloats(d));
        this.farBlock = scratch.floats(GradientTile.blockFloats(features));
        this.farSums = scratch.floats(GradientTile.sumFloats(features, dv));
        this.zeros = new float[features];
        float[] reflected = Arrays.copyOf(keys.centre(), stride);
        keys.reflection().apply(reflected);
        this.centre = Arrays.copyOf(reflected, d);
        this.gradients = new float[GradientTile.QUERIES * d];
        this.tilted = new float[GradientTile.QUERIES * stride];
        this.turned = new float[dv * stride];
        this.outputGradient = new float[dv];
        this.output = new float[dv];
        this.centroid = new float[stride];
        this.row = new float[Math.max(deviationRows.stride(), groupValues.stride())];
    }

    /** Bytes of scratch memory for a share. */
    static long bytes(int keys, int groups, int d, int dv) {
        int features = 2 * Lanes.padColumns(d) + 1;
        return GradientRows.bytes(GradientTile.QUERIES, d, dv)
                + PackedKeys.bytes(GradientTile.QUERIES, features, features)
                + Rows.bytes(GradientTile.QUERIES + groups, features) + Rows.bytes(groups, dv) + 4L * keys
                + 4 * (GradientTile.blockFloats(d) + GradientTile.blockFloats(features)
                + GradientTile.sumFloats(features, dv));
    }

    @Override
    public void enter(int depth, float[] centre, FarField far) {
        fars[depth].enter(centre);
        System.arraycopy(centre, 0, centroid, 0, stride);
    }

    @Override
    public void fold(int depth, FarField far, Fold fold, Candidates list, NodeScratch node) {
        fars[depth].fold(far, fold, list, node);
    }

    @Override
    public void leave(int depth, FarField far) {
        fars[depth].leave(far, dKey, dValue, depth > 0 ? fars[depth - 1] : null);
    }

    @Override
    public void leaf(int depth, int from, int to, int[] chosen, int count, FarField far) {
        for (int first = from; first < to; first += GradientTile.QUERIES) {
            meet(depth, first, Math.min(GradientTile.QUERIES, to - first), chosen, count, far);
        }
    }

    private void meet(int depth, int from, int rows, int[] chosen, int count, FarField far) {
        long order = head.orderAddress() + (long) from * Integer.BYTES;
        packed.resize(rows);
        packed.pack(keyHead, source, order, 0, rows, centre, scratch);
        meetNear(chosen, count);
        System.arraycopy(tile.blockRows(block, 1, 0, d, rows), 0, gradients, 0, rows * d);
        if (!far.isEmpty()) {
            meetFar(fars[depth], from, rows, far);
        }
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < d; c++) {
                row[c] = scale * gradients[r * d + c];
            }
            Arrays.fill(row, d, stride, 0);
            keys.reflection().apply(row);
            dQuery.writeRow(head.order()[from + r], row, 0);
        }
    }

    private void meetNear(int[] chosen, int count) {
        Memory.putInts(near, chosen, 0, count);
        Memory.fillFloats(block, GradientTile.blockFloats(d), 0);
        for (int first = 0; first < count; first += GradientTile.KEYS) {
            int size = Math.min(GradientTile.KEYS, count - first);
            tile.load(nearKeys, nearValues, null, near, first, size, nearScale, zeros, 0);
            for (int r = 0; r < size; r++) {
                tile.weigh(r, keys.biases()[chosen[first + r]]);
            }
            tile.add(packed.queries(), packed.gradients(), 0, -GradientTile.KEYS, block, scratch);
            tile.addTo(dNearKeys, dNearValues, near, first, scale);
        }
    }

    private void meetFar(FarGradient gradient, int from, int rows, FarField far) {
        loadGroups(far);
        loadDeviations(from, rows, far);
        Memory.fillFloats(farBlock, GradientTile.blockFloats(features), 0);
        Arrays.fill(mass, 0);
        Matrix groupKeys = GradientSums.matrix(groupRows);
        Matrix values = GradientSums.matrix(groupValues);
        for (int first = 0; first < keys.groups(); first += GradientTile.KEYS) {
            int size = Math.min(GradientTile.KEYS, keys.groups() - first);
            tile.load(groupKeys, values, null, 0, first, size, LogitScale.of(1), zeros, 0);
            for (int r = 0; r < size; r++) {
                if (far.logMass(first + r) <= FarField.EMPTY) {
                    tile.leaveOut(r);
                }
            }
            tile.add(deviations, packed.gradients(), 0, -GradientTile.KEYS, farBlock, scratch);
            tile.addWeights(mass, rows);
            tile.store(farSums);
            takeGroups(gradient, first, size);
        }
        float[] sums = tile.blockRows(farBlock, 1, 0, features, rows);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < d; c++) {
                float delta = deviationRows.get(r, c);
                gradients[r * d + c] += sums[r * features + c] + 2 * delta * sums[r * features + stride + c]
                        + mass[r] * tilted[r * stride + c];
            }
        }
    }

    private void loadGroups(FarField far) {
        for (int g = 0; g < keys.groups(); g++) {
            boolean empty = far.logMass(g) <= FarField.EMPTY;
            for (int c = 0; c < stride; c++) {
                row[c] = far.keys()[g * stride + c];
                row[stride + c] = 0.5f * far.variances()[g * stride + c];
            }
            row[2 * stride] = empty ? 0 : far.logMass(g);
            groupRows.write(g, row, 0);
            groupValues.write(g, far.values(), g * groupValues.stride());
        }
    }

    /**
     * The queries as they meet groups. The values of all groups move by Mᵀδ, so that the slopes of a query have
     * dO·Mᵀδ = u·δ more, with u = M·dO.
     */
    private void loadDeviations(int from, int rows, FarField far) {
        long order = head.orderAddress() + (long) from * Integer.BYTES;
        double[] shift = keyHead.shift(source.query(), order, 0, rows, centre);
        float[] tilt = far.tilt();
        for (int c = 0; c < d && tilt.length > 0; c++) {
            for (int v = 0; v < dv; v++) {
                turned[v * stride + c] = tilt[c * groupValues.stride() + v];
            }
        }
        Arrays.fill(tilted, 0, rows * stride, 0);
        deviations.resize(rows);
        for (int r = 0; r < rows; r++) {
            int at = head.order()[from + r];
            source.gradient().readRow(at, outputGradient, 0);
            source.output().readRow(at, output, 0);
            double slope = 0;
            for (int v = 0; v < dv; v++) {
                slope -= (double) output[v] * outputGradient[v];
            }
            for (int v = 0; v < dv && tilt.length > 0; v++) {
                float g = outputGradient[v];
                for (int c = 0; c < stride; c++) {
                    tilted[r * stride + c] += g * turned[v * stride + c];
                }
            }
            head.queries().read(from + r, row, 0);
            for (int c = 0; c < stride; c++) {
                float delta = row[c] - centroid[c];
                row[c] = delta;
                row[stride + c] = delta * delta;
                slope += (double) delta * tilted[r * stride + c];
            }
            row[2 * stride] = 1;
            deviationRows.write(r, row, 0);
            packed.gradients().setBias(r, (float) slope);
        }
        Matrix matrix = GradientSums.matrix(deviationRows);
        scratch.keep(Packer.class, Packer::new).pack(deviations, 0, rows, matrix, matrix, null, 0, null);
        for (int r = 0; r < rows; r++) {
            float sum = source.logSumExp().get(head.order()[from + r], 0);
            deviations.setBias(r, sum == Float.NEGATIVE_INFINITY ? sum : (float) (shift[r] - sum));
        }
    }

    /** What the sums of a tile of groups say of their log-masses, mean keys and mean values. */
    private void takeGroups(FarGradient gradient, int first, int size) {
        int valueStride = groupValues.stride();
        long values = farSums + GradientTile.valueOffset(features);
        for (int r = 0; r < size; r++) {
            int g = first + r;
            gradient.masses()[g] += Memory.getFloat(farSums + GradientTile.index(r, 2 * stride, features));
            for (int c = 0; c < d; c++) {
                gradient.keys()[g * stride + c] += Memory.getFloat(farSums + GradientTile.index(r, c, features));
            }
            for (int v = 0; v < dv; v++) {
                gradient.values()[g * valueStride + v] += Memory.getFloat(values + GradientTile.index(r, v, dv));
            }
        }
    }
}
