package dev.kdeformer.exact.tiled;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.FixedFunction;
import dev.kdeformer.PairBias;
import dev.kdeformer.tensor.Tensor;

/** Softmax attention in double precision, straight from the definition, to all keys or to given ones with weights. */
public final class PlainAttention implements FixedFunction {
    private final AttentionInput input;
    private final Keys keys;

    /** The keys that a query meets besides what mask and bias say. */
    @FunctionalInterface
    public interface Keys {
        /** Keys met by a query of query head {@code batch · heads + head}. */
        Met of(int head, int query);
    }

    /**
     * Some keys.
     *
     * @param keys       indices
     * @param logWeights what is added to their logits
     */
    public record Met(int[] keys, double[] logWeights) {
    }

    /** Attention to all keys that a query sees. */
    public PlainAttention(AttentionInput input) {
        this(input, null);
    }

    /** Attention to given keys, all of which a query sees. */
    public PlainAttention(AttentionInput input, Keys keys) {
        this.input = input;
        this.keys = keys;
    }

    @Override
    public double[][] outputs(int unit, double[][] query, double[][] key, double[][] value) {
        double[][] outputs = new double[input.groupSize()][input.queries() * input.dv()];
        for (int member = 0; member < outputs.length; member++) {
            int head = unit * outputs.length + member;
            for (int i = 0; i < input.queries(); i++) {
                Met met = keys == null ? all(unit, i) : keys.of(head, i);
                row(head, i, met, query[head], key[unit], value[unit], outputs[member]);
            }
        }
        return outputs;
    }

    private Met all(int unit, int i) {
        int batch = unit / input.kvHeads();
        int first = input.mask().firstKey(batch, i, input.queries(), input.keys());
        int[] all = new int[input.mask().endKey(batch, i, input.queries(), input.keys()) - first];
        for (int j = 0; j < all.length; j++) {
            all[j] = first + j;
        }
        return new Met(all, new double[all.length]);
    }

    private void row(int head, int i, Met met, double[] query, double[] key, double[] value, double[] output) {
        int d = input.d();
        int dv = input.dv();
        double[] logits = new double[met.keys.length];
        int unit = head / input.groupSize();
        float[] pairs = new float[input.pairBias() == null ? 0 : input.keys()];
        if (pairs.length > 0) {
            input.pairBias().fill(new PairBias.Piece(head / input.heads(), head % input.heads(), i, 1, 0, pairs.length),
                    pairs, pairs.length);
        }
        double max = input.sink(head % input.heads());
        for (int e = 0; e < logits.length; e++) {
            int j = met.keys[e];
            double dot = 0;
            for (int c = 0; c < d; c++) {
                dot += query[i * d + c] * key[j * d + c];
            }
            logits[e] = bent(dot * input.scale()) + met.logWeights[e] + bias(unit, j) + (pairs.length == 0 ? 0
                    : pairs[j] <= AttentionInput.HIDING_BIAS ? Double.NEGATIVE_INFINITY : pairs[j]);
            max = Math.max(max, logits[e]);
        }
        double sum = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(input.sink(head % input.heads()) - max);
        for (int e = 0; e < logits.length && max > Double.NEGATIVE_INFINITY; e++) {
            double p = Math.exp(logits[e] - max);
            sum += p;
            for (int c = 0; c < dv; c++) {
                output[i * dv + c] += p * value[met.keys[e] * dv + c];
            }
        }
        for (int c = 0; c < dv && sum > 0; c++) {
            output[i * dv + c] /= sum;
        }
    }

    private double bent(double logit) {
        return input.softCap() > 0 ? input.softCap() * Math.tanh(logit / input.softCap()) : logit;
    }

    private double bias(int unit, int key) {
        Tensor bias = input.keyBias();
        return bias == null ? 0 : bias.sharedMatrix(unit / input.kvHeads(), unit % input.kvHeads()).get(0, key);
    }
}
