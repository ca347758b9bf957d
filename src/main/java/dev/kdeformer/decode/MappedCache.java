package dev.kdeformer.decode;

import dev.kdeformer.Engine;
import dev.kdeformer.io.TensorFormatException;
import dev.kdeformer.kernel.GroupLayout;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Team;
import dev.kdeformer.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;

/**
 * What a mapped file gives a cache: its store, whose elements are finite, and how large they are.
 *
 * @param arena owns the memory that chunks of the store lie in, null where they were copied
 */
record MappedCache(Shape units, CacheElement element, Store store, int length, float largestKey, float largestValue,
        Arena arena) {
    /** Maps a file, or copies it where its rows are padded to other vectors than this machine's. */
    static MappedCache open(Engine engine, Path path) throws IOException {
        CacheFile.Opened file = CacheFile.open(path);
        Store store = new Store(file.units().batch() * file.units().heads(), file.layout());
        try {
            for (long at = 0; at < file.chunks().byteSize(); at += store.chunkBytes()) {
                store.addForeign(file.chunks().asSlice(at, store.chunkBytes()));
            }
            float[] largest = largest(engine, store);
            if (Float.isInfinite(largest[0]) || Float.isInfinite(largest[1])) {
                throw new TensorFormatException(path.toString(), "elements must be finite, and not all are");
            }
            GroupLayout ours = new GroupLayout(file.element().perInt(), store.d(), store.dv());
            boolean same = ours.valueInts() == file.layout().valueInts();
            Store used = same ? store : copy(store, ours, file.length());
            if (!same) {
                file.arena().close();
            }
            return new MappedCache(file.units(), file.element(), used, file.length(), largest[0], largest[1],
                    same ? file.arena() : null);
        } catch (IOException | RuntimeException | Error e) {
            if (file.arena().scope().isAlive()) {
                file.arena().close();
            }
            throw e;
        }
    }

    private static float[] largest(Engine engine, Store store) {
        float[][] largest = new float[store.chunkCount() == 0 ? 0 : store.units()][2];
        Team crew = Crews.begin(engine);
        try {
            crew.forEach(largest.length, (unit, scratch) -> {
                for (int chunk = 0; chunk < store.chunkCount(); chunk++) {
                    int group = chunk * Store.CHUNK_GROUPS;
                    float[] each = store.layout().largest(store.keys(unit, group), store.values(unit, group),
                            store.scales(unit, group), Store.CHUNK_GROUPS);
                    largest[unit][0] = Math.max(largest[unit][0], each[0]);
                    largest[unit][1] = Math.max(largest[unit][1], each[1]);
                }
            });
        } finally {
            Crews.end(engine, crew);
        }
        float[] all = new float[2];
        for (float[] each : largest) {
            all[0] = Math.max(all[0], each[0]);
            all[1] = Math.max(all[1], each[1]);
        }
        return all;
    }

    private static Store copy(Store store, GroupLayout layout, int length) {
        Store copy = new Store(store.units(), layout);
        try {
            copy.grow(length);
            float[] key = new float[store.d()];
            float[] value = new float[store.dv()];
            for (int unit = 0; unit < store.units(); unit++) {
                for (int i = 0; i < length; i++) {
                    store.getKey(unit, i, key);
                    copy.putKey(unit, i, key);
                    store.getValue(unit, i, value);
                    copy.putValue(unit, i, value);
                }
            }
            return copy;
        } catch (RuntimeException | Error e) {
            copy.close();
            throw e;
        }
    }
}
