package dev.kdeformer.runtime;

import java.util.ArrayList;
import java.util.List;

/**
 * The parts of a {@link Crew#deal}, each with a thread of its own, and the jobs that these have open: a thread that
 * finds no part left takes indices of such jobs, so that the last parts do not leave the others idle.
 */
final class Dealt {
    private final List<Job> jobs = new ArrayList<>();
    /** Threads that may have parts, the leader from the beginning. */
    private int busy = 1;
    /** Counts the jobs that were opened and the threads that have left, so that idle threads need no lock to wait. */
    private volatile int changes;
    private Throwable failure;

    /** A helper begins to claim parts. */
    synchronized void enter() {
        busy++;
    }

    /** A thread has found no part left. */
    synchronized void leave() {
        busy--;
        changed();
    }

    /**
     * Takes note of a failure before it makes other threads end, whose parts then fail for no reason of their own.
     *
     * @return the first one
     */
    synchronized Throwable first(Throwable e) {
        failure = failure == null ? e : failure;
        return failure;
    }

    /** Runs a job of a part, with the help of idle threads. */
    void run(Job job) {
        synchronized (this) {
            jobs.add(job);
            changed();
        }
        try {
            job.lead();
        } finally {
            synchronized (this) {
                jobs.remove(job);
            }
        }
    }

    /** Helps with the jobs of all parts until these are done. */
    void help(Scratch scratch) {
        while (true) {
            int seen = changes;
            Job job;
            synchronized (this) {
                if (busy == 0) {
                    return;
                }
                job = open();
            }
            if (job != null) {
                job.help(scratch);
            } else if (!await(seen)) {
                return;
            }
        }
    }

    /** Waits for a change; returns false if the thread was interrupted, which it still is then. */
    private boolean await(int seen) {
        for (int spin = 0; spin < Job.SPINS && changes == seen; spin++) {
            Thread.onSpinWait();
        }
        synchronized (this) {
            while (changes == seen) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
        }
        return true;
    }

    private synchronized void changed() {
        changes++;
        notifyAll();
    }

    private Job open() {
        for (Job each : jobs) {
            if (each.isOpen()) {
                return each;
            }
        }
        return null;
    }
}
