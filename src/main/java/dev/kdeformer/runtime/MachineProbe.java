package dev.kdeformer.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.function.Supplier;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Measures what the processor can do at best, so that kernels can be judged against it: the rate of
 * multiply-adds held in registers, and the rate at which memory is read. Both are the best of several warm passes,
 * because whatever disturbs a pass only ever makes it slower.
 */
public final class MachineProbe {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int STEPS = 4096;
    /** What all threads read together at least: far beyond any cache that they may share. */
    private static final long LEAST_BYTES = 256L << 20;
    /** What each thread reads at least: far beyond a core's own caches. */
    private static final long LEAST_BYTES_PER_THREAD = 16L << 20;
    private static final long PASS_NANOS = 20_000_000L;
    /** Passes go on until none has been better for this long: on a busy machine compilation takes its time. */
    private static final long QUIET_NANOS = 500_000_000L;
    private static final long LIMIT_NANOS = 10_000_000_000L;
    private static final double BETTER = 1.02;

    private MachineProbe() {
    }

    /** Bits of the vectors that kernels use. */
    public static int vectorBits() {
        return SPECIES.vectorBitSize();
    }

    /**
     * The best rate of float32 multiply-adds, each counted as two operations, in GFLOP/s.
     *
     * @param threads number of threads that compute at once
     * @throws IllegalArgumentException if {@code threads} is below 1
     * @throws IllegalStateException    if the calling thread is interrupted
     */
    public static double peakGflops(int threads) {
        // Twelve chains and their two operands fit in sixteen registers, sixteen chains only in thirty-two; which
        // of the two hides the latency better is the machine's affair.
        long chain = 2L * SPECIES.length() * STEPS;
        return Math.max(best(threads, () -> new Work(() -> Chains.twelve(STEPS), 12 * chain)),
                best(threads, () -> new Work(() -> Chains.sixteen(STEPS), 16 * chain)));
    }

    /**
     * The best rate of reading memory in order, in GB/s (10⁹ bytes). Needs 256 MiB of memory, beyond 16 threads
     * 16 MiB for each.
     *
     * @param threads number of threads that read at once
     * @throws IllegalArgumentException if {@code threads} is below 1
     * @throws IllegalStateException    if the calling thread is interrupted
     * @throws OutOfMemoryError         if the memory is not to be had
     */
    public static double readGigabytes(int threads) {
        try (Arena arena = Arena.ofShared()) {
            long bytes = Math.max(LEAST_BYTES_PER_THREAD, LEAST_BYTES / Math.max(1, threads));
            return best(threads, () -> {
                MemorySegment block = arena.allocate(bytes, 64);
                block.fill((byte) 0);
                return new Work(() -> sum(block), bytes);
            });
        }
    }

    /** Units per nanosecond of all threads together. */
    private static double best(int threads, Supplier<Work> works) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads must be at least 1, got " + threads);
        }
        Race race = new Race(threads);
        Thread[] others = new Thread[threads - 1];
        for (int t = 1; t < threads; t++) {
            Work work = works.get();
            int lane = t;
            others[t - 1] = new Thread(() -> race.run(lane, work), "kdeformer-probe-" + t);
            others[t - 1].setDaemon(true);
        }
        Work own = works.get();
        for (Thread other : others) {
            other.start();
        }
        race.run(0, own);
        boolean interrupted = false;
        for (Thread other : others) {
            interrupted |= Threads.join(other);
        }
        if (interrupted || race.broken) {
            throw new IllegalStateException("interrupted while measuring the machine");
        }
        return race.best;
    }

    private static float sum(MemorySegment block) {
        int step = SPECIES.vectorByteSize();
        FloatVector a0 = FloatVector.zero(SPECIES);
        FloatVector a1 = a0;
        FloatVector a2 = a0;
        FloatVector a3 = a0;
        long end = block.byteSize() - 4L * step;
        for (long at = 0; at <= end; at += 4L * step) {
            a0 = a0.add(FloatVector.fromMemorySegment(SPECIES, block, at, ByteOrder.nativeOrder()));
            a1 = a1.add(FloatVector.fromMemorySegment(SPECIES, block, at + step, ByteOrder.nativeOrder()));
            a2 = a2.add(FloatVector.fromMemorySegment(SPECIES, block, at + 2L * step, ByteOrder.nativeOrder()));
            a3 = a3.add(FloatVector.fromMemorySegment(SPECIES, block, at + 3L * step, ByteOrder.nativeOrder()));
        }
        return a0.add(a1).add(a2.add(a3)).lane(0);
    }

    /** A loop whose time is taken. */
    private interface Kernel {
        float run();
    }

    /** A kernel and the units (operations, bytes) that one call of it does. */
    private record Work(Kernel kernel, long units) {
    }

    /** Passes that all threads run side by side until they have stopped getting better. */
    private static final class Race {
        private final double[] rates;
        private final float[] sinks;
        private final CyclicBarrier barrier;
        private final long start = System.nanoTime();
        private long improved = start;
        private double best;
        private volatile boolean done;
        private volatile boolean broken;

        Race(int threads) {
            rates = new double[threads];
            sinks = new float[threads];
            barrier = new CyclicBarrier(threads, this::judge);
        }

        void run(int lane, Work work) {
            try {
                while (!done) {
                    rates[lane] = pass(lane, work);
                    barrier.await();
                }
            } catch (InterruptedException e) {
                broken = true; // and so is the barrier now, for all threads
                Thread.currentThread().interrupt();
            } catch (BrokenBarrierException e) {
                broken = true;
            }
        }

        /** Looks at the pass that all threads have just ended. */
        private void judge() {
            double rate = Arrays.stream(rates).sum();
            long now = System.nanoTime();
            if (rate > BETTER * best) {
                improved = now;
            }
            best = Math.max(best, rate);
            done = now - improved > QUIET_NANOS || now - start > LIMIT_NANOS;
        }

        private double pass(int lane, Work work) {
            long units = 0;
            float sum = 0;
            long begin = System.nanoTime();
            long now;
            do {
                sum += work.kernel().run();
                units += work.units();
                now = System.nanoTime();
            } while (now - begin < PASS_NANOS);
            sinks[lane] = sum; // keeps the results, so that the compiler cannot drop the kernels
            return units / (double) (now - begin);
        }
    }
}
