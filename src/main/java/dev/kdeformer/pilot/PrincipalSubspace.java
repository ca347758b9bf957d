package dev.kdeformer.pilot;

import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.PANEL;
import static dev.kdeformer.kernel.Lanes.STRIDE;

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
 */
final class PrincipalSubspace {
    /** Most directions. */
    static final int MOST = 4;

    /** Most rows that may be looked at. */
    private static final int SAMPLE = 256;

    private static final int ITERATIONS = 4;

    private final Packer packer = new Packer();
    private final int[] identity = new int[SAMPLE];
    private final float[] lanes = new float[LANES];
    private final float[] projections = new float[12 * STRIDE];
    private final float[] directions = new float[12 * STRIDE];
    private final double[] values = new double[MOST];
    private float[] mean = new float[0];
    private float[] products = new float[0];
    private double trace;

    PrincipalSubspace() {
        Arrays.setAll(identity, i -> i);
    }

    /** The mean of the rows, padded with zeros to whole vectors. */
    float[] mean() {
        return mean;
    }

    /** The directions, orthonormal; direction i starts at {@code i · STRIDE}. */
    float[] directions() {
        return directions;
    }

    /** The variance along direction {@code i}. */
    double variance(int i) {
        return values[i];
    }

    /** The sum of the variances along all axes. */
    double trace() {
        return trace;
    }

    /**
     * Finds the directions of rows {@code order[from … to)} of {@code x}.
     *
     * @param order may be null for the identity
     * @param most  rows to look at, evenly spaced over the set, up to 256
     * @param rank  number of directions, 0 to MOST; fewer are found where the rows span less, the rest are zeros
     */
    void find(Rows x, int[] order, int from, int to, int most, int rank, Scratch scratch) {
        int stride = x.stride();
        int count = Math.min(Math.min(SAMPLE, most), to - from);
        int padded = Lanes.roundUp(count, PANEL);
        if (mean.length < stride) {
            mean = new float[stride];
            products = new float[12 * stride];
        }
        long mark = scratch.mark();
        Rows sample = Rows.allocate(scratch, padded, x.columns());
        long panels = scratch.floats((long) padded * x.columns());
        long zeros = scratch.floats(PANEL);
        Memory.fillFloats(zeros, PANEL, 0);
        centre(x, order, from, to, count, sample);
        if (rank > 0) {
            for (int first = 0; first < padded; first += PANEL) {
                packer.packPanel(identity, first, Math.min(PANEL, count - first), sample.address(), stride,
                        x.columns(), panels + ((long) first * x.columns() << 2));
            }
            iterate(sample, panels, zeros, count, rank);
        }
        scratch.release(mark);
    }

    private void centre(Rows x, int[] order, int from, int to, int count, Rows sample) {
        int stride = x.stride();
        Arrays.fill(mean, 0, stride, 0);
        for (int i = 0; i < count; i++) {
            int position = from + (int) ((long) i * (to - from) / count);
            long row = x.row(order == null ? position : order[position]);
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
                squares = v.fma(v, squares);
            }
        }
        trace = total(squares) / (double) count;
    }

    private void iterate(Rows sample, long panels, long zeros, int count, int rank) {
        int d = sample.columns();
        int stride = sample.stride();
        Arrays.fill(directions, 0);
        // Sums of rows with changing signs: random enough to hold a part of every leading direction.
        for (int i = 0; i < count; i++) {
            int r = i % rank;
            float sign = (i / rank * 0x9e37_79b9 >>> 30 & 1) == 0 ? 1 : -1;
            long row = sample.row(i);
            for (int c = 0; c < stride; c += LANES) {
                Lanes.load(row + c * 4L).mul(sign).add(FloatVector.fromArray(Lanes.FLOATS, directions, r * STRIDE + c))
                        .intoArray(directions, r * STRIDE + c);
            }
        }
        orthonormalise(rank, stride);
        for (int round = 0; round <= ITERATIONS; round++) {
            for (int first = 0; first < count; first += PANEL) {
                LogitKernel.logits(directions, rank, d, panels + ((long) first * d << 2), zeros, projections, first);
            }
            if (round == ITERATIONS) {
                break;
            }
            Arrays.fill(products, 0, 12 * stride, 0);
            for (int c = 0; c < stride; c += 2 * LANES) {
                ValueKernel.add(projections, 0, rank, count, sample.address() + c * 4L, stride * 4L,
                        Math.min(2, (stride - c) / LANES), products, c, stride);
            }
            for (int r = 0; r < rank; r++) {
                System.arraycopy(products, r * stride, directions, r * STRIDE, stride);
            }
            orthonormalise(rank, stride);
        }
        for (int r = 0; r < rank; r++) {
            FloatVector squares = FloatVector.zero(Lanes.FLOATS);
            for (int i = 0; i < Lanes.roundUp(count, PANEL); i += LANES) {
                FloatVector p = FloatVector.fromArray(Lanes.FLOATS, projections, r * STRIDE + i);
                squares = p.fma(p, squares);
            }
            values[r] = total(squares) / (double) count;
        }
    }

    private void orthonormalise(int rank, int stride) {
        for (int r = 0; r < rank; r++) {
            for (int before = 0; before < r; before++) {
                float dot = dot(r * STRIDE, before * STRIDE, stride);
                for (int c = 0; c < stride; c += LANES) {
                    FloatVector.fromArray(Lanes.FLOATS, directions, before * STRIDE + c).mul(-dot)
                            .add(FloatVector.fromArray(Lanes.FLOATS, directions, r * STRIDE + c))
                            .intoArray(directions, r * STRIDE + c);
                }
            }
            float squares = dot(r * STRIDE, r * STRIDE, stride);
            // Rows that span fewer directions leave only rounding noise here.
            float scale = squares > 1e-30f ? (float) (1 / Math.sqrt(squares)) : 0;
            for (int c = 0; c < stride; c += LANES) {
                FloatVector.fromArray(Lanes.FLOATS, directions, r * STRIDE + c).mul(scale)
                        .intoArray(directions, r * STRIDE + c);
            }
        }
    }

    private float dot(int a, int b, int stride) {
        FloatVector sum = FloatVector.zero(Lanes.FLOATS);
        for (int c = 0; c < stride; c += LANES) {
            sum = FloatVector.fromArray(Lanes.FLOATS, directions, a + c)
                    .fma(FloatVector.fromArray(Lanes.FLOATS, directions, b + c), sum);
        }
        return total(sum);
    }

    /** The sum of the lanes, always in the same order. */
    private float total(FloatVector v) {
        v.intoArray(lanes, 0);
        float total = 0;
        for (int lane = 0; lane < LANES; lane += 4) {
            total += lanes[lane] + lanes[lane + 1] + (lanes[lane + 2] + lanes[lane + 3]);
        }
        return total;
    }
}
