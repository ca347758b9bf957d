package dev.kdeformer.cli.paper;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.util.List;

/**
 * The most Java heap that a computation takes: the peaks of the heap's pools while it runs, less what they held before.
 * Garbage counts until it is collected, and the pools' peaks need not fall together, so this is an upper bound.
 */
public final class PeakMemory {
    private PeakMemory() {
    }

    /** Runs a computation and returns the bytes. */
    static long of(Runnable computation) {
        List<MemoryPoolMXBean> pools = ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP && pool.isValid()).toList();
        System.gc();
        long before = pools.stream().mapToLong(pool -> pool.getUsage().getUsed()).sum();
        pools.forEach(MemoryPoolMXBean::resetPeakUsage);
        computation.run();
        long peak = pools.stream().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum();
        return Math.max(0, peak - before);
    }
}
