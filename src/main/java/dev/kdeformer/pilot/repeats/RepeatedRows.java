package dev.kdeformer.pilot.repeats;

import dev.kdeformer.AttentionInput;
import dev.kdeformer.exact.tiled.TiledAttention;
import dev.kdeformer.method.Call;
import dev.kdeformer.method.KeyHead;
import dev.kdeformer.method.Picked;
import dev.kdeformer.pilot.search.Unit;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Exact attention of distinct queries to distinct keys, for heads that have few of both. Keys that are the same weigh
 * as much as their sum and give the mean of their values, by weight; queries that are the same get the same row.
 */
public final class RepeatedRows {
    /** Pairs of distinct rows, as a part of all pairs, that are worth it: about what a pass at a fixed cost takes. */
    private static final double MOST_PAIRS = 0.1;

    private final Unit unit;
    private final KeyHead head;
    private final Rows rows;

    /**
     * Rows of a key head.
     *
     * @param visible keys that are not hidden
     * @param keys    the distinct ones among these
     * @param queries the distinct ones of every query head
     */
    private record Rows(int[] visible, DistinctRows keys, DistinctRows[] queries) {
    }

    private RepeatedRows(Unit unit, Rows rows) {
        this.unit = unit;
        this.head = unit.head();
        this.rows = rows;
    }

    /**
     * The computation of a unit by its distinct rows.
     *
     * @return null if there are too many of them, or the mask tells equal rows apart
     */
    public static RepeatedRows of(Unit unit) {
        AttentionInput input = unit.call().input();
        KeyHead head = unit.head();
        if (input.mask().isCausal()) {
            return null;
        }
        int[] visible = head.visibleKeys();
        int[] all = new int[input.queries()];
        Arrays.setAll(all, i -> i);
        double most = MOST_PAIRS * all.length * visible.length;
        if (visible.length == 0
                || DistinctRows.guess(head.key(), visible) * DistinctRows.guess(head.query(0), all) > most) {
            return null;
        }
        DistinctRows keys = DistinctRows.of(head.key(), visible, unit.team());
        DistinctRows[] queries = new DistinctRows[head.groupSize()];
        for (int member = 0; member < queries.length && keys != null; member++) {
            queries[member] = DistinctRows.of(head.query(member), all, unit.team());
            if (queries[member] == null || (double) keys.count() * queries[member].count() > most) {
                return null;
            }
        }
        return keys == null ? null : new RepeatedRows(unit, new Rows(visible, keys, queries));
    }

    /** Computes all query heads. */
    public void attend() {
        for (int member = 0; member < head.groupSize(); member++) {
            int[] all = new int[head.query(member).rows()];
            Arrays.setAll(all, i -> i);
            attend(member, all);
        }
    }

    /**
     * Computes one query head.
     *
     * @param wanted the rows to write
     */
    public void attend(int member, int[] wanted) {
        AttentionInput input = unit.call().input();
        Team team = unit.team();
        DistinctRows queries = rows.queries[member];
        DistinctRows keys = rows.keys;
        try (Arena arena = Arena.ofShared()) {
            Tensor query = Picked.rows(arena, head.query(member), queries.first());
            Tensor key = Picked.rows(arena, head.key(), keys.first());
            Tensor value = Tensor.allocate(arena, Shape.of(keys.count(), input.dv()));
            Tensor bias = Tensor.allocate(arena, Shape.of(1, keys.count()));
            merge(value.matrix(0, 0), bias.matrix(0, 0));
            Tensor output = Tensor.allocate(arena, Shape.of(queries.count(), input.dv()));
            Tensor sums = head.logSumExp(member) == null ? null
                    : Tensor.allocate(arena, Shape.of(queries.count(), 1));
            TiledAttention.run(new Call(AttentionInput.of(query, key, value).withScale(input.scale())
                    .withKeyBias(bias), output, sums, team));
            spread(output.matrix(0, 0), head.output(member), queries, wanted);
            if (sums != null) {
                spread(sums.matrix(0, 0), head.logSumExp(member), queries, wanted);
            }
        }
        team.advance(wanted.length);
        unit.outcome().repeated(unit.queryHead(member), 2.0 * (input.d() + input.dv()) * queries.count()
                * keys.count());
    }

    private static void spread(Matrix source, Matrix target, DistinctRows queries, int[] wanted) {
        float[] row = new float[source.columns()];
        for (int i : wanted) {
            source.readRow(queries.number()[i], row, 0);
            target.writeRow(i, row, 0);
        }
    }

    /** Adds up weights and averages values, in the order of the keys. */
    private void merge(Matrix value, Matrix bias) {
        int[] number = rows.keys.number();
        int count = rows.keys.count();
        int dv = value.columns();
        double[] top = new double[count];
        Arrays.fill(top, Double.NEGATIVE_INFINITY);
        for (int j = 0; j < number.length; j++) {
            top[number[j]] = Math.max(top[number[j]], bias(j));
        }
        double[] weight = new double[count];
        double[] sums = new double[count * dv];
        float[] row = new float[dv];
        for (int j = 0; j < number.length; j++) {
            double each = Math.exp(bias(j) - top[number[j]]);
            weight[number[j]] += each;
            head.value().readRow(rows.visible[j], row, 0);
            for (int c = 0; c < dv; c++) {
                sums[number[j] * dv + c] += each * row[c];
            }
        }
        for (int k = 0; k < count; k++) {
            for (int c = 0; c < dv; c++) {
                row[c] = (float) (sums[k * dv + c] / weight[k]);
            }
            value.writeRow(k, row, 0);
            bias.set(0, k, (float) (top[k] + Math.log(weight[k])));
        }
    }

    private double bias(int j) {
        return head.bias() == null ? 0 : head.bias().get(0, rows.visible[j]);
    }
}
