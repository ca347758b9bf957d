package dev.kdeformer.pilot.gradient;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.BiasGradients;
import dev.kdeformer.InputGradients;
import dev.kdeformer.exact.tiled.TiledGradient;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.GradientCall;
import dev.kdeformer.method.GradientRows;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.Picked;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;

/** The gradients of the queries of a head that were computed exactly: those of exact attention of these rows alone. */
final class StragglerGradient {
    private final GradientCall call;
    private final KeyHead head;
    private final int member;
    private final int[] rows;

    /**
     * The gradient of some queries of a query head.
     *
     * @param rows the caller's rows of the queries
     */
    StragglerGradient(GradientCall call, KeyHead head, int member, int[] rows) {
        this.call = call;
        this.head = head;
        this.member = member;
        this.rows = rows;
    }

    /** What a walk is to take for the saved rows, so that these queries give it no weight: log-sum-exps of −∞. */
    GradientRows.Source hidden(GradientRows.Source source, Scratch scratch) {
        if (rows.length == 0) {
            return source;
        }
        int n = source.logSumExp().rows();
        Matrix sums = GradientSums.matrix(new Rows(scratch.floats(n), n, 1, 1));
        for (int i = 0; i < n; i++) {
            sums.set(i, 0, source.logSumExp().get(i, 0));
        }
        for (int row : rows) {
            sums.set(row, 0, Float.NEGATIVE_INFINITY);
        }
        return new GradientRows.Source(source.query(), source.output(), sums, source.gradient());
    }

    /** Writes the gradients by the queries, and adds those by keys and values. */
    void add(Team team) {
        if (rows.length == 0) {
            return;
        }
        AttentionInput input = call.input();
        int[] keys = IntStream.range(0, head.keys()).toArray();
        try (Arena arena = Arena.ofShared()) {
            Tensor query = Picked.rows(arena, head.query(member), rows);
            AttentionInput some = AttentionInput.of(query, Picked.rows(arena, head.key(), keys),
                    Picked.rows(arena, head.value(), keys)).withScale(input.scale());
            if (head.bias() != null) {
                Tensor bias = Tensor.allocate(arena, Shape.of(1, keys.length));
                for (int j : keys) {
                    bias.matrix(0, 0).set(0, j, head.bias().get(0, j));
                }
                some = some.withKeyBias(bias);
            }
            if (head.laterSink(member) > Float.NEGATIVE_INFINITY) {
                some = some.withSinks(head.laterSink(member));
            }
            Call forward = new Call(some, Picked.rows(arena, head.output(member), rows),
                    Picked.rows(arena, head.logSumExp(member), rows), team);
            InputGradients gradients = InputGradients.allocate(arena, some);
            new TiledGradient().run(new GradientCall(forward,
                    Picked.rows(arena, head.ofQueries(call.outputGradient(), member), rows), gradients,
                    BiasGradients.none()));
            Matrix target = head.ofQueries(call.dQuery(), member);
            float[] row = new float[input.d()];
            for (int i = 0; i < rows.length; i++) {
                gradients.dQuery().matrix(0, 0).readRow(i, row, 0);
                target.writeRow(rows[i], row, 0);
            }
            add(gradients.dKey().matrix(0, 0), head.ofKeys(call.dKey()));
            add(gradients.dValue().matrix(0, 0), head.ofKeys(call.dValue()));
        }
    }

    private static void add(Matrix more, Matrix target) {
        float[] row = new float[more.columns()];
        float[] sum = new float[more.columns()];
        for (int j = 0; j < more.rows(); j++) {
            more.readRow(j, row, 0);
            target.readRow(j, sum, 0);
            for (int c = 0; c < sum.length; c++) {
                sum[c] += row[c];
            }
            target.writeRow(j, sum, 0);
        }
    }

    /** Bytes off the heap for the copies that this makes. */
    static long bytes(int queries, int keys, int d, int dv) {
        return Float.BYTES * (2L * keys * (d + dv) + 2L * queries * (d + dv + 1));
    }
}
