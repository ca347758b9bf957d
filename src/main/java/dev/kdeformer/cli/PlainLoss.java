package dev.kdeformer.cli;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/** The loss Σ w ∘ attention(q, k, v) in double precision, straight from the definition, to be differentiated. */
final class PlainLoss {
    private final AttentionInput input;
    private final double[][][] tensors;
    private final double[][] weights;

    PlainLoss(AttentionInput input, Tensor weights) {
        this.input = input;
        this.tensors = new double[][][] {copy(input.query()), copy(input.key()), copy(input.value())};
        this.weights = copy(weights);
    }

    /**
     * A central difference by one element.
     *
     * @param which   0 for queries, 1 for keys, 2 for values
     * @param unit    batch · heads + head of that tensor
     * @param element index within the head
     */
    double difference(int which, int unit, int element, double step) {
        double[] elements = tensors[which][unit];
        double value = elements[element];
        elements[element] = value + step;
        double above = loss(which, unit);
        elements[element] = value - step;
        double below = loss(which, unit);
        elements[element] = value;
        return (above - below) / (2 * step);
    }

    /** The part of the loss that depends on a head. */
    private double loss(int which, int unit) {
        int heads = which == 0 ? 1 : input.groupSize();
        double sum = 0;
        for (int head = unit * heads; head < (unit + 1) * heads; head++) {
            for (int i = 0; i < input.queries(); i++) {
                sum += row(head, i);
            }
        }
        return sum;
    }

    private double row(int head, int i) {
        int unit = head / input.groupSize();
        int batch = head / input.heads();
        int d = input.d();
        int dv = input.dv();
        int length = input.mask().keyLength(batch, input.keys());
        int visible = input.mask().isCausal()
                ? Math.min(length, i + input.mask().causalOffset(input.queries(), input.keys()) + 1) : length;
        double[] q = tensors[0][head];
        double[] logits = new double[Math.max(0, visible)];
        double max = Double.NEGATIVE_INFINITY;
        for (int j = 0; j < logits.length; j++) {
            double dot = 0;
            for (int c = 0; c < d; c++) {
                dot += q[i * d + c] * tensors[1][unit][j * d + c];
            }
            logits[j] = dot * input.scale();
            max = Math.max(max, logits[j]);
        }
        double sum = 0;
        double weighted = 0;
        for (int j = 0; j < logits.length; j++) {
            double p = Math.exp(logits[j] - max);
            double dot = 0;
            for (int c = 0; c < dv; c++) {
                dot += weights[head][i * dv + c] * tensors[2][unit][j * dv + c];
            }
            sum += p;
            weighted += p * dot;
        }
        return sum == 0 ? 0 : weighted / sum;
    }

    private static double[][] copy(Tensor tensor) {
        int heads = tensor.shape().heads();
        double[][] all = new double[tensor.shape().batch() * heads][];
        for (int h = 0; h < all.length; h++) {
            Matrix matrix = tensor.matrix(h / heads, h % heads);
            float[] values = matrix.toArray();
            all[h] = new double[values.length];
            for (int i = 0; i < values.length; i++) {
                all[h][i] = values[i];
            }
        }
        return all;
    }
}
