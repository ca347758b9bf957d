package dev.kdeformer.onnx.run;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * A setting of the C library's heap: blocks from 1 MB on are mapped, and unmapped when they are freed. By default glibc
 * raises that limit to 32 MB as such blocks are freed, and keeps pieces of what a session freed that the next one
 * cannot use: half of the memory of a long run.
 */
public final class NativeHeap {
    private static final int M_MMAP_THRESHOLD = -3;
    private static final int LIMIT = 1 << 20;
    private static boolean done;

    private NativeHeap() {
    }

    /**
     * Sets the limit for the whole process, once; does nothing where the C library has no such setting.
     *
     * @throws IllegalStateException if the C library has the setting but it cannot be called
     */
    @SuppressWarnings("restricted")
    public static synchronized void mapLargeBlocks() {
        if (done || System.getenv("MALLOC_MMAP_THRESHOLD_") != null) {
            return;
        }
        done = true;
        Linker linker = Linker.nativeLinker();
        Optional<MemorySegment> mallopt = linker.defaultLookup().find("mallopt");
        if (mallopt.isEmpty()) {
            return;
        }
        MethodHandle handle = linker.downcallHandle(mallopt.get(), FunctionDescriptor.of(ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        try {
            int unused = (int) handle.invokeExact(M_MMAP_THRESHOLD, LIMIT);
        } catch (Throwable e) {
            throw new IllegalStateException("mallopt cannot be called", e);
        }
    }
}
