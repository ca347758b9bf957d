package dev.kdeformer.runtime;

import java.util.concurrent.CancellationException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
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
        Job job = new Job(this, scratch[0], count, task, null);
        start(job, Math.min(scratch.length, count) - 1);
        job.lead();
    }

    /**
     * {@inheritDoc} Threads that find no part left stay to help with those that others are still at: waking a thread
     * anew takes longer than much of what it is woken for.
     */
    @Override
    public void deal(int count, int perThread, Part part) {
        if (scratch.length == 1) {
            Team.super.deal(count, perThread, part);
            return;
        }
        Dealt dealt = new Dealt();
        boolean each = count >= (long) perThread * scratch.length;
        Job job = new Job(this, scratch[0], each ? count : 0,
                (index, its) -> part.run(index, new PartTeam(this, its, dealt)), dealt);
        start(job, scratch.length - 1);
        try {
            for (int index = 0; index < count && !each; index++) {
                part.run(index, new PartTeam(this, scratch[0], dealt));
            }
        } catch (Throwable e) {
            job.fail(e);
        }
        job.lead();
    }

    private void start(Job job, int helpers) {
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
    }

    /** Memory of a helper, from 1 on. */
    Scratch scratch(int helper) {
        return scratch[helper];
    }

    /** Makes long tasks of other threads end. */
    void stop() {
        stopped = true;
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

    static void checkInterrupt() {
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted while computing attention");
        }
    }
}
