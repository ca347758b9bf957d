package dev.kdeformer.onnx.run;

import ai.onnxruntime.OrtEnvironment;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * One arena of ONNX Runtime that all parts of all models take their tensors from. With one for each session, the parts
 * of a model would hold several times what the model needs; without any, the system would hand out every tensor as new
 * pages, which takes up to half of the time of a part. Its Java interface cannot register an allocator with the
 * environment; its C interface can, whose table of functions only grows at its end. Where that is not to be had,
 * sessions do without.
 */
final class SharedArena {
    /** The C interface that is asked for; every later library has it. */
    private static final int VERSION = 17;
    private static final int CREATE_CPU_MEMORY_INFO = 69;
    private static final int RELEASE_STATUS = 93;
    private static final int RELEASE_MEMORY_INFO = 94;
    private static final int CREATE_AND_REGISTER_ALLOCATOR = 144;
    private static final int RELEASE_ARENA_CONFIGURATION = 157;
    private static final int CREATE_ARENA_CONFIGURATION = 164;
    /** OrtArenaAllocator. */
    private static final int ARENA = 1;

    /** An arena grows by what is asked of it and not by powers of two, and splits what it has without waste. */
    private static final String[] KEYS = {"arena_extend_strategy", "initial_chunk_size_bytes",
        "max_dead_bytes_per_chunk"};
    private static final long[] VALUES = {1, 1 << 20, 1 << 20};

    private static final AddressLayout ADDRESS = ValueLayout.ADDRESS;
    @SuppressWarnings("restricted")
    private static final AddressLayout TABLE = ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(512, ADDRESS));

    private static Boolean registered;

    private SharedArena() {
    }

    /** Registers the arena, once; false if that cannot be done. */
    static synchronized boolean register(OrtEnvironment environment) {
        if (registered == null) {
            try (Arena arena = Arena.ofConfined()) {
                registered = register(environment, arena);
            } catch (Throwable e) {
                registered = false; // another version or system; it runs as well, and slower
            }
        }
        return registered;
    }

    @SuppressWarnings("restricted")
    private static boolean register(OrtEnvironment environment, Arena arena) throws Throwable {
        Method handle = OrtEnvironment.class.getDeclaredMethod("getNativeHandle");
        handle.setAccessible(true);
        MemorySegment env = MemorySegment.ofAddress((long) handle.invoke(environment));
        Optional<MemorySegment> base = SymbolLookup.loaderLookup().find("OrtGetApiBase");
        if (base.isEmpty()) {
            return false;
        }
        Linker linker = Linker.nativeLinker();
        MemorySegment functions = (MemorySegment) linker.downcallHandle(base.get(), FunctionDescriptor.of(TABLE))
                .invokeExact();
        MemorySegment api = (MemorySegment) linker.downcallHandle(functions.get(ADDRESS, 0),
                FunctionDescriptor.of(TABLE, ValueLayout.JAVA_INT)).invokeExact(VERSION);
        if (api.address() == 0) {
            return false;
        }
        MemorySegment keys = arena.allocate(KEYS.length * ADDRESS.byteSize(), ADDRESS.byteAlignment());
        MemorySegment values = arena.allocate(KEYS.length * (long) Long.BYTES, Long.BYTES);
        for (int i = 0; i < KEYS.length; i++) {
            byte[] key = KEYS[i].getBytes(StandardCharsets.US_ASCII);
            MemorySegment text = arena.allocate(key.length + 1); // zeros, the last of which ends it
            MemorySegment.copy(key, 0, text, ValueLayout.JAVA_BYTE, 0, key.length);
            keys.setAtIndex(ADDRESS, i, text);
            values.setAtIndex(ValueLayout.JAVA_LONG, i, VALUES[i]);
        }
        Functions f = new Functions(linker, api);
        MemorySegment out = arena.allocate(ADDRESS);
        MethodHandle release = f.get(RELEASE_STATUS, FunctionDescriptor.ofVoid(ADDRESS));
        if (f.failed(release, (MemorySegment) f.get(CREATE_ARENA_CONFIGURATION, FunctionDescriptor.of(ADDRESS, ADDRESS,
                ADDRESS, ValueLayout.JAVA_LONG, ADDRESS)).invokeExact(keys, values, (long) KEYS.length, out))) {
            return false;
        }
        MemorySegment configuration = out.get(ADDRESS, 0);
        try {
            if (f.failed(release, (MemorySegment) f.get(CREATE_CPU_MEMORY_INFO, FunctionDescriptor.of(ADDRESS,
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ADDRESS)).invokeExact(ARENA, 0, out))) {
                return false;
            }
            MemorySegment info = out.get(ADDRESS, 0);
            try {
                return !f.failed(release, (MemorySegment) f.get(CREATE_AND_REGISTER_ALLOCATOR, FunctionDescriptor.of(
                        ADDRESS, ADDRESS, ADDRESS, ADDRESS)).invokeExact(env, info, configuration));
            } finally {
                f.get(RELEASE_MEMORY_INFO, FunctionDescriptor.ofVoid(ADDRESS)).invokeExact(info);
            }
        } finally {
            f.get(RELEASE_ARENA_CONFIGURATION, FunctionDescriptor.ofVoid(ADDRESS)).invokeExact(configuration);
        }
    }

    /** The table of the C interface. */
    private record Functions(Linker linker, MemorySegment api) {
        @SuppressWarnings("restricted")
        MethodHandle get(int index, FunctionDescriptor type) {
            return linker.downcallHandle(api.getAtIndex(ADDRESS, index), type);
        }

        /** Whether a call says that it failed; frees what it says. */
        boolean failed(MethodHandle release, MemorySegment status) throws Throwable {
            if (status.address() == 0) {
                return false;
            }
            release.invokeExact(status);
            return true;
        }
    }
}
