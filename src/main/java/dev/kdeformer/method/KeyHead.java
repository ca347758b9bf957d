package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.Mask;
import dev.kdeformer.PairBias;
import dev.kdeformer.kernel.Centring;
import dev.kdeformer.kernel.KeyRanges;
import dev.kdeformer.kernel.KeySource;
import dev.kdeformer.kernel.LogitTerms;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;

/** One key head of one batch item, with the query heads that read it. */
public final class KeyHead {
    /** Keys that the centre is the mean of; enough for a mean, few enough to cost nothing. */
    private static final int CENTRE_SAMPLE = 64;

    private final Call call;
    private final int batch;
    private final int head;
    private final Matrix key;
    private final Matrix value;
    private final Matrix bias;
    private final int keys;
    private final Matrix[] queries;
    private final Matrix[] outputs;
    private final Matrix[] logSumExps;
    /** Null until it is asked for. */
    private int[] visible;

    KeyHead(Call call, int batch, int head) {
        AttentionInput input = call.input();
        this.call = call;
        this.batch = batch;
        this.head = head;
        this.key = input.key().matrix(batch, head);
        this.value = input.value().matrix(batch, head);
        this.bias = input.keyBias() == null ? null : input.keyBias().matrix(
                input.keyBias().shape().batch() == 1 ? 0 : batch, input.keyBias().shape().heads() == 1 ? 0 : head);
        this.keys = input.mask().keyLength(batch, input.keys());
        int members = input.groupSize();
        this.queries = new Matrix[members];
        this.outputs = new Matrix[members];
        this.logSumExps = new Matrix[members];
        for (int member = 0; member < members; member++) {
            int queryHead = head * members + member;
            queries[member] = input.query().matrix(batch, queryHead);
            outputs[member] = call.output() == null ? null : call.output().matrix(batch, queryHead);
            logSumExps[member] = call.logSumExp() == null ? null : call.logSumExp().matrix(batch, queryHead);
        }
    }

    /**
     * Finds what queries [from, from + count) see of the valid keys.
     *
     * @param ranges receives it, row by row
     */
    public void ranges(int from, int count, KeyRanges ranges) {
        AttentionInput input = call.input();
        Mask mask = input.mask();
        ranges.begin(count, keys);
        if (!mask.showsAllKeys()) {
            for (int r = 0; r < count; r++) {
                ranges.set(r, mask.firstKey(batch, from + r, input.queries(), input.keys()),
                        mask.endKey(batch, from + r, input.queries(), input.keys()));
            }
            ranges.summarise();
        }
    }

    /** What is done to the logits of query head {@code member} between the products and the mask. */
    public LogitTerms terms(int member) {
        AttentionInput input = call.input();
        PairBias bias = input.pairBias();
        return new LogitTerms(input.softCap(), bias == null ? null : new HeadBias(bias, batch, queryHead(member)));
    }

    /** The logit of the sink of query head {@code member}, −∞ without one. */
    public float sink(int member) {
        return call.input().sink(queryHead(member));
    }

    /** The logit of the sink that is applied to query head {@code member} after the call, −∞ without one. */
    public float laterSink(int member) {
        return call.later() == null ? Float.NEGATIVE_INFINITY : call.later().logit(queryHead(member));
    }

    /** The index of this unit among all key heads of all batch items. */
    public int index() {
        return batch * call.input().kvHeads() + head;
    }

    /** Keys, (m, d); only the first {@link #keys} are valid. */
    public Matrix key() {
        return key;
    }

    /** Values, (m, d_v). */
    public Matrix value() {
        return value;
    }

    /** Biases, (1, m), or null. */
    public Matrix bias() {
        return bias;
    }

