package dev.kdeformer.decode;

import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Matrix;
import dev.kdeformer.tensor.Tensor;
import java.util.List;

/** Rows of keys and values between a cache and tensors, all heads side by side. */
final class CacheRows {
    private CacheRows() {
    }

    private static Matrix matrix(Tensor tensor, int unit) {
        return tensor.matrix(unit / tensor.shape().heads(), unit % tensor.shape().heads());
    }

    /** Writes rows behind the first {@code length}. */
    static void write(Team team, Store store, int length, Tensor keys, Tensor values) {
        team.forEach(store.units(), (unit, scratch) -> {
            Matrix key = matrix(keys, unit);
            Matrix value = matrix(values, unit);
            float[] keyRow = new float[store.d()];
            float[] valueRow = new float[store.dv()];
            for (int i = 0; i < key.rows(); i++) {
                key.readRow(i, keyRow, 0);
                store.putKey(unit, length + i, keyRow);
                value.readRow(i, valueRow, 0);
                store.putValue(unit, length + i, valueRow);
            }
        });
    }

    /** Reads rows from {@code first} on, in the order in which they were appended. */
    static void read(Team team, Store store, List<Region> regions, int first, Tensor keys, Tensor values) {
        team.forEach(store.units(), (unit, scratch) -> {
            Matrix key = matrix(keys, unit);
            Matrix value = matrix(values, unit);
            float[] keyRow = new float[store.d()];
            float[] valueRow = new float[store.dv()];
            Positions positions = new Positions(regions, unit);
            for (int i = 0; i < key.rows(); i++) {
                int position = positions.of(first + i);
                store.getKey(unit, position, keyRow);
                key.writeRow(i, keyRow, 0);
                store.getValue(unit, position, valueRow);
                value.writeRow(i, valueRow, 0);
            }
        });
    }
}
