package dev.kdeformer.rivals;

import static dev.kdeformer.kernel.Lanes.FLOATS;
import static dev.kdeformer.kernel.Lanes.LANES;
import static dev.kdeformer.kernel.Lanes.load;
import static dev.kdeformer.kernel.Lanes.store;
import static dev.kdeformer.runtime.MultiplyAdd.fma;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.ValueKernel;
import dev.kdeformer.linalg.Cholesky;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Randomly pivoted Cholesky (Chen, Epperly, Tropp and Webber 2022) on the kernel e^{b+b'}·exp(s⟨k, k'⟩) of a head's
 * keys, and the Nyström weights of the chosen ones.
 *
 * <p>With exp(s⟨k, k'⟩) = exp(s‖k‖²/2)·exp(s‖k'‖²/2)·exp(−s‖k − k'‖²/2) the factor is that of the Gaussian kernel,
 * whose elements lie between 0 and 1; the outer factors stay logarithms. Pivots are drawn by the diagonal of what is
 * left of the whole kernel. A key of which less than 10⁻⁵ is left in the Gaussian kernel counts as rebuilt; when all
 * are, the coreset stays smaller than asked.
 */
final class PivotedCholesky {
    /** Keys that one task takes. */
    private static final int CHUNK = 2048;

    /** What the rounding of float32 sums cannot tell from nothing. */
    private static final double REBUILT = 1e-5;

    private final Keys keys;
    private final Team team;
    private final double strength;
    private final long factor;
    private final int[] pivots;
    private final double[] left;
    private final double[] exponents;
    private final double[] weights;
    private final double[] chunkSums;
    private int count;

    /**
     * Draws the pivots.
     *
     * @param strength s, per unit of the keys as given
     * @param size     pivots to draw
     * @param random   a stream for this alone
     */
    PivotedCholesky(Keys keys, double strength, int size, CounterRandom random, Team team) {
        this.keys = keys;
        this.team = team;
        this.strength = strength * keys.longest * keys.longest;
        this.factor = team.scratch().floats((long) size * keys.padded);
        this.pivots = new int[size];
        this.left = new double[keys.count];
        Arrays.fill(left, 1);
        this.exponents = new double[keys.count];
        for (int j = 0; j < keys.count; j++) {
            exponents[j] = this.strength * keys.squares[j] + 2 * keys.bias(j);
        }
        this.weights = new double[keys.count];
        this.chunkSums = new double[Math.ceilDiv(keys.count, CHUNK)];
        weigh();
        while (count < size) {
            int pivot = draw(random.uniform(count));
            if (pivot < 0) {
                return;
            }
            pivots[count] = pivot;
            eliminate(pivot);
            count++;
        }
    }

    /** Bytes of scratch memory for m keys of d features and r pivots. */
    static long bytes(int m, int r, int d) {
        return (long) Lanes.padKeys(m) * (d + r) * Float.BYTES;
    }

    /** Sets the weights relative to the largest exponent of a key that is not yet rebuilt. */
    private boolean weigh() {
        double top = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < left.length; j++) {
            if (left[j] > 0) {
                top = Math.max(top, exponents[j]);
            }
        }
        if (top == Double.NEGATIVE_INFINITY) {
            return false;
        }
        for (int j = 0; j < left.length; j++) {
            weights[j] = Math.exp(exponents[j] - top);
        }
        for (int chunk = 0; chunk < chunkSums.length; chunk++) {
            chunkSums[chunk] = sum(chunk);
        }
        return true;
    }

    private double sum(int chunk) {
        double sum = 0;
        for (int j = chunk * CHUNK; j < Math.min(left.length, (chunk + 1) * CHUNK); j++) {
            sum += left[j] * weights[j];
        }
        return sum;
    }

    /** The key at a share of the remaining diagonal; −1 if nothing remains. */
    private int draw(double share) {
        double total = Arrays.stream(chunkSums).sum();
        if (!(total > 1e-200)) {
            if (!weigh()) {
                return -1;
            }
            total = Arrays.stream(chunkSums).sum();
        }
        double target = share * total;
        int last = -1;
        for (int chunk = 0; chunk < chunkSums.length; chunk++) {
            if (target >= chunkSums[chunk] && chunk + 1 < chunkSums.length) {
                target -= chunkSums[chunk];
                continue;
            }
            for (int j = chunk * CHUNK; j < Math.min(left.length, (chunk + 1) * CHUNK); j++) {
                if (left[j] * weights[j] > 0) {
                    last = j;
                    target -= left[j] * weights[j];
                    if (target < 0) {
                        return j;
                    }
                }
            }
        }
        // Rounding may leave the target a hair beyond the last chunk, which may hold nothing any more.
        for (int j = left.length - 1; last < 0 && j >= 0; j--) {
            last = left[j] * weights[j] > 0 ? j : -1;
        }
        return last;
    }

    /** Adds the pivot's row to the factor and takes its squares from what is left. */
    private void eliminate(int pivot) {
        double diagonal = Math.sqrt(left[pivot]);
        float[] earlier = new float[count];
        for (int i = 0; i < count; i++) {
            earlier[i] = -at(i, pivot);
        }
        float[] key = keys.key(pivot);
        float inverse = (float) (1 / diagonal);
        long row = row(count);
        team.forEach(chunkSums.length, (chunk, scratch) -> {
            int from = chunk * CHUNK;
            int to = Math.min(keys.padded, from + CHUNK);
            keys.distances(key, from, to, row);
            for (int j = from; j < to; j++) {
                Memory.putFloat(row + 4L * j, (float) Math.exp(-strength / 2 * Memory.getFloat(row + 4L * j)));
            }
            for (int i = 0; i < earlier.length; i++) {
                long other = row(i);
                for (int j = from; j < to; j += LANES) {
                    store(fma(load(other + 4L * j), FloatVector.broadcast(FLOATS, earlier[i]), load(row + 4L * j)),
                            row + 4L * j);
                }
            }
            for (int j = from; j < Math.min(left.length, to); j++) {
                float f = Memory.getFloat(row + 4L * j) * inverse;
                if (left[j] == 0) {
                    f = 0;
                }
                Memory.putFloat(row + 4L * j, f);
                double rest = left[j] - (double) f * f;
                left[j] = rest > REBUILT ? rest : 0;
            }
            if (pivot >= from && pivot < to) {
                left[pivot] = 0;
                Memory.putFloat(row + 4L * pivot, (float) diagonal);
            }
            for (int j = left.length; j < to; j++) {
                Memory.putFloat(row + 4L * j, 0);
            }
            chunkSums[chunk] = sum(chunk);
        });
    }

    private long row(int i) {
        return factor + (long) i * keys.padded * Float.BYTES;
    }

    private float at(int i, int key) {
        return Memory.getFloat(row(i) + 4L * key);
    }

    /** The coreset with the values and ones of all keys compressed by the Nyström weights. */
    WildCat.Coreset compress(KeyHead head, int[] visible) {
        int dv = head.value().columns();
        double top = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < keys.count; j++) {
            top = Math.max(top, strength * keys.squares[j] / 2 + keys.bias(j));
        }
        double[][] sums = weightedSums(head, visible, top);
        double[] lower = new double[count * count];
        for (int i = 0; i < count; i++) {
            for (int j = 0; j <= i; j++) {
                lower[i * count + j] = at(j, pivots[i]);
            }
        }
        for (double[] column : sums) {
            Cholesky.solveUpper(lower, count, column);
        }
        float[] coreKeys = new float[count * keys.d];
        float[] values = new float[count * (dv + 1)];
        float[] bias = new float[count];
        for (int s = 0; s < count; s++) {
            double largest = 0;
            for (double[] column : sums) {
                largest = Math.max(largest, Math.abs(column[s]));
            }
            for (int c = 0; c <= dv && largest > 0; c++) {
                values[s * (dv + 1) + c] = (float) (sums[c][s] / largest);
            }
            double logarithm = top - strength * keys.squares[pivots[s]] / 2 + Math.log(largest > 0 ? largest : 1);
            bias[s] = (float) Math.max(-1e30, Math.min(1e30, logarithm));
            keys.centred(pivots[s], coreKeys, s * keys.d);
        }
        return new WildCat.Coreset(count, coreKeys, values, bias);
    }

    /** Products of the factor's rows with the values and ones, both times exp(s‖k‖²/2 + b − top); by column. */
    private double[][] weightedSums(KeyHead head, int[] visible, double top) {
        int dv = head.value().columns();
        int stride = Lanes.padColumns(dv + 1);
        int tiles = Lanes.roundUp(count, ValueKernel.ROW_MULTIPLE);
        float[][] parts = new float[chunkSums.length][];
        team.forEach(chunkSums.length, (chunk, scratch) -> {
            float[] o = new float[tiles * stride];
            float[] p = new float[tiles * Lanes.STRIDE];
            long rows = scratch.floats((long) Lanes.STEP * stride);
            float[] row = new float[stride];
            int end = Math.min(keys.count, (chunk + 1) * CHUNK);
            for (int from = chunk * CHUNK; from < end; from += Lanes.STEP) {
                int present = Math.min(Lanes.STEP, end - from);
                for (int j = 0; j < present; j++) {
                    head.value().readRow(visible[from + j], row, 0);
                    row[dv] = 1;
                    double u = Math.exp(strength * keys.squares[from + j] / 2 + keys.bias(from + j) - top);
                    for (int c = 0; c < stride; c++) {
                        Memory.putFloat(rows + ((long) j * stride + c) * 4, (float) (row[c] * u));
                    }
                }
                for (int i = 0; i < count; i++) {
                    for (int j = 0; j < present; j++) {
                        p[i * Lanes.STRIDE + j] = at(i, from + j);
                    }
                }
                for (int c = 0; c < stride; c += ValueKernel.WIDEST * LANES) {
                    int vectors = Math.min(ValueKernel.WIDEST, (stride - c) / LANES);
                    ValueKernel.add(p, 0, tiles, present, rows + c * 4L, stride * 4L, vectors, o, c, stride);
                }
            }
            parts[chunk] = o;
        });
        double[][] sums = new double[dv + 1][count];
        for (float[] part : parts) {
            for (int c = 0; c <= dv; c++) {
                for (int i = 0; i < count; i++) {
                    sums[c][i] += part[i * stride + c];
                }
            }
        }
        return sums;
    }

    /** A head's visible keys, centred and divided by the length of the longest, feature-major. */
    static final class Keys {
        private final KeyHead head;
        private final int[] visible;
        private final int d;
        private final int count;
        private final int padded;
        private final long data;
        private final float[] centre;
        private final double[] squares;
        private final double longest;

        Keys(KeyHead head, int[] visible, Team team) {
            this.head = head;
            this.visible = visible;
            this.d = head.key().columns();
            this.count = visible.length;
            this.padded = Lanes.padKeys(count);
            Scratch scratch = team.scratch();
            this.data = scratch.floats((long) padded * d);
            Memory.fillFloats(data, (long) padded * d, 0);
            this.centre = mean(head, visible);
            this.squares = new double[count];
            float[] row = new float[d];
            double top = 0;
            for (int j = 0; j < count; j++) {
                centred(j, row, 0);
                for (float x : row) {
                    squares[j] += (double) x * x;
                }
                top = Math.max(top, squares[j]);
            }
            this.longest = Math.sqrt(top);
            for (int j = 0; j < count; j++) {
                squares[j] = top == 0 ? 0 : squares[j] / top;
                centred(j, row, 0);
                for (int c = 0; c < d; c++) {
                    Memory.putFloat(data + ((long) c * padded + j) * 4,
                            longest == 0 ? 0 : (float) (row[c] / longest));
                }
            }
        }

        private static float[] mean(KeyHead head, int[] visible) {
            float[] row = new float[head.key().columns()];
            double[] sum = new double[row.length];
            for (int j : visible) {
                head.key().readRow(j, row, 0);
                for (int c = 0; c < row.length; c++) {
                    sum[c] += row[c];
                }
            }
            for (int c = 0; c < row.length; c++) {
                row[c] = (float) (sum[c] / visible.length);
            }
            return row;
        }

        /** The keys' indices in the head. */
        int[] visible() {
            return visible;
        }

        /** The mean of the keys. */
        float[] centre() {
            return centre;
        }

        /** The length of the longest centred key. */
        double longest() {
            return longest;
        }

        private double bias(int j) {
            return head.bias() == null ? 0 : head.bias().get(0, visible[j]);
        }

        private void centred(int j, float[] row, int at) {
            head.key().readRow(visible[j], row, at);
            for (int c = 0; c < d; c++) {
                row[at + c] -= centre[c];
            }
        }

        private float[] key(int j) {
            float[] key = new float[d];
            for (int c = 0; c < d; c++) {
                key[c] = Memory.getFloat(data + ((long) c * padded + j) * 4);
            }
            return key;
        }

        /** Squared distances of keys [from, to) from a key. */
        private void distances(float[] key, int from, int to, long target) {
            for (int j = from; j < to; j += LANES) {
                FloatVector sum = FloatVector.zero(FLOATS);
                for (int c = 0; c < d; c++) {
                    FloatVector x = load(data + ((long) c * padded + j) * 4).sub(key[c]);
                    sum = fma(x, x, sum);
                }
                store(sum, target + 4L * j);
            }
        }
    }
}
