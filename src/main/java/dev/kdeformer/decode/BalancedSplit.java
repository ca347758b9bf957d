package dev.kdeformer.decode;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Sorts rows into groups of similar ones: recursive halving at the median of the projections on a principal direction
 * of each part, which a few rounds of power iteration on a sample find. Every group gets the same number of rows, and
 * the same rows always give the same groups.
 */
final class BalancedSplit {
    private static final int SAMPLE = 128;
    private static final int ROUNDS = 3;

    private final long rows;
    private final int stride;
    private final int group;
    private final int[] order;
    private final float[] projection;
    private final float[] sample;
    private final float[] mean;
    private final float[] direction;
    private final float[] next;

    private BalancedSplit(long rows, int count, int stride, int group) {
        this.rows = rows;
        this.stride = stride;
        this.group = group;
        this.order = new int[count];
        this.projection = new float[count];
        this.sample = new float[SAMPLE * stride];
        this.mean = new float[stride];
        this.direction = new float[stride];
        this.next = new float[stride];
    }

    /**
     * The order in which {@code group} rows after each other form a group.
     *
     * @param rows   address of the rows
     * @param count  number of rows, a multiple of {@code group}
     * @param stride floats from row to row, a multiple of LANES, zeros after the last feature
     */
    static int[] order(long rows, int count, int stride, int group) {
        BalancedSplit split = new BalancedSplit(rows, count, stride, group);
        for (int i = 0; i < count; i++) {
            split.order[i] = i;
        }
        split.split(0, count);
        return split.order;
    }

    private void split(int from, int to) {
        int groups = (to - from) / group;
        if (groups < 2) {
            return;
        }
        int middle = from + groups / 2 * group;
        findDirection(from, to);
        for (int i = from; i < to; i++) {
            projection[i] = Lanes.dot(rows + (long) order[i] * stride * 4, direction, 0, stride);
        }
        select(from, to, middle);
        split(from, middle);
        split(middle, to);
    }

    /** The principal direction of the rows at [from, to) of the order. */
    private void findDirection(int from, int to) {
        int count = Math.min(SAMPLE, to - from);
        Arrays.fill(mean, 0);
        for (int i = 0; i < count; i++) {
            long row = rows + (long) order[from + (int) ((long) i * (to - from) / count)] * stride * 4;
            for (int c = 0; c < stride; c += LANES) {
                FloatVector x = Lanes.load(row + c * 4L);
                x.intoArray(sample, i * stride + c);
                FloatVector.fromArray(FLOATS, mean, c).add(x).intoArray(mean, c);
            }
        }
        for (int c = 0; c < stride; c++) {
            mean[c] /= count;
        }
        int farthest = 0;
        float largest = -1;
        for (int i = 0; i < count; i++) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int c = 0; c < stride; c += LANES) {
                FloatVector x = FloatVector.fromArray(FLOATS, sample, i * stride + c)
                        .sub(FloatVector.fromArray(FLOATS, mean, c));
                x.intoArray(sample, i * stride + c);
                sum = fma(x, x, sum);
            }
            float squares = Lanes.sum(sum);
            if (squares > largest) {
                largest = squares;
                farthest = i;
            }
        }
        System.arraycopy(sample, farthest * stride, direction, 0, stride);
        normalise(direction);
        for (int round = 0; round < ROUNDS; round++) {
            Arrays.fill(next, 0);
            for (int i = 0; i < count; i++) {
                float p = Lanes.dot(sample, i * stride, direction, 0, stride);
                for (int c = 0; c < stride; c += LANES) {
                    fma(FloatVector.fromArray(FLOATS, sample, i * stride + c), FloatVector.broadcast(FLOATS, p),
                            FloatVector.fromArray(FLOATS, next, c)).intoArray(next, c);
                }
            }
            System.arraycopy(next, 0, direction, 0, stride);
            normalise(direction);
        }
    }

    private static void normalise(float[] x) {
        float largest = 0;
        for (float each : x) {
            largest = Math.max(largest, Math.abs(each));
        }
        // By the largest element: enough for a direction, and the squares of the next round cannot overflow.
        float by = largest > 0 ? 1 / largest : 0;
        for (int c = 0; c < x.length; c++) {
            x[c] *= Float.isInfinite(by) ? 0 : by;
        }
    }

    /** Puts the smallest projections of [from, to) before {@code middle}. */
    private void select(int from, int to, int middle) {
        int low = from;
        int high = to - 1;
        while (low < high) {
            float pivot = projection[(low + high) >>> 1];
            int i = low;
            int j = high;
            while (i <= j) {
                while (projection[i] < pivot) {
                    i++;
                }
                while (projection[j] > pivot) {
                    j--;
                }
                if (i <= j) {
                    swap(i++, j--);
                }
            }
            if (middle <= j) {
                high = j;
            } else if (middle >= i) {
                low = i;
            } else {
                return;
            }
        }
    }

    private void swap(int i, int j) {
        float p = projection[i];
        projection[i] = projection[j];
        projection[j] = p;
        int o = order[i];
        order[i] = order[j];
        order[j] = o;
    }
}
