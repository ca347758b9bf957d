package dev.kdeformer.measure;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.linalg.SoftmaxSums;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/** Bounds the rows of one head; working memory for one thread. */
final class RowBounder {
    /** Added to every bound in proportion, far more than sums in double precision can be off. */
    private static final double SLACK = 1e-9;

    private final AttentionInput input;
    private final KeyBlocks blocks;
    private final int batch;
    private final int head;
    private final int nearKeys;
    private final Matrix query;
    private final Matrix key;
    private final Matrix value;
    private final Matrix bias;
    private final Matrix output;
    private final double[] q;
    /** The logarithm of a bound on a block's weight; −∞ when it has been evaluated or cannot be seen. */
    private final double[] limits;
    private final double[] weights;
    private final double[] distances;
    private final double[] mean;
    private final SoftmaxSums near;
    /** The biases of the row's pairs, −∞ for those that hide; null without any. */
    private final float[] pairs;

    RowBounder(AttentionInput input, KeyBlocks blocks, Tensor approximate, int batch, int head, int near) {
        this.input = input;
        this.blocks = blocks;
        this.batch = batch;
        this.head = head;
        this.nearKeys = near;
        this.query = input.query().matrix(batch, head);
        this.key = input.key().matrix(batch, head / input.groupSize());
        this.value = input.value().matrix(batch, head / input.groupSize());
        this.bias = ExactRows.bias(input, batch, head);
        this.output = approximate.matrix(batch, head);
        this.q = new double[input.d()];
        this.limits = new double[blocks.blocks()];
        this.weights = new double[blocks.blocks()];
        this.distances = new double[blocks.blocks()];
        this.mean = new double[input.dv()];
        this.near = new SoftmaxSums(1, input.dv(), SoftmaxSums.NATURAL);
        this.pairs = input.pairBias() == null ? null : new float[input.keys()];
    }

    /** What ‖õ − o‖ of a row is at most. */
    double bound(int row) {
        int first = ExactRows.firstKey(input, batch, row);
        int visible = ExactRows.visibleKeys(input, batch, row);
        readPairs(row);
        limitAll(row, first, visible);
        near.clear();
        // A sink is weight that is known, and its value is zero.
        near.add(0, input.sink(head), 1);
        int evaluated = 0;
        int next = largest();
        while (next >= 0 && evaluated < nearKeys) {
            evaluated += evaluate(next, first, visible);
            limits[next] = Double.NEGATIVE_INFINITY;
            next = largest();
        }
        double error = 0;
        for (int c = 0; c < mean.length; c++) {
            mean[c] = near.mean(0, c);
            double difference = output.get(row, c) - mean[c];
            error += difference * difference;
        }
        double total = (Math.sqrt(error) + farPart()) * (1 + SLACK);
        return Double.isNaN(total) ? Double.POSITIVE_INFINITY : total;
    }

    private void readPairs(int row) {
        if (pairs == null) {
            return;
        }
        input.pairBias().fill(new PairBias.Piece(batch, head, row, 1, 0, pairs.length), pairs, pairs.length);
        for (int j = 0; j < pairs.length; j++) {
            if (Float.isNaN(pairs[j]) || pairs[j] == Float.POSITIVE_INFINITY) {
                throw new IllegalArgumentException("pair bias must be finite or -Infinity, and is not for query " + row
                        + " and key " + j);
            }
            pairs[j] = pairs[j] <= AttentionInput.HIDING_BIAS ? Float.NEGATIVE_INFINITY : pairs[j];
        }
    }

    /** The largest bias of the row's pairs with the keys of a block; 0 without any. */
    private double largestPair(int block) {
        double largest = pairs == null ? 0 : Double.NEGATIVE_INFINITY;
        for (int i = 0; i < blocks.count(block) && pairs != null; i++) {
            largest = Math.max(largest, pairs[blocks.key(block, i)]);
        }
        return largest;
    }

