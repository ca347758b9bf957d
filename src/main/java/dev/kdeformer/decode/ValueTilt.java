package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.STEP;
import static dev.kdeformer.kernel.Lanes.STRIDE;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.runtime.Memory;

/**
 * How values go with keys inside the groups of a region: the mean over groups of Σ (k − k̄)(v − v̄)ᵀ / GROUP, divided
 * by the mean spread of the groups. To first order the values of a group of spread s, weighted by their logits with a
 * query q, have the mean v̄ + s·Cᵀ·(scale·q). Groups err in this together, so that leaving it out does not average out.
 */
final class ValueTilt {
    /** Most groups that are looked at, evenly spaced. */
    private static final int SAMPLE = 512;

    private static final int BATCH = STEP / GROUP;

    /** A spread that is a smaller part of the keys' mean square is rounding. */
    private static final double ROUNDING = 1e-10;

    private final int d;
    private final int valueStride;
    private final int padded;
    private final float[] left;
    private final float[] sums;
    private double spreads;
    private double squares;

    private ValueTilt(int d, int valueStride) {
        this.d = d;
        this.valueStride = valueStride;
        this.padded = Lanes.roundUp(d, ValueKernel.ROW_MULTIPLE);
        this.left = new float[padded * STRIDE];
        this.sums = new float[padded * valueStride];
    }

    /**
     * Writes the matrix of one head of a region, d rows of {@code valueStride} floats, to {@link Region#tilt}.
     *
     * @param room  address of {@code STEP} rows of values to work in
     * @param small address of {@link Store#roomBytes} to work in
     */
    static void write(Store store, Region region, int unit, long room, long small) {
        ValueTilt tilt = new ValueTilt(store.d(), store.valueStride());
        int count = Math.min(SAMPLE, region.leaves());
        for (int i = 0; i < count; i += BATCH) {
            int groups = Math.min(BATCH, count - i);
            for (int b = 0; b < groups; b++) {
                int leaf = (int) ((long) (i + b) * region.leaves() / count);
                tilt.load(store, region, unit, leaf, b * GROUP, room, small);
            }
            for (int v = 0; v < tilt.valueStride / LANES; v += ValueKernel.WIDEST) {
                ValueKernel.add(tilt.left, 0, tilt.d, groups * GROUP, room + v * Lanes.VECTOR_BYTES,
                        tilt.valueStride * 4L, Math.min(ValueKernel.WIDEST, tilt.valueStride / LANES - v), tilt.sums,
                        v * LANES, tilt.valueStride);
            }
        }
        boolean real = tilt.spreads > ROUNDING * tilt.squares;
        double scale = 1 / (GROUP * tilt.spreads);
        int floats = tilt.d * tilt.valueStride;
        for (int i = 0; i < floats && real; i++) {
            float x = (float) (scale * tilt.sums[i]);
            real = Float.isFinite(x);
            Memory.putFloat(region.tilt(unit) + i * 4L, x);
        }
        if (!real) {
            Memory.fillFloats(region.tilt(unit), floats, 0);
        }
    }

    /** Deviations of a group's keys, feature-major from column {@code at} on, and of its values, row by row. */
    private void load(Store store, Region region, int unit, int leaf, int at, long room, long small) {
        int group = region.first() / GROUP + leaf;
        long keys = store.floatKeys(unit, group, small);
        long means = region.means(unit, leaf / GROUP * GROUP) + leaf % GROUP * 4L;
        for (int c = 0; c < d; c++) {
            float mean = Memory.getFloat(means + (long) c * GROUP * Float.BYTES);
            for (int j = 0; j < GROUP; j++) {
                float x = Memory.getFloat(keys + ((long) c * GROUP + j) * Float.BYTES);
                left[c * STRIDE + at + j] = x - mean;
                squares += (double) x * x / ((double) GROUP * d);
            }
        }
        spreads += Memory.getFloat(region.spreads(unit) + leaf * 4L);
        long values = store.floatValues(unit, group, small);
        long mean = region.meanValue(unit, leaf);
        for (int j = 0; j < GROUP; j++) {
            for (int c = 0; c < valueStride; c += LANES) {
                long row = (long) j * valueStride + c;
                Lanes.store(Lanes.load(values + row * 4).sub(Lanes.load(mean + c * 4L)),
                        room + ((long) at * valueStride + row) * 4);
            }
        }
    }
}
