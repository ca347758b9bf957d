package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.kernel.GroupLayout;
import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of a cache: chunks of a fixed number of keys of all heads, each in an arena of its own. A chunk has for
 * each head the keys and scales of its groups, then their values. Chunks of a file are read-only until somebody writes.
 */
final class Store implements AutoCloseable {
    /** Keys in a chunk. */
    static final int CHUNK = 1024;

    static final int CHUNK_GROUPS = CHUNK / GROUP;

    /** Memory of some groups of all heads, which this store may have to free. */
    private record Chunk(Arena arena, MemorySegment memory, boolean ours) {
        long address() {
            return memory.address();
        }

        void close() {
            if (ours) {
                arena.close();
            }
        }
    }

    private final int units;
    private final GroupLayout layout;
    private final long unitBytes;
    private final List<Chunk> chunks = new ArrayList<>();

    Store(int units, GroupLayout layout) {
        this.units = units;
        this.layout = layout;
        this.unitBytes = unitBytes(layout);
    }

    /** Bytes of one head in a chunk. */
    static long unitBytes(GroupLayout layout) {
        return CHUNK_GROUPS * (layout.keyBytes() + layout.valueBytes() + layout.scaleBytes());
    }

    /** Heads of all batch items. */
    int units() {
        return units;
    }

    GroupLayout layout() {
        return layout;
    }

    int d() {
        return layout.d();
    }

    int dv() {
        return layout.dv();
    }

    /** Floats of a value row as floats, whole vectors. */
    int valueStride() {
        return Lanes.padColumns(layout.dv());
    }

    /** Bytes of a key and a value of one head, scales included. */
    double rowBytes() {
        return unitBytes / (double) CHUNK;
    }

    /** Bytes of a chunk. */
    long chunkBytes() {
        return units * unitBytes;
    }

    /** Number of chunks. */
    int chunkCount() {
        return chunks.size();
    }

    /** The memory of a chunk. */
    MemorySegment chunk(int index) {
        return chunks.get(index).memory();
    }

    /** Off-heap bytes held, those of a file included. */
    long bytes() {
        return chunks.size() * chunkBytes();
    }

    /**
     * Makes room for {@code keys} keys of every head; what is there stays where it is.
     *
     * @throws OutOfMemoryError if the memory is not to be had; what was there before is unchanged then
     */
    void grow(int keys) {
        int before = chunks.size();
        try {
            while (chunks.size() * (long) CHUNK < keys) {
                chunks.add(allocate());
            }
        } catch (OutOfMemoryError | RuntimeException e) {
            shrink(before * CHUNK);
            throw e;
        }
    }

    private Chunk allocate() {
        Arena arena = Arena.ofShared();
        try {
            return new Chunk(arena, arena.allocate(chunkBytes(), 64), true);
        } catch (OutOfMemoryError | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** Adds a chunk that lies in memory of somebody else, who frees it after this store is closed. */
    void addForeign(MemorySegment memory) {
        chunks.add(new Chunk(null, memory, false));
    }

    /** Copies a chunk of somebody else's memory, if it is one, so that it can be written. */
    void own(int index) {
        Chunk chunk = chunks.get(index);
        if (!chunk.ours()) {
            Chunk copy = allocate();
            MemorySegment.copy(chunk.memory(), 0, copy.memory(), 0, chunkBytes());
            chunks.set(index, copy);
        }
    }

    /** Frees the chunks that {@code keys} keys do not need. */
    void shrink(int keys) {
        while ((chunks.size() - 1L) * CHUNK >= keys) {
            chunks.remove(chunks.size() - 1).close();
        }
    }

    private long unit(int unit, int group) {
        return chunks.get(group / CHUNK_GROUPS).address() + unit * unitBytes;
    }

    /** Address of a group of keys. */
    long keys(int unit, int group) {
        return unit(unit, group) + group % CHUNK_GROUPS * (layout.keyBytes() + layout.scaleBytes());
    }

    /** Address of a group of values. */
    long values(int unit, int group) {
        return unit(unit, group) + CHUNK_GROUPS * (layout.keyBytes() + layout.scaleBytes())
                + group % CHUNK_GROUPS * layout.valueBytes();
    }

    /** Address of the scales of a group: behind its keys, so that they come with them. */
    long scales(int unit, int group) {
        return keys(unit, group) + layout.keyBytes();
    }

    /** Writes a key, d floats. */
    void putKey(int unit, int position, float[] row) {
        int group = position / GROUP;
        layout.putKey(row, 0, keys(unit, group), scales(unit, group), position % GROUP);
    }

    /** Writes a value, d_v floats. */
    void putValue(int unit, int position, float[] row) {
        int group = position / GROUP;
        layout.putValue(row, 0, values(unit, group), scales(unit, group), position % GROUP);
    }

    /** Reads a key, d floats. */
    void getKey(int unit, int position, float[] row) {
        int group = position / GROUP;
        layout.getKey(row, 0, keys(unit, group), scales(unit, group), position % GROUP);
    }

    /** Reads a value, d_v floats. */
    void getValue(int unit, int position, float[] row) {
        int group = position / GROUP;
        layout.getValue(row, 0, values(unit, group), scales(unit, group), position % GROUP);
    }

    /** Address of a value row. */
    long value(int unit, int position) {
        return values(unit, position / GROUP) + position % GROUP * layout.valueRowBytes();
    }

    /**
     * Address of a group of keys as d × GROUP floats: its own where they are floats.
     *
     * @param room address of as many floats, used otherwise
     */
    long floatKeys(int unit, int group, long room) {
        if (layout.pack() == 1) {
            return keys(unit, group);
        }
        float[] row = new float[d()];
        for (int j = 0; j < GROUP; j++) {
            getKey(unit, group * GROUP + j, row);
            for (int c = 0; c < row.length; c++) {
                Memory.putFloat(room + ((long) c * GROUP + j) * Float.BYTES, row[c]);
            }
        }
        return room;
    }

    /**
     * Address of a group of values as rows of {@link #valueStride} floats: its own where they are floats.
     *
     * @param room address of as many floats, used otherwise
     */
    long floatValues(int unit, int group, long room) {
        if (layout.pack() == 1) {
            return values(unit, group);
        }
        float[] row = new float[valueStride()];
        for (int j = 0; j < GROUP; j++) {
            getValue(unit, group * GROUP + j, row);
            for (int c = 0; c < row.length; c++) {
                Memory.putFloat(room + ((long) j * row.length + c) * Float.BYTES, row[c]);
            }
        }
        return room;
    }

    /** Bytes of the room that {@link #floatKeys} and {@link #floatValues} need. */
    long roomBytes() {
        return (long) GROUP * Math.max(d(), valueStride()) * Float.BYTES;
    }

    @Override
    public void close() {
        shrink(0);
    }
}