    /** A product bent by the soft cap, which grows with it. */
    private double bent(double product) {
        return input.softCap() > 0 ? input.softCap() * Math.tanh(product / input.softCap()) : product;
    }

    private void limitAll(int row, int first, int visible) {
        double norm = 0;
        for (int c = 0; c < q.length; c++) {
            q[c] = (double) query.get(row, c) * input.scale();
            norm += q[c] * q[c];
        }
        norm = Math.sqrt(norm);
        if (!Double.isFinite(norm)) {
            throw new IllegalArgumentException("query must be finite, and is not in row " + row + " of batch item "
                    + batch);
        }
        for (int b = 0; b < limits.length; b++) {
            limits[b] = Double.NEGATIVE_INFINITY;
            double most = blocks.largestBias(b) + largestPair(b);
            if (blocks.firstKey(b) < visible && blocks.lastKey(b) >= first && most != Double.NEGATIVE_INFINITY) {
                double dot = 0;
                double length = 0;
                double[] centre = blocks.keyCentre(b);
                for (int c = 0; c < q.length; c++) {
                    dot += q[c] * centre[c];
                    length += centre[c] * centre[c];
                }
                double reach = norm * blocks.keyRadius(b);
                double rounding = 1e-12 * (norm * Math.sqrt(length) + reach + Math.abs(most));
                limits[b] = bent(dot + reach) + most + rounding + Math.log(blocks.count(b));
            }
        }
    }

    /** The block with the largest limit, or −1 if none is left. */
    private int largest() {
        int best = -1;
        for (int b = 0; b < limits.length; b++) {
            if (limits[b] != Double.NEGATIVE_INFINITY && (best < 0 || !(limits[b] <= limits[best]))) {
                best = b;
            }
        }
        return best;
    }

    /** Adds a block's visible keys to the exact part and returns their number. */
    private int evaluate(int block, int first, int visible) {
        int count = 0;
        for (int i = 0; i < blocks.count(block); i++) {
            int j = blocks.key(block, i);
            double added = (bias == null ? 0 : bias.get(0, j)) + (pairs == null ? 0.0 : pairs[j]);
            if (j < first || j >= visible || added == Double.NEGATIVE_INFINITY) {
                continue;
            }
            double product = 0;
            for (int c = 0; c < q.length; c++) {
                product += q[c] * key.get(j, c);
            }
            double logit = added + bent(product);
            double weight = near.add(0, logit, 1);
            for (int c = 0; c < mean.length; c++) {
                near.values()[c] += weight * value.get(j, c);
            }
            count++;
        }
        return count;
    }

    /**
     * How far the blocks left out can move the row: the largest Σ w·distance / (mass + Σ w) over weights w between 0
     * and each block's limit. It takes a block in full or not at all, in full where its distance exceeds the result;
     * Dinkelbach's iteration (1967) climbs to it in a few rounds.
     */
    private double farPart() {
        int count = 0;
        for (int b = 0; b < limits.length; b++) {
            if (limits[b] != Double.NEGATIVE_INFINITY) {
                double square = 0;
                double[] centre = blocks.valueCentre(b);
                for (int c = 0; c < mean.length; c++) {
                    square += (centre[c] - mean[c]) * (centre[c] - mean[c]);
                }
                distances[count] = Math.sqrt(square) + blocks.valueRadius(b);
                // Beyond e^600 a block outweighs the exact part anyway; more might overflow.
                weights[count++] = Math.exp(Math.min(600, limits[b] - near.references()[0]));
            }
        }
        double result = 0;
        while (true) {
            double sum = 0;
            double all = near.sums()[0];
            for (int i = 0; i < count; i++) {
                if (distances[i] > result) {
                    sum += weights[i] * distances[i];
                    all += weights[i];
                }
            }
            double better = all == 0 ? 0 : sum / all;
            if (!(better > result * (1 + 1e-14))) {
                return Math.max(result, better);
            }
            result = better;
        }
    }
}
