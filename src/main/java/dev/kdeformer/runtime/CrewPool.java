package dev.kdeformer.runtime;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Executor;

/** A lender of crews, which keeps those that idle, with their memory, for later calls. */
public final class CrewPool implements Lender {
    private final int threads;
    private final Executor executor;
    private final Deque<Crew> idle = new ArrayDeque<>();
    private int running;
    private boolean closed;
    private volatile Crew latest;

    /** A pool of crews of {@code threads} threads whose helpers come from {@code executor}. */
    public CrewPool(int threads, Executor executor) {
        this.threads = threads;
        this.executor = executor;
    }

    @Override
    public int threads() {
        return threads;
    }

    @Override
    public Team begin() {
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

    @Override
    public void end(Team team) {
        Crew crew = (Crew) team;
        crew.reset();
        synchronized (this) {
            idle.push(crew);
            if (--running == 0) {
                notifyAll();
            }
        }
    }

    @Override
    public double progress() {
        Crew crew = latest;
        return crew == null ? 0 : crew.progress();
    }

    @Override
    public synchronized long bytes() {
        long sum = 0;
        for (Crew crew : idle) {
            sum += crew.bytes();
        }
        return sum;
    }

    @Override
    public synchronized void close() {
        boolean interrupted = false;
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
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
