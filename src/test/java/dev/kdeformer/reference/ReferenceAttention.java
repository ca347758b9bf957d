package dev.kdeformer.reference;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.PairBias;
import dev.kdeformer.linalg.Gram;
import dev.kdeformer.linalg.SymmetricEigen;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;

/**
 * Exact attention in double precision, straight from the definition: the yardstick of the tests. It takes every input
 * that {@link AttentionInput} can describe and shares no code with the library's methods; only the norms of
 * {@link #spectralError} use the library's linear algebra.
 */
public final class ReferenceAttention {
    private final AttentionInput input;
    private final double[][] output;
    private final double[][] logSumExp;

    private ReferenceAttention(AttentionInput input) {
        this.input = input;
        this.output = new double[input.batch() * input.heads()][input.queries() * input.dv()];
        this.logSumExp = new double[input.batch() * input.heads()][input.queries()];
    }

    /** Computes the attention of an input. */
    public static ReferenceAttention of(AttentionInput input) {
        ReferenceAttention reference = new ReferenceAttention(input);
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                for (int i = 0; i < input.queries(); i++) {
                    reference.row(b, h, i);
                }
            }
        }
        return reference;
    }

    /** The output of a head, n × d_v in row-major order. */
    public double[] output(int batch, int head) {
        return output[batch * input.heads() + head];
    }

    /** The log-sum-exp of a head's n queries. */
    public double[] logSumExp(int batch, int head) {
        return logSumExp[batch * input.heads() + head];
    }

    /** The largest absolute difference of an output's elements from this one's; NaN if the output holds NaN. */
    public double maxDifference(Tensor approximate) {
        double max = 0;
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                double[] exact = output(b, h);
                float[] values = approximate.matrix(b, h).toArray();
                for (int i = 0; i < exact.length; i++) {
                    max = Math.max(max, Math.abs(values[i] - exact[i]));
                }
            }
        }
        return max;
    }

    /**
     * The largest absolute difference of log-sum-exps from these; rows that see no key have to hold exactly −∞, or the
     * result is +∞.
     */
    public double maxLogSumExpDifference(Tensor approximate) {
        double max = 0;
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                double[] exact = logSumExp(b, h);
                for (int i = 0; i < exact.length; i++) {
                    double value = approximate.matrix(b, h).get(i, 0);
                    max = Math.max(max, value == exact[i] ? 0 : Math.abs(value - exact[i]));
                }
            }
        }
        return max;
    }

    /** The largest {@link #spectralError(Tensor, int, int)} of all heads. */
    public double spectralError(Tensor approximate) {
        double max = 0;
        for (int b = 0; b < input.batch(); b++) {
            for (int h = 0; h < input.heads(); h++) {
                max = Math.max(max, spectralError(approximate, b, h));
            }
        }
        return max;
    }

    /**
     * ‖Õ − O‖ / ‖O‖ of a head in the operator norm, against the output in double precision; 0 if both are 0, NaN if
     * the approximate output is not finite.
     */
    public double spectralError(Tensor approximate, int b, int h) {
        double[] exact = output(b, h);
        Matrix matrix = approximate.matrix(b, h);
        int columns = input.dv();
        Gram error = new Gram(columns);
        Gram whole = new Gram(columns);
        for (int i = 0; i < input.queries(); i++) {
            for (int c = 0; c < columns; c++) {
                double o = exact[i * columns + c];
                error.next()[c] = matrix.get(i, c) - o;
                whole.next()[c] = o;
            }
            error.add();
            whole.add();
        }
        if (!Double.isFinite(error.trace())) {
            return Double.NaN;
        }
        double numerator = Math.sqrt(SymmetricEigen.largest(error.matrix(), columns));
        return numerator == 0 ? 0 : numerator / Math.sqrt(SymmetricEigen.largest(whole.matrix(), columns));
    }

    private void row(int b, int h, int i) {
        Matrix q = input.query().matrix(b, h);
        Matrix k = input.key().matrix(b, h / input.groupSize());
        Matrix v = input.value().matrix(b, h / input.groupSize());
        double[] logits = new double[input.keys()];
        double max = input.sink(h);
        float[] pairs = new float[logits.length];
        if (input.pairBias() != null) {
            input.pairBias().fill(new PairBias.Piece(b, h, i, 1, 0, pairs.length), pairs, pairs.length);
        }
        for (int j = 0; j < logits.length; j++) {
            logits[j] = Double.NEGATIVE_INFINITY;
            if (visible(b, i, j)) {
                double dot = 0;
                for (int c = 0; c < input.d(); c++) {
                    dot += (double) q.get(i, c) * k.get(j, c);
                }
                double logit = dot * input.scale();
                logit = input.softCap() > 0 ? input.softCap() * Math.tanh(logit / input.softCap()) : logit;
                logits[j] = pairs[j] <= AttentionInput.HIDING_BIAS ? Double.NEGATIVE_INFINITY
                        : logit + bias(b, h, j) + pairs[j];
            }
            max = Math.max(max, logits[j]);
        }
        if (max == Double.NEGATIVE_INFINITY) {
            logSumExp(b, h)[i] = max;
            return;
        }
        double sum = Math.exp(input.sink(h) - max);
        double[] row = new double[input.dv()];
        for (int j = 0; j < logits.length; j++) {
            if (logits[j] == Double.NEGATIVE_INFINITY) {
                continue; // what a query does not see may hold anything, NaN included
            }
            double weight = Math.exp(logits[j] - max);
            sum += weight;
            for (int c = 0; c < row.length; c++) {
                row[c] += weight * v.get(j, c);
            }
        }
        for (int c = 0; c < row.length; c++) {
            output(b, h)[i * row.length + c] = row[c] / sum;
        }
        logSumExp(b, h)[i] = max + Math.log(sum);
    }

    private boolean visible(int b, int i, int j) {
        return j >= input.mask().firstKey(b, i, input.queries(), input.keys())
                && j < input.mask().endKey(b, i, input.queries(), input.keys());
    }

    private double bias(int b, int h, int j) {
        Tensor bias = input.keyBias();
        if (bias == null) {
            return 0;
        }
        return bias.matrix(Math.min(b, bias.shape().batch() - 1),
                Math.min(h / input.groupSize(), bias.shape().heads() - 1)).get(0, j);
    }
}
