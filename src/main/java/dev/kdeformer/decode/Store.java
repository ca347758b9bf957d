package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.kernel.Lanes;
import dev.kdeformer.runtime.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** The memory of a cache: chunks of a fixed number of keys of all heads, each in an arena of its own. */
final class Store implements AutoCloseable {
    /** Keys in a chunk. */
    static final int CHUNK = 1024;

    private static final int CHUNK_GROUPS = CHUNK / GROUP;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private record Chunk(Arena arena, long address) {
    }

    private final int units;
    private final int d;
    private final int dv;
    private final int valueStride;
    private final long unitBytes;
    private final List<Chunk> chunks = new ArrayList<>();

    Store(int units, int d, int dv) {
        this.units = units;
        this.d = d;
        this.dv = dv;
        this.valueStride = Lanes.padColumns(dv);
        this.unitBytes = (long) CHUNK * (d + valueStride) * Float.BYTES;
    }

    int d() {
        return d;
    }

    int dv() {
        return dv;
    }

    /** Floats from value row to value row. */
    int valueStride() {
        return valueStride;
    }

    /** Off-heap bytes held. */
    long bytes() {
        return chunks.size() * units * unitBytes;
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
                Arena arena = Arena.ofShared();
                try {
                    MemorySegment segment = arena.allocate(units * unitBytes, 64);
                    chunks.add(new Chunk(arena, segment.address()));
                } catch (OutOfMemoryError | RuntimeException e) {
                    arena.close();
                    throw e;
                }
            }
        } catch (OutOfMemoryError | RuntimeException e) {
            shrink(before * CHUNK);
            throw e;
        }
    }

    /** Frees the chunks that {@code keys} keys do not need. */
    void shrink(int keys) {
        while ((chunks.size() - 1L) * CHUNK >= keys) {
            chunks.remove(chunks.size() - 1).arena.close();
        }
    }

    /** Address of a group of keys: d × GROUP floats. */
    long keys(int unit, int group) {
        return chunks.get(group / CHUNK_GROUPS).address + unit * unitBytes
                + (long) (group % CHUNK_GROUPS) * GROUP * d * Float.BYTES;
    }

    /** Address of a group of values: GROUP × valueStride floats. */
    long values(int unit, int group) {
        return chunks.get(group / CHUNK_GROUPS).address + unit * unitBytes + (long) CHUNK * d * Float.BYTES
                + (long) (group % CHUNK_GROUPS) * GROUP * valueStride * Float.BYTES;
    }

    /** Writes a key, d floats from {@code at} on. */
    void putKey(int unit, int position, float[] row, int at) {
        long address = keys(unit, position / GROUP) + position % GROUP * 4L;
        for (int c = 0; c < d; c++) {
            Memory.putFloat(address + (long) c * (GROUP * 4L), row[at + c]);
        }
    }

    /** Reads a key into {@code row} from {@code at} on. */
    void getKey(int unit, int position, float[] row, int at) {
        long address = keys(unit, position / GROUP) + position % GROUP * 4L;
        for (int c = 0; c < d; c++) {
            row[at + c] = Memory.getFloat(address + (long) c * (GROUP * 4L));
        }
    }

    /** Writes a value, d_v floats. */
    void putValue(int unit, int position, float[] row) {
        MemorySegment.copy(row, 0, Memory.ALL, FLOAT, value(unit, position), dv);
    }

    /** Address of a value row. */
    long value(int unit, int position) {
        return values(unit, position / GROUP) + (long) (position % GROUP) * valueStride * Float.BYTES;
    }

    @Override
    public void close() {
        shrink(0);
    }
}
