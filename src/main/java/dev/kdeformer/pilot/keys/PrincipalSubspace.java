package dev.kdeformer.pilot.keys;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;
import static dev.kdeformer.runtime.MultiplyAdd.FUSED;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.LogitKernel;
import dev.kdeformer.kernel.Packer;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The mean and the leading principal directions of a set of rows, by subspace iteration on a sample of
 * them. Kept per thread.
 *
 * <p>In a metric C, a direction w stands for the functional x ↦ w·x, and the variance sought is that of x·w over all w
 * with wᵀ C⁻¹ w = 1. The iteration w ← C (XᵀX w) keeps z = XᵀX w beside w, so that products in C⁻¹ are z·w and
 * neither a factor nor an inverse of C is needed.
 */
public final class PrincipalSubspace {
    /** Most directions. */
    static final int MOST = 6;

    /** Most rows that may be looked at. */
    private static final int SAMPLE = 256;

    /** Rows that every product of the directions writes, whatever the height of its register tile. */
    private static final int ROWS = 2 * LogitKernel.ROWS;

    private final Packer packer = new Packer();
    private final int[] identity = new int[SAMPLE];
    private final float[] projections = new float[ROWS * STRIDE];
    private final float[] directions = new float[ROWS * STRIDE];
    private final double[] values = new double[MOST];
    private float[] mean = new float[0];
    /** Directions before the metric, side by side with them. */
    private final float[] images = new float[ROWS * STRIDE];
    private double trace;

    /** Makes one that has found nothing yet. Kept per thread. */
    public PrincipalSubspace() {
        Arrays.setAll(identity, i -> i);
    }

    /** The mean of the rows, padded with zeros to whole vectors. */
    public float[] mean() {
        return mean;
    }

    /** The directions, orthonormal in the metric; direction i starts at {@code i · STRIDE}. */
    public float[] directions() {
        return directions;
    }

    /** The variance along direction {@code i}. */
    public double variance(int i) {
        return values[i];
    }

    /** The sum of the variances along all axes. */
    public double trace() {
        return trace;
    }

    /**
     * How directions are found.
     *
     * @param sample     rows to look at, evenly spaced over the set, up to 256
     * @param rank       number of directions, 0 to MOST; fewer are found where the rows span less, the rest are zeros
     * @param iterations more find the leading ones better where others are nearly as long
     * @param metric     null for the Euclidean one
     */
    public record Search(int sample, int rank, int iterations, Metric metric) {
    }

    /** Finds the directions of some rows. */
    public void find(RowRange rows, Search search, Scratch scratch) {
        Rows x = rows.all();
        int stride = x.stride();
        int count = Math.min(Math.min(SAMPLE, search.sample), rows.count());
        int padded = Lanes.roundUp(count, PANEL);
        if (mean.length < stride) {
            mean = new float[stride];
        }
        long mark = scratch.mark();
        Rows sample = Rows.allocate(scratch, padded, x.columns());
        long panels = scratch.floats((long) padded * x.columns());
        long zeros = scratch.floats(PANEL);
        Memory.fillFloats(zeros, PANEL, 0);
        centre(rows, count, sample);
        if (search.rank > 0) {
            for (int first = 0; first < padded; first += PANEL) {
                packer.packPanel(identity, first, Math.min(PANEL, count - first), sample.address(), stride,
                        x.columns(), panels + ((long) first * x.columns() << 2));
            }
            iterate(sample, panels, zeros, count, search);
        }
        scratch.release(mark);
    }

    private void centre(RowRange rows, int count, Rows sample) {
        int stride = sample.stride();
        Arrays.fill(mean, 0, stride, 0);
        for (int i = 0; i < count; i++) {
            long row = rows.all().row(rows.sampled(i, count));
            long copy = sample.row(i);
            for (int c = 0; c < stride; c += LANES) {
                FloatVector v = Lanes.load(row + c * 4L);
                Lanes.store(v, copy + c * 4L);
                v.add(FloatVector.fromArray(Lanes.FLOATS, mean, c)).intoArray(mean, c);
            }
        }
        for (int c = 0; c < stride; c++) {
            mean[c] /= count;
        }
        FloatVector squares = FloatVector.zero(Lanes.FLOATS);
        for (int i = 0; i < count; i++) {
            long copy = sample.row(i);
            for (int c = 0; c < stride; c += LANES) {
                FloatVector v = Lanes.load(copy + c * 4L).sub(FloatVector.fromArray(Lanes.FLOATS, mean, c));
                Lanes.store(v, copy + c * 4L);
                squares = FUSED ? v.fma(v, squares) : v.mul(v).add(squares);
            }
        }
        trace = Lanes.sum(squares) / (double) count;
    }

