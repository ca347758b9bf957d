package dev.kdeformer.pilot.gradient;

import dev.kdeformer.pilot.keys.KeyGroups;
import dev.kdeformer.pilot.keys.Rows;
import dev.kdeformer.runtime.Memory;
import dev.kdeformer.runtime.Scratch;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Shape;
import dev.kdeformer.tensor.Tensor;
import java.util.Arrays;

/** Gradients by the keys and values of a head, in group order, one set for each share of the work. */
final class GradientSums {
    /** Keys that one task adds up. */
    private static final int CHUNK = 1024;

    private final KeyGroups keys;
    private final Rows[] dKeys;
    private final Rows[] dValues;

    GradientSums(KeyGroups keys, int shares, Scratch scratch) {
        this.keys = keys;
        this.dKeys = new Rows[shares];
        this.dValues = new Rows[shares];
        for (int share = 0; share < shares; share++) {
            dKeys[share] = Rows.allocate(scratch, keys.count(), keys.keys().columns());
            dValues[share] = Rows.allocate(scratch, keys.count(), keys.values().columns());
        }
    }

    static long bytes(int keys, int d, int dv, int shares) {
        return shares * (Rows.bytes(keys, d) + Rows.bytes(keys, dv));
    }

    /** What a share adds to, made zero, beside gradients by queries. */
    LeafGradient.Targets targets(int share, Matrix dQuery) {
        Memory.fillFloats(dKeys[share].address(), (long) keys.count() * dKeys[share].stride(), 0);
        Memory.fillFloats(dValues[share].address(), (long) keys.count() * dValues[share].stride(), 0);
        return new LeafGradient.Targets(dQuery, dKeys[share], dValues[share]);
    }

    /** Rows as a matrix. */
    static Matrix matrix(Rows rows) {
        long floats = (long) rows.count() * rows.stride();
        return Tensor.of(Memory.ALL.asSlice(rows.address(), floats * Float.BYTES),
                Shape.of(rows.count(), rows.columns()), floats, floats, rows.stride(), 1).matrix(0, 0);
    }

    /** Adds all shares, in their order, to the caller's rows. */
    void addTo(Matrix dKey, Matrix dValue, Team team) {
        team.forRanges(keys.count(), CHUNK, (from, to, scratch) -> {
            float[] row = new float[Math.max(dKeys[0].stride(), dValues[0].stride())];
            float[] more = new float[row.length];
            float[] sum = new float[row.length];
            for (int j = from; j < to; j++) {
                sum(dKeys, j, more, sum);
                keys.reflection().apply(sum);
                add(sum, j, dKey, row);
                sum(dValues, j, more, sum);
                add(sum, j, dValue, row);
            }
        });
    }

    private static void sum(Rows[] shares, int j, float[] more, float[] sum) {
        Arrays.fill(sum, 0);
        for (Rows each : shares) {
            each.read(j, more, 0);
            for (int c = 0; c < each.columns(); c++) {
                sum[c] += more[c];
            }
        }
    }

    private void add(float[] sum, int j, Matrix target, float[] row) {
        int at = keys.order()[j];
        target.readRow(at, row, 0);
        for (int c = 0; c < target.columns(); c++) {
            row[c] += sum[c];
        }
        target.writeRow(at, row, 0);
    }
}
