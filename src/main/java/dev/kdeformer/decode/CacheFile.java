package dev.kdeformer.decode;

import static dev.kdeformer.kernel.DecodeKernel.GROUP;

import dev.kdeformer.io.AtomicFile;
import dev.kdeformer.io.TensorFormatException;
import dev.kdeformer.kernel.GroupLayout;
import dev.kdeformer.tensor.Shape;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * The file of a cache: a page with what it is, then its chunks as they lie in memory, keys in the order in which they
 * were appended. All numbers are little-endian.
 *
 * <p>The page begins with the magic {@code KDCACHE} and a zero byte, then ints: version 2, elements in four bytes (1, 2
 * or 4), batch, heads, d, d_v, length, and the ints of a value row. The rest is zeros.
 */
final class CacheFile {
    private static final byte[] MAGIC = {'K', 'D', 'C', 'A', 'C', 'H', 'E', 0};
    private static final int VERSION = 2;

    /** Bytes before the first chunk; maps begin at pages. */
    private static final int PAGE = 4096;

    private static final int HEADER = MAGIC.length + 8 * Integer.BYTES;

    /** Features beyond this are no cache of attention. */
    private static final int MOST_FEATURES = 1 << 24;

    private static final int BUFFER = 1 << 16;

    /** An opened file: what it holds and the memory it is mapped to, which lives as long as the arena. */
    record Opened(Shape units, CacheElement element, GroupLayout layout, int length, MemorySegment chunks,
            Arena arena) {
    }

    private CacheFile() {
    }

    /** Writes a cache. */
    static void write(Path path, Shape units, CacheElement element, Store store, List<Region> regions, int length)
            throws IOException {
        requireLittleEndian(path);
        AtomicFile.write(path, out -> {
            ByteBuffer header = ByteBuffer.allocate(PAGE).order(ByteOrder.LITTLE_ENDIAN);
            header.put(MAGIC).putInt(VERSION).putInt(element.perInt()).putInt(units.batch()).putInt(units.heads())
                    .putInt(store.d()).putInt(store.dv()).putInt(length).putInt(store.layout().valueInts());
            out.write(header.array());
            int heads = units.batch() * units.heads();
            Positions[] positions = new Positions[heads];
            for (int unit = 0; unit < heads; unit++) {
                positions[unit] = new Positions(regions, unit);
            }
            int sorted = regions.isEmpty() ? 0 : regions.get(regions.size() - 1).end();
            for (int first = 0; first < length; first += Store.CHUNK) {
                if (first >= sorted && length - first >= Store.CHUNK) {
                    copy(store.chunk(first / Store.CHUNK), out);
                } else {
                    assemble(store, positions, first, Math.min(Store.CHUNK, length - first), out);
                }
            }
        });
    }

    /** Writes a chunk with its keys in order, and zeros where there are none. */
    private static void assemble(Store store, Positions[] positions, int first, int count, OutputStream out)
            throws IOException {
        try (Store one = new Store(positions.length, store.layout())) {
            one.grow(Store.CHUNK);
            for (int unit = 0; unit < positions.length; unit++) {
                for (int i = 0; i < count; i++) {
                    int from = positions[unit].of(first + i);
                    store.layout().copy(place(store, unit, from), place(one, unit, i));
                }
            }
            copy(one.chunk(0), out);
        }
    }

    private static GroupLayout.Place place(Store store, int unit, int key) {
        int group = key / GROUP;
        return new GroupLayout.Place(store.keys(unit, group), store.values(unit, group), store.scales(unit, group),
                key % GROUP);
    }

    private static void copy(MemorySegment memory, OutputStream out) throws IOException {
        byte[] buffer = new byte[BUFFER];
        for (long at = 0; at < memory.byteSize(); at += BUFFER) {
            int count = (int) Math.min(BUFFER, memory.byteSize() - at);
            MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, at, buffer, 0, count);
            out.write(buffer, 0, count);
        }
    }

    /** Maps a file; nothing is believed that its length does not bear out, and elements are not looked at. */
    static Opened open(Path path) throws IOException {
        requireLittleEndian(path);
        String name = path.toString();
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new TensorFormatException(name, "this is no regular file; a cache is mapped from one");
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
            while (header.hasRemaining() && channel.read(header) >= 0) {
                continue;
            }
            if (header.hasRemaining() || channel.size() < PAGE) {
                throw new TensorFormatException(name, "a cache's file has at least " + PAGE + " bytes, got "
                        + channel.size());
            }
            return open(name, channel, header.flip());
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(name, null, "no such file");
        } catch (AccessDeniedException e) {
            throw new AccessDeniedException(name, null, "no permission to read this file");
        }
    }

    private static Opened open(String name, FileChannel channel, ByteBuffer header) throws IOException {
        for (byte each : MAGIC) {
            if (header.get() != each) {
                throw new TensorFormatException(name, "this is no file of a cache: it does not begin with KDCACHE");
            }
        }
        int version = header.getInt();
        if (version != VERSION) {
            throw new TensorFormatException(name, "version must be " + VERSION + ", got " + version);
        }
        int perInt = header.getInt();
        CacheElement element = null;
        for (CacheElement each : CacheElement.values()) {
            element = each.perInt() == perInt ? each : element;
        }
        if (element == null) {
            throw new TensorFormatException(name, "elements in four bytes must be 1, 2 or 4, got " + perInt);
        }
        int batch = between(name, "batch", header.getInt(), 1, Integer.MAX_VALUE);
        int heads = between(name, "heads", header.getInt(), 1, Integer.MAX_VALUE / batch);
        int d = between(name, "d", header.getInt(), 1, MOST_FEATURES);
        int dv = between(name, "d_v", header.getInt(), 1, MOST_FEATURES);
        int length = between(name, "length", header.getInt(), 0, Integer.MAX_VALUE - Store.CHUNK);
        GroupLayout ours = new GroupLayout(perInt, d, dv);
        int valueInts = between(name, "ints of a value row", header.getInt(), element == CacheElement.FLOAT32 ? dv
                : ours.valueInts(), Math.max(ours.valueInts(), GroupLayout.widest(perInt, dv)));
        GroupLayout layout = new GroupLayout(perInt, d, dv, valueInts);
        long bytes;
        try {
            int chunks = (int) (((long) length + Store.CHUNK - 1) / Store.CHUNK);
            bytes = Math.multiplyExact(Store.unitBytes(layout), Math.multiplyExact((long) batch * heads, chunks));
            bytes = Math.addExact(bytes, PAGE);
        } catch (ArithmeticException e) {
            throw new TensorFormatException(name, "sizes overflow a 64-bit length: batch " + batch + ", heads " + heads
                    + ", length " + length + ", d " + d + ", d_v " + dv);
        }
        if (channel.size() != bytes) {
            throw new TensorFormatException(name, "the file must have " + bytes + " bytes for the sizes it says, got "
                    + channel.size());
        }
        Arena arena = Arena.ofShared();
        try {
            MemorySegment chunks = channel.map(FileChannel.MapMode.READ_ONLY, PAGE, bytes - PAGE, arena);
            return new Opened(Shape.of(batch, heads, 1, d), element, layout, length, chunks, arena);
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    private static int between(String name, String what, int value, int least, int most) throws IOException {
        if (value < least || value > most) {
            throw new TensorFormatException(name, what + " must be between " + least + " and " + most + ", got "
                    + value);
        }
        return value;
    }

    private static void requireLittleEndian(Path path) throws IOException {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new TensorFormatException(path.toString(), "files of caches are little-endian, this machine is not");
        }
    }
}