    private void iterate(Rows sample, long panels, long zeros, int count, Search search) {
        int rank = search.rank;
        int d = sample.columns();
        int stride = sample.stride();
        Arrays.fill(images, 0);
        // Sums of rows with changing signs: random enough to hold a part of every leading direction.
        for (int i = 0; i < count; i++) {
            int r = i % rank;
            float sign = (i / rank * 0x9e37_79b9 >>> 30 & 1) == 0 ? 1 : -1;
            long row = sample.row(i);
            for (int c = 0; c < stride; c += LANES) {
                Lanes.load(row + c * 4L).mul(sign).add(FloatVector.fromArray(Lanes.FLOATS, images, r * STRIDE + c))
                        .intoArray(images, r * STRIDE + c);
            }
        }
        Arrays.fill(directions, 0);
        orthonormalise(rank, stride, search.metric);
        for (int round = 0; round <= search.iterations; round++) {
            for (int first = 0; first < count; first += PANEL) {
                LogitKernel.logits(directions, rank, d, panels + ((long) first * d << 2), zeros, projections, first);
            }
            if (round == search.iterations) {
                break;
            }
            Arrays.fill(images, 0);
            for (int c = 0; c < stride; c += 2 * LANES) {
                ValueKernel.add(projections, 0, rank, count, sample.address() + c * 4L, stride * 4L,
                        Math.min(2, (stride - c) / LANES), images, c, STRIDE);
            }
            orthonormalise(rank, stride, search.metric);
        }
        for (int r = 0; r < rank; r++) {
            FloatVector squares = FloatVector.zero(Lanes.FLOATS);
            for (int i = 0; i < Lanes.roundUp(count, PANEL); i += LANES) {
                FloatVector p = FloatVector.fromArray(Lanes.FLOATS, projections, r * STRIDE + i);
                squares = FUSED ? p.fma(p, squares) : p.mul(p).add(squares);
            }
            values[r] = Lanes.sum(squares) / (double) count;
        }
    }

    /** Sets the directions to orthonormal ones that span what the metric makes of the images. */
    private void orthonormalise(int rank, int stride, Metric metric) {
        if (metric == null) {
            for (int r = 0; r < rank; r++) {
                System.arraycopy(images, r * STRIDE, directions, r * STRIDE, stride);
            }
        } else {
            metric.multiply(images, rank, directions);
        }
        for (int r = 0; r < rank; r++) {
            for (int before = 0; before < r; before++) {
                float dot = Lanes.dot(images, r * STRIDE, directions, before * STRIDE, stride);
                subtract(directions, r, before, dot, stride);
                subtract(images, r, before, dot, stride);
            }
            float squares = Lanes.dot(images, r * STRIDE, directions, r * STRIDE, stride);
            // Rows that span fewer directions leave only rounding noise here.
            float scale = squares > 1e-30f ? (float) (1 / Math.sqrt(squares)) : 0;
            for (int c = r * STRIDE; c < r * STRIDE + stride; c += LANES) {
                FloatVector.fromArray(Lanes.FLOATS, directions, c).mul(scale).intoArray(directions, c);
                FloatVector.fromArray(Lanes.FLOATS, images, c).mul(scale).intoArray(images, c);
            }
        }
    }

    private static void subtract(float[] x, int r, int before, float part, int stride) {
        for (int c = 0; c < stride; c += LANES) {
            FloatVector.fromArray(Lanes.FLOATS, x, before * STRIDE + c).mul(-part)
                    .add(FloatVector.fromArray(Lanes.FLOATS, x, r * STRIDE + c)).intoArray(x, r * STRIDE + c);
        }
    }
}
