package dev.kdeformer.pilot.gradient;

import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.GradientTile;
import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitScale;
import dev.kdeformer.kernel.PackedKeys;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.pilot.tile.Damping;
import dev.kdeformer.pilot.tile.FarField;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import java.util.Arrays;

/**
 * The gradients of the queries of one tile after another, by themselves, by their near keys and by the far field. The
 * near keys of a tile are a tile of exact attention. Its groups are one more: a query δ away from the centroid meets
 * group g with the features (δ, δ², 1) and the group's (κ, ½c, a), so that the same kernel does both.
 */
final class LeafGradient {
    /**
     * A query head.
     *
     * @param keys    of the key head that it reads
     * @param queries times the scale, reflected like the keys
     * @param source  with queries that are reflected too
     */
    record Head(KeyHead head, KeyGroups keys, Rows queries, GradientRows.Source source) {
    }

    /**
     * What gradients are added to.
     *
     * @param dQuery by the caller's queries
     * @param dKey   by the keys, in group order
     * @param dValue by the values, in group order
     */
    record Targets(Matrix dQuery, Rows dKey, Rows dValue) {
    }

    /**
     * The queries of a tile.
     *
     * @param rows    the caller's rows of the queries of this and of other tiles
     * @param address the same off the heap
     * @param from    position of the first one among them
     * @param to      position after the last
     * @param sorted  whether {@link Head#queries} has the order of {@code rows} rather than the caller's
     */
    record Queries(int[] rows, long address, int from, int to, boolean sorted) {
        private int place(int position) {
            return sorted ? position : rows[position];
        }
    }

    private final KeyGroups keys;
    private final KeyHead keyHead;
    private final Rows queries;
    private final GradientRows.Source source;
    private final Matrix dQuery;
    private final Matrix nearKeys;
    private final Matrix nearValues;
    private final Matrix dNearKeys;
    private final Matrix dNearValues;
    private final float scale;
    private final LogitScale nearScale;
    private final Scratch scratch;
    private final GradientTile tile;
    private final GradientRows packed;
    private final PackedKeys deviations;
    private final Rows deviationRows;
    private final Rows groupRows;
    private final Rows groupValues;
    private final long near;
    private final long block;
    private final long farBlock;
    private final long farSums;
    /** What was subtracted from the keys, reflected like them. */
    private final float[] centre;
    private final float[] gradients;
    private final float[] tilted;
    private final float[] turned;
    private final float[] outputGradient;
    private final float[] row;
    private final float[] before;
    private final float[] output;
    /** Of the tile. */
    private float[] centroid;
    private final float[] mass = new float[GradientTile.QUERIES];
    /** What the second order of each query is multiplied by, and the derivative of that by the variance. */
    private final float[] damped = new float[GradientTile.QUERIES];
    private final float[] dampedMore = new float[GradientTile.QUERIES];
    /** Of the far field, the mean of its groups. */
    private float[] variances;
    private final int d;
    private final int dv;
    private final int stride;
    private final int features;

