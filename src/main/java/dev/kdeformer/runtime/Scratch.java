package dev.kdeformer.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Scratch memory of one thread: a stack of off-heap blocks that only grows, so that a call like an earlier one
 * allocates nothing. Addresses are aligned to 64 bytes and stay valid until released. Contents are undefined.
 */
public final class Scratch implements AutoCloseable {
    private static final long ALIGNMENT = 64;
    private static final long FIRST_BLOCK = 1 << 20;

    /** A piece of native memory that the stack grows into. */
    private record Block(Arena arena, long address, long size) {
    }

    private final Map<Class<?>, Object> kept = new IdentityHashMap<>();
    private final List<Block> blocks = new ArrayList<>();
    /** Where blocks come from; null for an arena of their own. */
    private final Arena source;
    private int current = -1;
    private long used;

    /** Makes an empty stack without a limit of its own. */
    public Scratch() {
        this(null);
    }

    private Scratch(Arena source) {
        this.source = source;
    }

    /**
     * Memory that is freed some time after nobody holds this object any longer; whoever uses an address of it has to
     * hold the object meanwhile. {@link #close} has no effect.
     */
    public static Scratch collected() {
        return new Scratch(Arena.ofAuto());
    }

    /**
     * Takes memory from the top of the stack.
     *
     * @return the address of its first byte
     * @throws OutOfMemoryError         if the memory is not to be had; the stack is unchanged then
     * @throws IllegalArgumentException if {@code bytes} is negative
     */
    public long allocate(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("bytes must not be negative, got " + bytes);
        }
        long size = Math.max(ALIGNMENT, (bytes + ALIGNMENT - 1) & -ALIGNMENT);
        while (current < 0 || used + size > blocks.get(current).size) {
            if (current + 1 == blocks.size()) {
                blocks.add(newBlock(Math.max(size, blocks.isEmpty() ? FIRST_BLOCK : blocks.get(current).size)));
            }
            current++;
            used = 0;
        }
        long address = blocks.get(current).address + used;
        used += size;
        return address;
    }

    /** Takes memory for a number of floats. */
    public long floats(long count) {
        return allocate(count * Float.BYTES);
    }

    /** Takes memory for a number of ints. */
    public long ints(long count) {
        return allocate(count * Integer.BYTES);
    }

    /** Takes memory for ints of an array, {@code count} from index {@code from} on, and copies them. */
    public long ints(int[] values, int from, int count) {
        long address = ints(count);
        Memory.putInts(address, values, from, count);
        return address;
    }

    /** The top of the stack, to return to with {@link #release}. */
    public long mark() {
        return current < 0 ? 0 : ((long) current + 1) << 48 | used;
    }

    /** Gives back all that was taken since {@link #mark} returned {@code mark}. */
    public void release(long mark) {
        current = (int) (mark >>> 48) - 1;
        used = mark & (1L << 48) - 1;
    }

    /**
     * An object of this thread that is made once and kept from call to call, such as the buffers of a tile.
     *
     * @param type what identifies it
     */
    public <T> T keep(Class<T> type, Supplier<T> maker) {
        Object object = kept.get(type);
        if (object == null) {
            object = maker.get();
            kept.put(type, object);
        }
        return type.cast(object);
    }

    /** Bytes held from the operating system. */
    public long bytes() {
        long sum = 0;
        for (Block block : blocks) {
            sum += block.size;
        }
        return sum;
    }

    /** Frees all blocks. */
    @Override
    public void close() {
        if (source != null) {
            return;
        }
        for (Block block : blocks) {
            block.arena.close();
        }
        blocks.clear();
        current = -1;
        used = 0;
    }

    private Block newBlock(long size) {
        if (source != null) {
            return new Block(source, source.allocate(size, ALIGNMENT).address(), size);
        }
        Arena arena = Arena.ofShared();
        try {
            MemorySegment segment = arena.allocate(size, ALIGNMENT);
            return new Block(arena, segment.address(), size);
        } catch (OutOfMemoryError | RuntimeException e) {
            arena.close();
            throw e;
        }
    }
}
