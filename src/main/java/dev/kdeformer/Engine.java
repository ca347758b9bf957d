package dev.kdeformer;

import dev.kdeformer.runtime.CrewPool;
import dev.kdeformer.runtime.Crews;
import dev.kdeformer.runtime.Lender;
import dev.kdeformer.runtime.NativeAccess;
import dev.kdeformer.runtime.VectorModule;
import dev.kdeformer.runtime.VectorSupport;
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
    private static final int MOST_THREADS = 1024;

    /** How long closing waits for the engine's own threads to end, once their work is done. */
    private static final int PATIENCE_SECONDS = 10;

    static {
        Crews.<Engine>connect(engine -> engine.lender, lender -> new Engine(lender, null));
    }

    private final Lender lender;
    private final ExecutorService owned;

    private Engine(Lender lender, ExecutorService owned) {
        this.lender = lender;
        this.owned = owned;
    }

    /**
     * Makes an engine on all processors.
     *
     * @throws IllegalStateException if this Java runs without the module jdk.incubator.vector
     */
    public static Engine create() {
        return create(Runtime.getRuntime().availableProcessors());
    }

    /**
     * Makes an engine with helper threads of its own (daemons).
     *
     * @param threads number of threads of a call, the calling one included
     * @throws IllegalArgumentException if {@code threads} is not between 1 and 1,024
     * @throws IllegalStateException    if this Java runs without the module jdk.incubator.vector
     */
    public static Engine create(int threads) {
        checkStart(threads);
        if (threads == 1) {
            return new Engine(new CrewPool(1, Runnable::run), null);
        }
        AtomicInteger number = new AtomicInteger();
        ExecutorService owned = Executors.newFixedThreadPool(threads - 1, task -> {
            Thread thread = new Thread(task, "kdeformer-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        return new Engine(new CrewPool(threads, owned), owned);
    }

    /**
     * Makes an engine whose helpers come from the caller's executor, which stays the caller's to shut down. An executor
     * that is busy or rejects work makes calls slower, never wrong.
     *
     * @param threads number of threads of a call, the calling one included
     * @throws IllegalArgumentException if {@code threads} is not between 1 and 1,024
     * @throws IllegalStateException    if this Java runs without the module jdk.incubator.vector
     */
    public static Engine create(int threads, Executor executor) {
        checkStart(threads);
        return new Engine(new CrewPool(threads, Objects.requireNonNull(executor, "executor")), null);
    }

    /** Returns the number of threads of a call, the calling one included. */
    public int threads() {
        return lender.threads();
    }

    /** Returns the part of the latest call's work that is done, from 0 to 1; may be asked from any thread. */
    public double progress() {
        return lender.progress();
    }

    /** Off-heap scratch bytes that idle calls of this engine hold. */
    public long scratchBytes() {
        return lender.bytes();
    }

    /**
     * Waits for running calls, ends the engine's own threads and frees its scratch memory. Later calls throw
     * {@link IllegalStateException}. Closing twice does nothing.
     */
    @Override
    public void close() {
        lender.close();
        if (owned == null) {
            return;
        }
        owned.shutdown();
        // Waiting would end at once where the lender has left the thread's interrupt flag set.
        boolean interrupted = Thread.interrupted();
        try {
            interrupted |= !owned.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static void checkStart(int threads) {
        VectorModule.require();
        NativeAccess.require();
        VectorSupport.warnOnce(problem -> System.getLogger("dev.kdeformer").log(System.Logger.Level.WARNING, problem));
        if (threads < 1 || threads > MOST_THREADS) {
            throw new IllegalArgumentException("threads must be between 1 and " + MOST_THREADS + ", got " + threads);
        }
    }
}
