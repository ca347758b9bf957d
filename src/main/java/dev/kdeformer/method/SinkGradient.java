package dev.kdeformer.method;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import java.util.function.IntPredicate;

/**
 * The parts of gradients that sinks have by themselves. With p the weight of a sink, exp(sink − log-sum-exp), and
 * D = dO·O, the derivative by the sink is −p · D summed over all queries, and the slopes of a query add up to p · D.
 */
public final class SinkGradient {
    private final Matrix output;
    private final Matrix sums;
    private final Matrix gradient;
    private final double sink;
    private final float[] outputRow;
    private final float[] gradientRow;

    private SinkGradient(GradientCall call, int batch, int head, double sink) {
        this.output = call.forward().output().matrix(batch, head);
        this.sums = call.forward().logSumExp().matrix(batch, head);
        this.gradient = call.outputGradient().matrix(batch, head);
        this.sink = sink;
        this.outputRow = new float[output.columns()];
        this.gradientRow = new float[output.columns()];
    }

    /** p · D of a query; 0 for one that sees no key. */
    private double slope(int row) {
        output.readRow(row, outputRow, 0);
        gradient.readRow(row, gradientRow, 0);
        double dot = 0;
        for (int c = 0; c < outputRow.length; c++) {
            dot += (double) outputRow[c] * gradientRow[c];
        }
        return dot == 0 ? 0 : Math.exp(sink - sums.get(row, 0)) * dot;
    }

    /** Writes the gradient by the sinks of a call. */
    static void write(GradientCall call, float[] target) {
        AttentionInput input = call.input();
        for (int h = 0; h < target.length; h++) {
            double sum = 0;
            for (int b = 0; b < input.batch() && input.sink(h) > Float.NEGATIVE_INFINITY; b++) {
                SinkGradient each = new SinkGradient(call, b, h, input.sink(h));
                for (int i = 0; i < input.queries(); i++) {
                    sum -= each.slope(i);
                }
            }
            target[h] = (float) sum;
        }
    }

    /**
     * Adds to the gradients by the queries of a query head what is missing where they were computed with centred keys
     * and without the sink: the sum of slopes times the centre.
     *
     * @param call  without the sinks
     * @param among the queries that this is for
     */
    public static void addCentre(GradientCall call, KeyHead head, int member, IntPredicate among, Team team) {
        double sink = head.laterSink(member);
        float[] centre = head.centre();
        boolean centred = false;
        for (float each : centre) {
            centred |= each != 0;
        }
        if (!centred || sink == Double.NEGATIVE_INFINITY) {
            return;
        }
        Matrix target = head.ofQueries(call.dQuery(), member);
        team.forRanges(target.rows(), Sinks.CHUNK, (from, to, scratch) -> {
            SinkGradient each = new SinkGradient(call, head.batch(), head.queryHead(member), sink);
            float[] row = new float[centre.length];
            for (int i = from; i < to; i++) {
                double slope = among.test(i) ? each.slope(i) * call.input().scale() : 0;
                if (slope != 0) {
                    target.readRow(i, row, 0);
                    for (int c = 0; c < row.length; c++) {
                        row[c] += (float) (slope * centre[c]);
                    }
                    target.writeRow(i, row, 0);
                }
            }
        });
    }
}
