package dev.kdeformer.rivals;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.kernel.QueryTile;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.sampling.CounterRandom;

/**
 * Kernel halving (Dwivedi and Mackey, "Kernel thinning", 2021; in the form of Carrell, Gong, Shetty, Dwivedi and
 * Mackey, "Low-rank thinning", 2025): of every pair of keys that follow each other one is kept, chosen at random but
 * leaning against the sum of the signed differences so far, so that the kept half sums to nearly the same as the
 * half that is dropped, as seen by the kernel
 * exp(|β| ⟨k, k'⟩ + b + b') · (⟨v, v'⟩ + v_max²), b the keys' biases and v_max the largest value in size.
 *
 * <p>The kernel is used up to a constant factor, which changes no choice: keys enter relative to the longest one and
 * values relative to v_max, so that no power overflows.
 */
final class KernelHalving {
    private static final int PAIRS = QueryTile.ROWS / 2;

    private final KeyHead head;
    private final float[] centre;
    private final double power;
    private final double keyScale;
    private final double valueScale;
    private final double topBias;

    /**
     * For the keys of a head.
     *
     * @param visible the keys that count for the scaling
     * @param scale   softmax scale β, of either sign
     * @param centre  what to subtract from every key
     */
    KernelHalving(KeyHead head, int[] visible, float scale, float[] centre) {
        this.head = head;
        this.centre = centre;
        float[] key = new float[head.key().columns()];
        float[] value = new float[head.value().columns()];
        double longest = 0;
        double largest = 0;
        double top = Double.NEGATIVE_INFINITY;
        for (int j : visible) {
            double square = 0;
            head.key().readRow(j, key, 0);
            for (int c = 0; c < key.length; c++) {
                double x = key[c] - centre[c];
                square += x * x;
            }
            longest = Math.max(longest, square);
            head.value().readRow(j, value, 0);
            for (float v : value) {
                largest = Math.max(largest, Math.abs(v));
            }
            top = Math.max(top, bias(j));
        }
        power = Math.abs(scale) * longest;
        keyScale = longest == 0 ? 0 : 1 / Math.sqrt(longest);
        valueScale = largest == 0 ? 0 : 1 / largest;
        topBias = top;
    }

    private double bias(int key) {
        return head.bias() == null ? 0 : head.bias().get(0, key);
    }

    /**
     * Keeps half of the members.
     *
     * @param members    keys, an even number
     * @param delta      probability of failure that the analysis allows; the smaller, the weaker the lean
     * @param symmetrise whether to keep the dropped half instead with probability ½
     * @param random     a stream for this halving alone: counter i is for pair i
     * @param team       a team of one
     */
    int[] halve(int[] members, double delta, boolean symmetrise, CounterRandom random, Team team) {
        Scratch scratch = team.scratch();
        int pairs = members.length / 2;
        PanelMatrix.Products room = scratch.keep(PanelMatrix.Products.class, PanelMatrix.Products::new);
        PanelMatrix keys = new PanelMatrix(scratch, members.length, head.key().columns());
        PanelMatrix values = new PanelMatrix(scratch, members.length, head.value().columns());
        float[] row = new float[Math.max(head.key().columns(), head.value().columns())];
        for (int i = 0; i < members.length; i++) {
            readKey(members[i], row);
            keys.set(i, row, 0);
            readValue(members[i], row);
            values.set(i, row, 0);
        }
        double width = 0.5 + Math.log(2.0 * members.length / delta);
        double[] lean = new double[pairs];
        double[] differences = new double[PAIRS * pairs];
        boolean other = symmetrise && random.uniform(0) < 0.5;
        int[] kept = new int[pairs];
        double largest = 0;
        for (int first = 0; first < pairs; first += PAIRS) {
            int present = Math.min(PAIRS, pairs - first);
            team.check();
            differences(members, first, present, keys, values, room, differences);
            for (int p = first; p < first + present; p++) {
                int at = (p - first) * pairs;
                double own = Math.sqrt(Math.max(0, differences[at + p]));
                largest = Math.max(largest, own);
                double threshold = (2 * random.uniform(p) - 1) * width * own * largest;
                boolean second = p > 0 && threshold <= lean[p];
                kept[p] = members[2 * p + (second != other ? 1 : 0)];
                double sign = second ? -1 : 1;
                for (int r = p + 1; r < pairs; r++) {
                    lean[r] += sign * differences[at + r];
                }
            }
        }
        return kept;
    }

    /** Differences of the pairs [first, first + present) with themselves and all later pairs. */
    private void differences(int[] members, int first, int present, PanelMatrix keys, PanelMatrix values,
            PanelMatrix.Products room, double[] differences) {
        int pairs = members.length / 2;
        QueryTile leftKeys = room.keys;
        QueryTile leftValues = room.values;
        leftKeys.resize(2 * present, head.key().columns());
        leftValues.resize(2 * present, head.value().columns());
        float[] row = new float[Math.max(head.key().columns(), head.value().columns())];
        for (int i = 0; i < 2 * present; i++) {
            readKey(members[2 * first + i], row);
            put(leftKeys, i, row);
            readValue(members[2 * first + i], row);
            put(leftValues, i, row);
        }
        int from = 2 * first / Lanes.STEP * Lanes.STEP;
        for (int column = from; column < members.length; column += Lanes.STEP) {
            int count = Math.min(Lanes.STEP, members.length - column);
            keys.products(leftKeys, column, count, room.first, room.work);
            values.products(leftValues, column, count, room.second, room.work);
            for (int p = 0; p < present; p++) {
                int r0 = Math.max(first + p, column / 2);
                for (int r = r0; r < (column + count) / 2; r++) {
                    int c = 2 * r - column;
                    differences[p * pairs + r] = kernel(members, 2 * (first + p), 2 * r, room, 2 * p, c)
                            - kernel(members, 2 * (first + p), 2 * r + 1, room, 2 * p, c + 1)
                            - kernel(members, 2 * (first + p) + 1, 2 * r, room, 2 * p + 1, c)
                            + kernel(members, 2 * (first + p) + 1, 2 * r + 1, room, 2 * p + 1, c + 1);
                }
            }
        }
    }

    private double kernel(int[] members, int a, int b, PanelMatrix.Products room, int r, int c) {
        int at = r * Lanes.STRIDE + c;
        double exponent = power * (room.first[at] - 1.0) + bias(members[a]) + bias(members[b]) - 2 * topBias;
        return Math.exp(Math.min(0, exponent)) * (room.second[at] + 1.0);
    }

    private void readKey(int key, float[] row) {
        head.key().readRow(key, row, 0);
        for (int c = 0; c < head.key().columns(); c++) {
            row[c] = (float) ((row[c] - centre[c]) * keyScale);
        }
    }

    private void readValue(int key, float[] row) {
        head.value().readRow(key, row, 0);
        for (int c = 0; c < head.value().columns(); c++) {
            row[c] = (float) (row[c] * valueScale);
        }
    }

    private static void put(QueryTile tile, int row, float[] source) {
        for (int i = 0; i < tile.d(); i++) {
            tile.data()[QueryTile.blockStart(i) + row * Lanes.STRIDE + i % Lanes.DEPTH] = source[i];
        }
    }
}