    /**
     * The largest finite bias of the valid keys, 0 if there is none. Softmax does not change when the same number is
     * subtracted from every bias, and biases with a large common part keep digits so.
     */
    public double largestBias() {
        double largest = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < keys && bias != null; j++) {
            largest = Math.max(largest, bias.get(0, j));
        }
        return largest == Double.NEGATIVE_INFINITY ? 0 : largest;
    }

    /** Number of valid keys; 0 if all are padding. */
    public int keys() {
        return keys;
    }

    /** The rows of the keys that are neither padding nor hidden by a bias of −∞; not to be changed. */
    public int[] visibleKeys() {
        if (visible == null) {
            visible = findVisible();
        }
        return visible;
    }

    private int[] findVisible() {
        int[] rows = new int[keys];
        int count = 0;
        for (int j = 0; j < keys; j++) {
            if (bias == null || bias.get(0, j) != Float.NEGATIVE_INFINITY) {
                rows[count++] = j;
            }
        }
        return Arrays.copyOf(rows, count);
    }

    /** Number of query heads that read this key head. */
    public int groupSize() {
        return call.input().groupSize();
    }

    /** Queries of query head {@code member} of the group, (n, d). */
    public Matrix query(int member) {
        return queries[member];
    }

    /** Output of query head {@code member}, (n, d_v); null in a call that writes none. */
    public Matrix output(int member) {
        return outputs[member];
    }

    /** Log-sum-exp of query head {@code member}, (n, 1), or null. */
    public Matrix logSumExp(int member) {
        return logSumExps[member];
    }

    /** What a tensor with the heads and rows of the queries has for query head {@code member}. */
    public Matrix ofQueries(Tensor tensor, int member) {
        return tensor.matrix(batch, queryHead(member));
    }

    /** What a tensor with the shape of the keys or values has for this head. */
    public Matrix ofKeys(Tensor tensor) {
        return tensor.matrix(batch, head);
    }

    /** Writes what attention to no key at all is: zeros, and log-sums of −∞. */
    public void writeNothing() {
        for (int member = 0; member < groupSize(); member++) {
            float[] zeros = new float[outputs[member].columns()];
            for (int i = 0; i < outputs[member].rows(); i++) {
                outputs[member].writeRow(i, zeros, 0);
                if (logSumExps[member] != null) {
                    logSumExps[member].set(i, 0, Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    /** The batch item. */
    public int batch() {
        return batch;
    }

    /** The number of query head {@code member} among all of the batch item. */
    public int queryHead(int member) {
        return head * groupSize() + member;
    }

    /**
     * A centre of the keys, d floats: the mean of up to 64 evenly spaced ones where they share a large part, else
     * zeros. Softmax does not change when the same vector is subtracted from every key; keys with a large common part
     * keep digits so, others would only gain a rounding.
     */
    public float[] centre() {
        return centre(new Sums());
    }

    /** {@link #centre()} with sums that the thread keeps. */
    public float[] centre(Scratch scratch) {
        return centre(scratch.keep(Sums.class, Sums::new));
    }

    private float[] centre(Sums sums) {
        int d = key.columns();
        float[] row = new float[d];
        sums.clear(d);
        double[] sum = sums.sum;
        double[] squares = sums.squares;
        int count = Math.min(keys, CENTRE_SAMPLE);
        for (int i = 0; i < count; i++) {
            key.readRow((int) ((long) i * keys / count), row, 0);
            for (int c = 0; c < d; c++) {
                double x = row[c];
                sum[c] += x;
                squares[c] += x * x;
            }
        }
        double common = 0;
        double all = 0;
        for (int c = 0; c < d && count > 0; c++) {
            row[c] = (float) (sum[c] / count);
            common += (double) row[c] * row[c];
            all += squares[c];
        }
        // A soft cap bends whole logits, so that nothing may be taken from them before. Beside a sink, slopes of a
        // query do not add up to 0, and what is taken from the keys would be missing to its gradient.
        if (!(common > 0.5 * all / count) || call.input().softCap() > 0 || call.input().hasSinks()) {
            Arrays.fill(row, 0);
        }
        return row;
    }

    /**
     * The keys of this head, for packing.
     *
     * @param order    address of ints, the row of the key at every position; 0 for the identity
     * @param centring what is subtracted from them
     */
    public KeySource source(long order, Centring centring) {
        return new KeySource(key, value, bias, order, centring);
    }

    /** What centring took from the logits of the queries at [from, from + count): scale · q · centre + bias. */
    public double[] shift(Matrix query, long order, int from, int count, Centring centring) {
        double[] shift = shift(query, order, from, count, centring.centre());
        for (int r = 0; r < count; r++) {
            shift[r] += centring.bias();
        }
        return shift;
    }

    /** What subtracting a centre from keys took from the logits of the same queries: scale · q · centre. */
    public double[] shift(Matrix query, long order, int from, int count, float[] centre) {
        double[] shift = new double[count];
        float[] row = new float[centre.length];
        for (int r = 0; r < count; r++) {
            query.readRow(order == 0 ? from + r : Memory.getInt(order + (from + r) * 4L), row, 0);
            double dot = 0;
            for (int c = 0; c < row.length; c++) {
                dot += (double) row[c] * centre[c];
            }
            shift[r] = dot * call.input().scale();
        }
        return shift;
    }

    /** Sums of the columns and of their squares, each apart: a single one would be a chain of waiting additions. */
    private static final class Sums {
        private double[] sum = new double[0];
        private double[] squares = new double[0];

        void clear(int d) {
            if (sum.length < d) {
                sum = new double[d];
                squares = new double[d];
            } else {
                Arrays.fill(sum, 0, d, 0);
                Arrays.fill(squares, 0, d, 0);
            }
        }
    }
}