    LeafGradient(Head head, Targets targets, float scale, Scratch scratch) {
        this.keys = head.keys;
        this.keyHead = head.head;
        this.queries = head.queries;
        this.source = head.source;
        this.dQuery = targets.dQuery;
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
        this.dNearKeys = GradientSums.matrix(targets.dKey);
        this.dNearValues = GradientSums.matrix(targets.dValue);
        this.packed = new GradientRows(scratch, GradientTile.QUERIES, d, dv, nearScale);
        this.deviations = new PackedKeys(scratch, GradientTile.QUERIES, features, features, LogitScale.of(1));
        this.deviationRows = Rows.allocate(scratch, GradientTile.QUERIES, features);
        this.groupRows = Rows.allocate(scratch, keys.groups(), features);
        this.groupValues = Rows.allocate(scratch, keys.groups(), dv);
        this.near = scratch.ints(keys.count());
        this.block = scratch.floats(GradientTile.blockFloats(d));
        this.farBlock = scratch.floats(GradientTile.blockFloats(features));
        this.farSums = scratch.floats(GradientTile.sumFloats(features, dv));
        float[] reflected = Arrays.copyOf(keys.centre(), stride);
        keys.reflection().apply(reflected);
        this.centre = Arrays.copyOf(reflected, d);
        this.gradients = new float[GradientTile.QUERIES * d];
        this.tilted = new float[GradientTile.QUERIES * stride];
        this.turned = new float[dv * stride];
        this.outputGradient = new float[dv];
        this.output = new float[dv];
        this.before = new float[stride];
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

    /**
     * Adds the gradients of a tile.
     *
     * @param newCentroid that of its queries
     * @param chosen      its near keys, {@code count} of them
     * @param gradient    receives the gradients by the far field, added
     */
    void add(float[] newCentroid, Queries tileQueries, int[] chosen, int count, FarField far, FarGradient gradient) {
        centroid = newCentroid;
        variances = far.meanVariances();
        for (int first = tileQueries.from; first < tileQueries.to; first += GradientTile.QUERIES) {
            meet(tileQueries, first, Math.min(GradientTile.QUERIES, tileQueries.to - first), chosen, count, far,
                    gradient);
        }
    }

    private void meet(Queries all, int from, int rows, int[] chosen, int count, FarField far, FarGradient gradient) {
        long order = all.address + (long) from * Integer.BYTES;
        packed.resize(rows);
        packed.pack(keyHead, source, order, 0, rows, Centring.of(centre), scratch);
        meetNear(chosen, count);
        System.arraycopy(tile.blockRows(block, 1, 0, d, rows), 0, gradients, 0, rows * d);
        if (!far.isEmpty()) {
            meetFar(gradient, all, from, rows, far);
        }
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < d; c++) {
                row[c] = scale * gradients[r * d + c];
            }
            Arrays.fill(row, d, stride, 0);
            keys.reflection().apply(row);
            dQuery.readRow(all.rows[from + r], before, 0);
            for (int c = 0; c < d; c++) {
                row[c] += before[c];
            }
            dQuery.writeRow(all.rows[from + r], row, 0);
        }
    }

    private void meetNear(int[] chosen, int count) {
        Memory.putInts(near, chosen, 0, count);
        Memory.fillFloats(block, GradientTile.blockFloats(d), 0);
        for (int first = 0; first < count; first += GradientTile.KEYS) {
            int size = Math.min(GradientTile.KEYS, count - first);
            tile.load(new KeySource(nearKeys, nearValues, null, near, Centring.NONE), first, size, nearScale, 0);
            for (int r = 0; r < size; r++) {
                tile.weigh(r, keys.biases()[chosen[first + r]]);
            }
            tile.add(packed.queries(), packed.gradients(), 0, -GradientTile.KEYS, block, scratch);
            tile.addTo(dNearKeys, dNearValues, near, first, scale);
        }
    }

    private void meetFar(FarGradient gradient, Queries all, int from, int rows, FarField far) {
        loadGroups(far);
        loadDeviations(all, from, rows, far);
        Memory.fillFloats(farBlock, GradientTile.blockFloats(features), 0);
        Arrays.fill(mass, 0);
        Matrix groupKeys = GradientSums.matrix(groupRows);
        Matrix values = GradientSums.matrix(groupValues);
        for (int first = 0; first < keys.groups(); first += GradientTile.KEYS) {
            int size = Math.min(GradientTile.KEYS, keys.groups() - first);
            tile.load(new KeySource(groupKeys, values, null, 0, Centring.NONE), first, size, LogitScale.of(1), 0);
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
            float second = 0;
            for (int c = 0; c < d && dampedMore[r] != 0; c++) {
                float delta = deviationRows.get(r, c);
                second += delta * delta * sums[r * features + stride + c];
            }
            for (int c = 0; c < d; c++) {
                float delta = deviationRows.get(r, c);
                gradients[r * d + c] += sums[r * features + c]
                        + 2 * delta * (damped[r] * sums[r * features + stride + c]
                        + dampedMore[r] * second * variances[c])
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
    private void loadDeviations(Queries all, int from, int rows, FarField far) {
        long order = all.address + (long) from * Integer.BYTES;
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
            int at = all.rows[from + r];
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
            queries.read(all.place(from + r), row, 0);
            for (int c = 0; c < stride; c++) {
                float delta = row[c] - centroid[c];
                row[c] = delta;
                row[stride + c] = delta * delta;
                slope += (double) delta * tilted[r * stride + c];
            }
            double variance = Lanes.dot(row, stride, variances, 0, stride);
            damped[r] = (float) Damping.factor(variance);
            dampedMore[r] = (float) Damping.slope(variance);
            for (int c = 0; c < stride && damped[r] < 1; c++) {
                row[stride + c] *= damped[r];
            }
            row[2 * stride] = 1;
            deviationRows.write(r, row, 0);
            packed.gradients().setBias(r, (float) slope);
        }
        Matrix matrix = GradientSums.matrix(deviationRows);
        scratch.keep(Packer.class, Packer::new).pack(deviations, 0, rows, KeySource.of(matrix, 0));
        for (int r = 0; r < rows; r++) {
            float sum = source.logSumExp().get(all.rows[from + r], 0);
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
