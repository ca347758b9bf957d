package dev.kdeformer;

import dev.kdeformer.runtime.Crew;
import dev.kdeformer.runtime.VectorModule;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Threads and scratch memory for attention. An engine may be used from many threads at once; each call runs on its
 * calling thread and up to {@code threads − 1} helpers. Scratch memory is kept from call to call and freed by
 * {@link #close}. Results never depend on the number of threads.
 */
public final class Engine implements AutoCloseable {
    private final int threads;
    private final Executor executor;
    private final ExecutorService owned;
    private final Deque<Crew> idle = new ArrayDeque<>();
    private int running;
    private boolean closed;
    private volatile Crew latest;

    private Engine(int threads, Executor executor, ExecutorService owned) {
        this.threads = threads;
        this.executor = executor;
        this.owned = owned;
    }

    /**
     * An engine on all processors.
     *
     * @throws IllegalStateException if this Java runs without the module jdk.incubator.vector
     */
    public static Engine create() {
        return create(Runtime.getRuntime().availableProcessors());
    }

    /**
     * An engine with helper threads of its own (daemons).
     *
     * @param threads number of threads of a call, the calling one included
     * @throws IllegalArgumentException if {@code threads} is not between 1 and 1,024
     * @throws IllegalStateException    if this Java runs without the module jdk.incubator.vector
     */
    public static Engine create(int threads) {
        checkStart(threads);
        if (threads == 1) {
            return new Engine(1, Runnable::run, null);
        }
        AtomicInteger number = new AtomicInteger();
        ExecutorService owned = Executors.newFixedThreadPool(threads - 1, task -> {
            Thread thread = new Thread(task, "kdeformer-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        return new Engine(threads, owned, owned);
    }

    /**
     * An engine whose helpers come from the caller's executor, which stays the caller's to shut down. An executor that
     * is busy or rejects work makes calls slower, never wrong.
     *
     * @param threads number of threads of a call, the calling one included
     * @throws IllegalArgumentException if {@code threads} is not between 1 and 1,024
     * @throws IllegalStateException    if this Java runs without the module jdk.incubator.vector
     */
    public static Engine create(int threads, Executor executor) {
        checkStart(threads);
        return new Engine(threads, Objects.requireNonNull(executor, "executor"), null);
    }

    /** Number of threads of a call, the calling one included. */
    public int threads() {
        return threads;
    }

    /** The part of the latest call's work that is done, from 0 to 1; may be asked from any thread. */
    public double progress() {
        Crew crew = latest;
        return crew == null ? 0 : crew.progress();
    }

    /** Off-heap scratch bytes that idle calls of this engine hold. */
    public synchronized long scratchBytes() {
        long sum = 0;
        for (Crew crew : idle) {
            sum += crew.bytes();
        }
        return sum;
    }

    /**
     * Takes a crew for one call; for methods, not for embedders. The crew goes back with {@link #end}.
     *
     * @throws IllegalStateException if the engine is closed
     */
    public Crew begin() {
        Crew crew;
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException("the engine is closed");
            }
            running++;
            crew = idle.poll();
        }
        if (crew == null) {
            crew = new Crew(threads, executor);
        }
        latest = crew;
        return crew;
    }

    /** Takes back the crew of a finished call. */
    public void end(Crew crew) {
        crew.reset();
        synchronized (this) {
            idle.push(crew);
            if (--running == 0) {
                notifyAll();
            }
        }
    }

    /**
     * Waits for running calls, ends the engine's own threads and frees its scratch memory. Later calls throw
     * {@link IllegalStateException}. Closing twice does nothing.
     */
    @Override
    public void close() {
        boolean interrupted = false;
        synchronized (this) {
            closed = true;
            while (running > 0) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    interrupted = true; // memory in use cannot be freed: keep waiting, report the interrupt later
                }
            }
            idle.forEach(Crew::close);
            idle.clear();
        }
        if (owned != null) {
            owned.shutdown();
            try {
                interrupted |= !owned.awaitTermination(10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void checkStart(int threads) {
        VectorModule.require();
        if (threads < 1 || threads > 1024) {
            throw new IllegalArgumentException("threads must be between 1 and 1024, got " + threads);
        }
    }
}
