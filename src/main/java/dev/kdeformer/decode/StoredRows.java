package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Memory;

/** The keys and values of a part of one head as they are stored, copied to be written back in another order. */
final class StoredRows {
    private final Store store;
    private final int unit;
    private final int first;
    private final int count;
    private final long keys;
    private final long values;
    private final float[] scales;
    private final GroupRows rows;

    /**
     * Rows of some keys and values of a head, written from the store.
     *
     * @param first  first key, a multiple of GROUP
     * @param count  number of keys, a multiple of GROUP
     * @param keys   address of {@link #keyBytes} for each key
     * @param values address of a value row for each key
     */
    StoredRows(Store store, int unit, int first, int count, long keys, long values) {
        this.store = store;
        this.unit = unit;
        this.first = first;
        this.count = count;
        this.keys = keys;
        this.values = values;
        this.scales = new float[store.layout().scaleBytes() > 0 ? 2 * count : 0];
        // Ints are moved as if they were floats, which changes none of their bits.
        this.rows = new GroupRows(store.layout().keyInts(), null);
    }

    /** Bytes of a key in the copy. */
    static long keyBytes(Store store) {
        return Lanes.padColumns(store.layout().keyInts()) * 4L;
    }

    /** Copies all rows. */
    void read() {
        long valueBytes = store.layout().valueBytes();
        for (int i = 0; i < count; i += GROUP) {
            int group = (first + i) / GROUP;
            rows.read(store.keys(unit, group), keys + i * keyBytes(store));
            Memory.copy(store.values(unit, group), values + i / GROUP * valueBytes, valueBytes);
        }
        for (int i = 0; i < count && scales.length > 0; i++) {
            scales[2 * i] = Memory.getFloat(scale(i));
            scales[2 * i + 1] = Memory.getFloat(scale(i) + GROUP * 4L);
        }
    }

    /** Writes row {@code order[i]} of the copy to position i, for all of them. */
    void write(int[] order) {
        long valueBytes = store.layout().valueRowBytes();
        for (int i = 0; i < count; i += GROUP) {
            rows.write(keys, order, i, store.keys(unit, (first + i) / GROUP));
        }
        for (int i = 0; i < count; i++) {
            Memory.copy(values + order[i] * valueBytes, store.value(unit, first + i), valueBytes);
        }
        for (int i = 0; i < count && scales.length > 0; i++) {
            Memory.putFloat(scale(i), scales[2 * order[i]]);
            Memory.putFloat(scale(i) + GROUP * 4L, scales[2 * order[i] + 1]);
        }
    }

    /** Address of the scale of a key; that of its value lies a group further. */
    private long scale(int i) {
        return store.scales(unit, (first + i) / GROUP) + (first + i) % GROUP * 4L;
    }
}
