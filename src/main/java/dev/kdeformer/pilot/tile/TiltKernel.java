package dev.kdeformer.pilot.tile;

import static dev.kdeformer.kernel.Lanes.DEPTH;
import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * How values move with keys: Σ w (k − κ)(v − ν)ᵀ over drawn keys, with the means κ and ν of each key's group, as a
 * product of matrices. Kept per thread.
 */
public final class TiltKernel {
    private final Packer packer = new Packer();
    private final int[] ascending = new int[DEPTH];
    private float[] left = new float[0];
    private float[] sums = new float[0];
    private int d;
    private int valueStride;
    /** Weighted deviations of keys, and deviations of values, that wait for the product. */
    private Rows keyRows;
    private Rows valueRows;
    private long panel;
    private int waiting;

    TiltKernel() {
        Arrays.setAll(ascending, i -> i);
    }

    /**
     * The products about given means.
     *
     * @param meanKeys   mean key of group g from index {@code g · stride} on
     * @param meanValues mean value of group g
     * @return a row of value stride for each feature of the keys, good until the next call
     */
    public float[] deviations(KeyGroups keys, DrawnKeys drawn, float[] meanKeys, float[] meanValues, Scratch scratch) {
        return deviations(keys.keys(), keys.values(), keys.starts(), drawn, meanKeys, meanValues, scratch);
    }

    /**
     * The same for any groups of consecutive keys.
     *
     * @param starts first key of every group, and the number of keys after the last
     */
    public float[] deviations(Rows keys, Rows values, int[] starts, DrawnKeys drawn, float[] meanKeys,
            float[] meanValues, Scratch scratch) {
        long mark = scratch.mark();
        begin(keys, values, scratch);
        add(keys, values, starts, drawn, meanKeys, meanValues);
        flush();
        scratch.release(mark);
        return sums;
    }

    /**
     * The products about the means of what a node folds, and what joining two parts of a group adds to the products of
     * both about the mean of the whole: mass · mass' / (mass + mass') times the products of the distances of the means.
     *
     * @param before the far field that the fold will join
     */
    public float[] joining(KeyGroups keys, DrawnKeys drawn, Fold fold, FarField before, Scratch scratch) {
        long mark = scratch.mark();
        begin(keys.keys(), keys.values(), scratch);
        add(keys.keys(), keys.values(), keys.starts(), drawn, fold.keys(), fold.values());
        for (int g = 0; g < keys.groups(); g++) {
            double old = before.mass(g, fold.top());
            if (old > 0 && fold.mass(g) > 0) {
                addDistance(g, (float) (old * fold.mass(g) / (old + fold.mass(g))), fold, before);
            }
        }
        flush();
        scratch.release(mark);
        return sums;
    }

    private void begin(Rows keys, Rows values, Scratch scratch) {
        d = keys.columns();
        valueStride = values.stride();
        int rows = Lanes.roundUp(d, QueryTile.ROWS);
        if (left.length < rows * STRIDE || sums.length < rows * valueStride) {
            left = new float[rows * STRIDE];
            sums = new float[rows * valueStride];
        }
        Arrays.fill(sums, 0, rows * valueStride, 0);
        keyRows = Rows.allocate(scratch, DEPTH, d);
        valueRows = Rows.allocate(scratch, DEPTH, values.columns());
        panel = scratch.floats((long) PANEL * d);
        waiting = 0;
    }

    private void add(Rows keys, Rows values, int[] starts, DrawnKeys drawn, float[] meanKeys, float[] meanValues) {
        int stride = keyRows.stride();
        int group = 0;
        for (int i = 0; i < drawn.count(); i++) {
            int key = drawn.key(i);
            while (key >= starts[group + 1]) {
                group++;
            }
            FloatVector w = FloatVector.broadcast(FLOATS, drawn.weight(i));
            long from = keys.row(key);
            long to = keyRows.row(waiting);
            for (int c = 0; c < stride; c += LANES) {
                Lanes.store(Lanes.load(from + c * 4L).sub(FloatVector.fromArray(FLOATS, meanKeys, group * stride + c))
                        .mul(w), to + c * 4L);
            }
            from = values.row(key);
            to = valueRows.row(waiting);
            for (int c = 0; c < valueStride; c += LANES) {
                Lanes.store(Lanes.load(from + c * 4L)
                        .sub(FloatVector.fromArray(FLOATS, meanValues, group * valueStride + c)), to + c * 4L);
            }
            next();
        }
    }

    private void addDistance(int group, float weight, Fold fold, FarField before) {
        int stride = keyRows.stride();
        long to = keyRows.row(waiting);
        for (int c = 0; c < stride; c += LANES) {
            Lanes.store(FloatVector.fromArray(FLOATS, fold.keys(), group * stride + c)
                    .sub(FloatVector.fromArray(FLOATS, before.keys(), group * stride + c)).mul(weight), to + c * 4L);
        }
        to = valueRows.row(waiting);
        for (int c = 0; c < valueStride; c += LANES) {
            Lanes.store(FloatVector.fromArray(FLOATS, fold.values(), group * valueStride + c)
                    .sub(FloatVector.fromArray(FLOATS, before.values(), group * valueStride + c)), to + c * 4L);
        }
        next();
    }

    private void next() {
        if (++waiting == DEPTH) {
            flush();
        }
    }

    /** Adds the product of all that wait, feature-major on the left. */
    private void flush() {
        for (int first = 0; first < waiting; first += PANEL) {
            packer.packPanel(ascending, first, Math.min(PANEL, waiting - first), keyRows.address(), keyRows.stride(), d,
                    panel);
            for (int c = 0; c < d; c++) {
                for (int v = 0; v < PANEL; v += LANES) {
                    Lanes.load(panel + ((long) c * PANEL + v << 2)).intoArray(left, c * STRIDE + first + v);
                }
            }
        }
        for (int first = 0; first < d && waiting > 0; first += QueryTile.ROWS) {
            for (int c = 0; c < valueStride; c += 2 * LANES) {
                ValueKernel.add(left, first * STRIDE, Math.min(QueryTile.ROWS, d - first), waiting,
                        valueRows.address() + c * 4L, valueStride * 4L, Math.min(2, (valueStride - c) / LANES), sums,
                        first * valueStride + c, valueStride);
            }
        }
        waiting = 0;
    }
}
