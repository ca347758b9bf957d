package dev.kdeformer.runtime;

import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;

/** One {@link Team#forEach}: indices to claim, and a gate that late helpers find shut. */
final class Job implements Runnable {
    private static final int SHUT = 1 << 30;
    /** How often a thread looks again before it sleeps: what it waits for is seldom long in coming. */
    static final int SPINS = 10_000;


    private final Crew crew;
    private final Scratch leader;
    private final int count;
    private final Team.Task task;
    private final Dealt dealt;
    private final AtomicInteger next = new AtomicInteger();
    /** Helpers at work, plus SHUT once the leader has run out of indices. */
    private final AtomicInteger gate = new AtomicInteger();
    private final AtomicInteger helpers = new AtomicInteger(1);
    private volatile Throwable failure;

    /**
     * Work that nobody has begun.
     *
     * @param leader memory of the thread that will call {@link #lead}
     * @param dealt  the parts that the indices stand for, which threads help with when none is left; null where they
     *               do not
     */
    Job(Crew crew, Scratch leader, int count, Team.Task task, Dealt dealt) {
        this.crew = crew;
        this.leader = leader;
        this.count = count;
        this.task = task;
        this.dealt = dealt;
    }

    /** Whether there are indices that nobody has claimed. */
    boolean isOpen() {
        return failure == null && next.get() < count;
    }

    /** The part of a helper that has memory of its own to come by. */
    @Override
    public void run() {
        if (enter()) {
            if (dealt != null) {
                dealt.enter();
            }
            assist(crew.scratch(helpers.getAndIncrement()));
        }
    }

    /** The part of a thread of the crew that has nothing else to do. */
    void help(Scratch scratch) {
        if (enter()) {
            assist(scratch);
        }
    }

    /** The leader's part: returns when all is done, and throws what any thread threw. */
    void lead() {
        work(leader);
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

    /** Ends the job for a reason; the first one counts. */
    void fail(Throwable e) {
        synchronized (this) {
            if (failure == null) {
                failure = dealt == null ? e : dealt.first(e);
            }
        }
        crew.stop();
    }

    private boolean enter() {
        int seen;
        do {
            seen = gate.get();
            if (seen >= SHUT) {
                return false;
            }
        } while (!gate.compareAndSet(seen, seen + 1));
        return true;
    }

    private void leave() {
        if (gate.decrementAndGet() == SHUT) {
            synchronized (this) {
                notifyAll();
            }
        }
    }

    private void assist(Scratch scratch) {
        try {
            work(scratch);
        } finally {
            leave();
        }
    }

    private void work(Scratch scratch) {
        claim(scratch);
        if (dealt != null) {
            dealt.leave();
            dealt.help(scratch);
        }
    }

    private void claim(Scratch scratch) {
        try {
            while (failure == null) {
                int index = next.getAndIncrement();
                if (index >= count) {
                    return;
                }
                if (scratch == crew.scratch()) {
                    Crew.checkInterrupt();
                }
                long mark = scratch.mark();
                task.run(index, scratch);
                scratch.release(mark);
            }
        } catch (Throwable e) {
            fail(e);
        }
    }

    private void awaitHelpers() {
        for (int spin = 0; spin < SPINS; spin++) {
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
                    fail(new CancellationException("interrupted while computing attention"));
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
