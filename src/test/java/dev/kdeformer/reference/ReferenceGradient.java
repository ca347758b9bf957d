package dev.kdeformer.reference;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;

/**
 * Gradients of exact attention in double precision, straight from the definition, and the loss Σ dO ∘ O that they are
 * gradients of, for finite differences. Takes everything that {@link AttentionInput} can describe.
 */
public final class ReferenceGradient {
    private final AttentionInput input;
    private final double[][] q;
    private final double[][] k;
    private final double[][] v;
    private final double[][] gradient;
    private final double[][] pairBias;
    private final double[][] dq;
    private final double[][] dk;
    private final double[][] dv;
    /** The slope of the soft cap at each key of the row that {@link #weights} was called for last. */
    private double[] bent;

    private ReferenceGradient(AttentionInput input, Tensor outputGradient, double[][] pairBias) {
        this.input = input;
        this.pairBias = pairBias;
        this.q = copy(input.query());
        this.k = copy(input.key());
        this.v = copy(input.value());
        this.gradient = copy(outputGradient);
        this.dq = zeros(q);
        this.dk = zeros(k);
        this.dv = zeros(v);
    }

    /** The gradients of an input for a gradient of its output. */
    public static ReferenceGradient of(AttentionInput input, Tensor outputGradient) {
        return of(input, outputGradient, null);
    }

    /**
     * The gradients where every pair of a query and a key has a fixed bias besides, −∞ for those that do not meet.
     *
     * @param pairBias for every query head n × m in row-major order; null for none
     */
    public static ReferenceGradient of(AttentionInput input, Tensor outputGradient, double[][] pairBias) {
        ReferenceGradient reference = new ReferenceGradient(input, outputGradient, pairBias);
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                for (int i = 0; i < input.queries(); i++) {
                    reference.row(b, h, i, true);
                }
            }
        }
        return reference;
    }

    /** Gradients by queries: for every head n × d in row-major order. */
    public double[][] query() {
        return dq;
    }

    /** Gradients by keys. */
    public double[][] key() {
        return dk;
    }

    /** Gradients by values. */
    public double[][] value() {
        return dv;
    }

    /** The queries, to be changed for finite differences. */
    public double[][] queries() {
        return q;
    }

    /** The keys, to be changed for finite differences. */
    public double[][] keys() {
        return k;
    }

    /** The values, to be changed for finite differences. */
    public double[][] values() {
        return v;
    }

    /** The loss of the elements as they are now. */
    public double loss() {
        double loss = 0;
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                for (int i = 0; i < input.queries(); i++) {
                    loss += row(b, h, i, false);
                }
            }
        }
        return loss;
    }

    /** ‖x − exact‖ / ‖exact‖ over all heads, Frobenius; the numerator alone where the exact gradient is 0. */
    public static double error(Tensor x, double[][] exact) {
        double[][] values = copy(x);
        double error = 0;
        double norm = 0;
        for (int h = 0; h < exact.length; h++) {
            for (int i = 0; i < exact[h].length; i++) {
                error += (values[h][i] - exact[h][i]) * (values[h][i] - exact[h][i]);
                norm += exact[h][i] * exact[h][i];
            }
        }
        return Math.sqrt(norm == 0 ? error : error / norm);
    }

    /** The output of a query in the moment. */
    public double[] output(int b, int h, int i) {
        double[] p = weights(b, h, i);
        double[] o = new double[input.dv()];
        for (int j = 0; j < p.length; j++) {
            for (int c = 0; c < o.length; c++) {
                o[c] += p[j] * v[b * input.kvHeads() + h / input.groupSize()][j * o.length + c];
            }
        }
        return o;
    }

    private double row(int b, int h, int i, boolean differentiate) {
        int kv = b * input.kvHeads() + h / input.groupSize();
        int head = b * input.heads() + h;
        int d = input.d();
        int columns = input.dv();
        double[] p = weights(b, h, i);
        double loss = 0;
        double[] slope = new double[p.length];
        for (int j = 0; j < p.length; j++) {
            for (int c = 0; c < columns; c++) {
                slope[j] += gradient[head][i * columns + c] * v[kv][j * columns + c];
            }
            loss += p[j] * slope[j];
        }
        if (differentiate) {
            for (int j = 0; j < p.length; j++) {
                double s = input.scale() * p[j] * (slope[j] - loss) * bent[j];
                for (int c = 0; c < d; c++) {
                    dq[head][i * d + c] += s * k[kv][j * d + c];
                    dk[kv][j * d + c] += s * q[head][i * d + c];
                }
                for (int c = 0; c < columns; c++) {
                    dv[kv][j * columns + c] += p[j] * gradient[head][i * columns + c];
                }
            }
        }
        return loss;
    }

    private double[] weights(int b, int h, int i) {
        int kv = b * input.kvHeads() + h / input.groupSize();
        double[] p = new double[input.keys()];
        bent = new double[input.keys()];
        Arrays.fill(bent, 1);
        float[] pairs = new float[p.length];
        if (input.pairBias() != null) {
            input.pairBias().fill(new PairBias.Piece(b, h, i, 1, 0, p.length), pairs, p.length);
        }
        double max = input.sink(h);
        for (int j = 0; j < p.length; j++) {
            p[j] = Double.NEGATIVE_INFINITY;
            if (visible(b, i, j)) {
                double dot = 0;
                for (int c = 0; c < input.d(); c++) {
                    dot += q[b * input.heads() + h][i * input.d() + c] * k[kv][j * input.d() + c];
                }
                double logit = input.scale() * dot;
                if (input.softCap() > 0) {
                    double t = Math.tanh(logit / input.softCap());
                    logit = input.softCap() * t;
                    bent[j] = 1 - t * t;
                }
                p[j] = pairs[j] <= AttentionInput.HIDING_BIAS ? Double.NEGATIVE_INFINITY
                        : logit + pairs[j] + bias(b, h, j)
                        + (pairBias == null ? 0 : pairBias[b * input.heads() + h][i * p.length + j]);
            }
            max = Math.max(max, p[j]);
        }
        double sum = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(input.sink(h) - max);
        for (int j = 0; j < p.length; j++) {
            p[j] = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(p[j] - max);
            sum += p[j];
        }
        for (int j = 0; j < p.length && sum > 0; j++) {
            p[j] /= sum;
        }
        return p;
    }

    private boolean visible(int b, int i, int j) {
        return j >= input.mask().firstKey(b, i, input.queries(), input.keys())
                && j < input.mask().endKey(b, i, input.queries(), input.keys());
    }

    private double bias(int b, int h, int j) {
        Tensor bias = input.keyBias();
        return bias == null ? 0 : bias.matrix(Math.min(b, bias.shape().batch() - 1),
                Math.min(h / input.groupSize(), bias.shape().heads() - 1)).get(0, j);
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

    private static double[][] zeros(double[][] like) {
        double[][] all = new double[like.length][];
        for (int h = 0; h < all.length; h++) {
            all[h] = new double[like[h].length];
        }
        return all;
    }
}
