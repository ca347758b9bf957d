package dev.kdeformer.runtime;

import java.util.concurrent.CancellationException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The team of one call: scratch memory for each thread, kept from call to call, and helpers borrowed from an executor
 * for each {@link #forEach}. Helpers that the executor starts late find nothing to do, and the leader never waits for
 * a helper that has not started, so a busy or rejecting executor costs speed and nothing else.
 */
public final class Crew implements Team, AutoCloseable {
    private final Executor executor;
    private final Scratch[] scratch;
    private final AtomicLong expected = new AtomicLong();
    private final AtomicLong done = new AtomicLong();
    /** Set when a task has failed, so that long tasks of other threads end. */
    private volatile boolean stopped;

    /** A crew of {@code threads} threads whose helpers come from {@code executor}. */
    public Crew(int threads, Executor executor) {
        this.executor = executor;
        this.scratch = new Scratch[threads];
        for (int i = 0; i < threads; i++) {
            scratch[i] = new Scratch();
        }
    }

    @Override
    public int threads() {
        return scratch.length;
    }

    @Override
    public Scratch scratch() {
        return scratch[0];
    }

    @Override
    public void forEach(int count, Task task) {
        int helpers = Math.min(scratch.length, count) - 1;
        Job job = new Job(this, count, task);
        for (int i = 0; i < helpers; i++) {
            try {
                executor.execute(job);
            } catch (RejectedExecutionException e) {
                break; // saturated: the leader does the work with the helpers it has
            } catch (RuntimeException | Error e) {
                job.fail(e);
                break;
            }
        }
        job.work(scratch[0]);
        job.finish();
    }

    @Override
    public void check() {
        checkInterrupt();
        if (stopped) {
            throw new CancellationException("another thread of this call has failed");
        }
    }

    @Override
    public void expect(long units) {
        expected.addAndGet(units);
    }

    @Override
    public void advance(long units) {
        done.addAndGet(units);
    }

    /** The part of the expected work that is done, from 0 to 1. */
    public double progress() {
        long all = expected.get();
        return all == 0 ? 0 : Math.min(1, (double) done.get() / all);
    }

    /** Makes the crew ready for another call. */
    public void reset() {
        for (Scratch each : scratch) {
            each.release(0);
        }
        expected.set(0);
        done.set(0);
        stopped = false;
    }

    /** Off-heap bytes held. */
    public long bytes() {
        long sum = 0;
        for (Scratch each : scratch) {
            sum += each.bytes();
        }
        return sum;
    }

    /** Frees the scratch memory. */
    @Override
    public void close() {
        for (Scratch each : scratch) {
            each.close();
        }
    }

    private static void checkInterrupt() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted while computing attention");
        }
    }

    /** One forEach: indices to claim, and a gate that late helpers find shut. */
    private static final class Job implements Runnable {
        private static final int SHUT = 1 << 30;

        private final Crew crew;
        private final int count;
        private final Task task;
        private final AtomicInteger next = new AtomicInteger();
        /** Helpers at work, plus SHUT once the leader has run out of indices. */
        private final AtomicInteger gate = new AtomicInteger();
        private final AtomicInteger slots = new AtomicInteger(1);
        private volatile Throwable failure;

        Job(Crew crew, int count, Task task) {
            this.crew = crew;
            this.count = count;
            this.task = task;
        }

        /** A helper's part. */
        @Override
        public void run() {
            int seen;
            do {
                seen = gate.get();
                if (seen >= SHUT) {
                    return;
                }
            } while (!gate.compareAndSet(seen, seen + 1));
            try {
                work(crew.scratch[slots.getAndIncrement()]);
            } finally {
                if (gate.decrementAndGet() == SHUT) {
                    synchronized (this) {
                        notifyAll();
                    }
                }
            }
        }

        void work(Scratch scratch) {
            boolean leader = scratch == crew.scratch[0];
            try {
                while (failure == null) {
                    int index = next.getAndIncrement();
                    if (index >= count) {
                        return;
                    }
                    if (leader) {
                        checkInterrupt();
                    }
                    long mark = scratch.mark();
                    task.run(index, scratch);
                    scratch.release(mark);
                }
            } catch (Throwable e) {
                fail(e);
            }
        }

        void fail(Throwable e) {
            synchronized (this) {
                if (failure == null) {
                    failure = e;
                }
            }
            crew.stopped = true;
        }

        /** The leader's end: shuts the gate, waits for the helpers inside, and throws what any of them threw. */
        void finish() {
            if (gate.addAndGet(SHUT) != SHUT) {
                awaitHelpers();
            }
            Throwable e = failure;
            if (e instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            if (e != null) {
                throw (Error) e;
            }
        }

        private void awaitHelpers() {
            for (int spin = 0; spin < 10_000; spin++) {
                if (gate.get() == SHUT) {
                    return;
                }
                Thread.onSpinWait();
            }
            boolean interrupted = false;
            synchronized (this) {
                while (gate.get() != SHUT) {
                    try {
                        wait();
                    } catch (InterruptedException e) {
                        // Helpers use memory that the leader would free, so it has to wait for their tasks in hand.
                        interrupted = true;
                        crew.stopped = true;
                        if (failure == null) {
                            failure = new CancellationException("interrupted while computing attention");
                        }
                    }
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
