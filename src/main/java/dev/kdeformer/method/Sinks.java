package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.function.IntUnaryOperator;

/**
 * Sinks that are applied to what a method has computed without them. With L the log-sum-exp of a row and s the logit of
 * its head's sink, the row keeps the share exp(L) / (exp(L) + exp(s)) of what it is, and its log-sum-exp becomes
 * log(exp(L) + exp(s)): exactly so for a method that is exact, and for any other with its estimate of L.
 *
 * @param input says the sinks
 */
public record Sinks(AttentionInput input) {
    /** Rows that one task changes. */
    static final int CHUNK = 1024;

    /** The sinks of an input, null if it has none. */
    static Sinks of(AttentionInput input) {
        return input.hasSinks() ? new Sinks(input) : null;
    }

    /** An input with these sinks. */
    AttentionInput with(AttentionInput other) {
        float[] logits = new float[input.heads()];
        for (int h = 0; h < logits.length; h++) {
            logits[h] = input.sink(h);
        }
        return other.withSinks(logits);
    }

    /** The logit of the sink of a query head, −∞ for none. */
    public float logit(int head) {
        return input.sink(head);
    }

    /**
     * The share that a sink leaves of a row.
     *
     * @param logSumExp of the row without the sink; −∞ for a row that sees no key
     * @param sink      −∞ for none
     */
    public static double share(double logSumExp, double sink) {
        return sink == Double.NEGATIVE_INFINITY ? 1 : 1 / (1 + Math.exp(sink - logSumExp));
    }

    /** The log-sum-exp of a row beside a sink. */
    static double together(double logSumExp, double sink) {
        double larger = Math.max(logSumExp, sink);
        return larger == Double.NEGATIVE_INFINITY ? larger
                : larger + Math.log1p(Math.exp(Math.min(logSumExp, sink) - larger));
    }

    /**
     * Applies the sinks.
     *
     * @param output    changed
     * @param logSumExp changed; that of {@code output}
     * @param rows      for each query head of each batch item, in this order, the rows to change; null for all
     */
    void apply(Tensor output, Tensor logSumExp, int[][] rows, Team team) {
        int heads = input.batch() * input.heads();
        int chunks = Math.ceilDiv(input.queries(), CHUNK);
        team.forEach(heads * chunks, (index, scratch) -> {
            int head = index / chunks;
            int from = index % chunks * CHUNK;
            int count = rows == null ? input.queries() : rows[head].length;
            apply(output, logSumExp, head, rows == null ? i -> i : i -> rows[head][i], from,
                    Math.min(count, from + CHUNK));
        });
    }

    private void apply(Tensor output, Tensor logSumExp, int head, IntUnaryOperator rows, int from, int to) {
        double sink = input.sink(head % input.heads());
        if (sink == Double.NEGATIVE_INFINITY) {
            return;
        }
        Matrix values = output.matrix(head / input.heads(), head % input.heads());
        Matrix sums = logSumExp.matrix(head / input.heads(), head % input.heads());
        float[] row = new float[values.columns()];
        for (int i = from; i < to; i++) {
            int at = rows.applyAsInt(i);
            double before = sums.get(at, 0);
            double share = share(before, sink);
            values.readRow(at, row, 0);
            for (int c = 0; c < row.length; c++) {
                row[c] = (float) (share * row[c]);
            }
            values.writeRow(at, row, 0);
            sums.set(at, 0, (float) together(before, sink));
        }
    }

    /** Bytes off the heap that a call with such an input takes for its log-sum-exp. */
    static long bytes(AttentionInput input) {
        return !input.hasSinks() || input.isEmpty() ? 0
                : (long) Float.BYTES * input.batch() * input.heads() * input.queries();
    }
}
