package dev.kdeformer.reference;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/**
 * Exact attention in plain float32: logits, softmax after subtraction of the maximum, product, every sum in order and
 * in float. Its error against {@link ReferenceAttention} is the yardstick for the rounding of float32 methods.
 */
public final class PlainFloatAttention {
    private PlainFloatAttention() {
    }

    /**
     * Computes the attention of an input.
     *
     * @param output    receives (batch, heads, n, d_v)
     * @param logSumExp receives (batch, heads, n, 1); may be null
     */
    public static void apply(AttentionInput input, Tensor output, Tensor logSumExp) {
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                head(input, b, h, output.matrix(b, h), logSumExp == null ? null : logSumExp.matrix(b, h));
            }
        }
    }

    private static void head(AttentionInput input, int b, int h, Matrix output, Matrix logSumExp) {
        Matrix q = input.query().matrix(b, h);
        Matrix k = input.key().matrix(b, h / input.groupSize());
        Matrix v = input.value().matrix(b, h / input.groupSize());
        Tensor biases = input.keyBias();
        Matrix bias = biases == null ? null : biases.matrix(Math.min(b, biases.shape().batch() - 1),
                Math.min(h / input.groupSize(), biases.shape().heads() - 1));
        int offset = input.mask().causalOffset(input.queries(), input.keys());
        int length = input.mask().keyLength(b, input.keys());
        float[] logits = new float[input.keys()];
        for (int i = 0; i < input.queries(); i++) {
            int visible = (int) Math.max(0, Math.min(length, (long) i + offset + 1));
            int first = (int) Math.max(0, (long) i + input.mask().windowOffset(input.queries(), input.keys()));
            float max = Float.NEGATIVE_INFINITY;
            for (int j = first; j < visible; j++) {
                float dot = 0;
                for (int c = 0; c < input.d(); c++) {
                    dot += q.get(i, c) * k.get(j, c);
                }
                logits[j] = dot * input.scale() + (bias == null ? 0 : bias.get(0, j));
                max = Math.max(max, logits[j]);
            }
            boolean blind = max == Float.NEGATIVE_INFINITY;
            float sum = 0;
            for (int j = first; j < visible; j++) {
                logits[j] = blind ? 0 : (float) Math.exp(logits[j] - max);
                sum += logits[j];
            }
            for (int c = 0; c < input.dv(); c++) {
                float total = 0;
                for (int j = first; j < visible; j++) {
                    total += logits[j] * v.get(j, c);
                }
                output.set(i, c, blind ? 0 : total / sum);
            }
            if (logSumExp != null) {
                logSumExp.set(i, 0, blind ? max : max + (float) Math.log(sum));
            }
        }
    }
}
